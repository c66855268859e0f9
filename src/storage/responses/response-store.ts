/** A response of /v1/responses that the gateway keeps because the upstream does not. */
export interface ResponseEntry {
  id: string;
  /** The response this one went on from. */
  previousId: string | undefined;
  /** Whose it is. Whoever reads an entry compares: to another key it does not exist. */
  keyId: string;
  /** The request's own items, without those of the responses before it. */
  input: readonly unknown[];
  output: readonly unknown[];
  /** The response as the client got it. */
  response: Readonly<Record<string, unknown>>;
  /** Epoch milliseconds. */
  createdAt: number;
}

export interface KeptResponse extends ResponseEntry {
  /** What it takes in the store. */
  readonly bytes: number;
}

/**
 * Where responses are kept, up to so many bytes and for so long; the oldest go first. `save` and `find` are synchronous and
 * short. Losing a response costs a client no more than sending its history again, so they do not throw when the store fails:
 * what cannot be written is not kept, what cannot be read is not there.
 */
export interface ResponseStore {
  /** An id that is there already is left as it is; an entry larger than the whole store is not kept. */
  save(entry: ResponseEntry): void;
  find(id: string): KeptResponse | undefined;
  /**
   * Only a store behind a network has it: brings these responses, and all that they go on from, to where `find` finds them
   * for the next minutes. Never rejects.
   */
  bring?(ids: readonly string[]): Promise<void>;
  /** Throws, or rejects with, GatewayError when the store fails: it was asked to forget something. */
  delete(id: string): void | Promise<void>;
  close(): void | Promise<void>;
}

/** One that does everything at once. */
export interface NearResponseStore extends ResponseStore {
  delete(id: string): void;
  close(): void;
}

export interface ResponseStoreOptions {
  maxBytes?: number;
  /** Default 30 days. */
  ttlMs?: number;
  now?: () => number;
  /** The database failed: what was to be kept is not, or was not found. */
  onWarning?: (message: string) => void;
}

/** An entry's values as JSON text. */
export interface ResponseTexts {
  input: string;
  output: string;
  response: string;
}

/** Texts of an entry; `undefined` when a value cannot be written as JSON. */
export function textsOf({ input, output, response }: ResponseEntry): ResponseTexts | undefined {
  try {
    return { input: JSON.stringify(input), output: JSON.stringify(output), response: JSON.stringify(response) };
  } catch {
    return undefined;
  }
}

/** Ids and what belongs to a row or an entry besides its texts. */
const rowBytes = 256;

export function bytesOf({ input, output, response }: ResponseTexts): number {
  return Buffer.byteLength(input) + Buffer.byteLength(output) + Buffer.byteLength(response) + rowBytes;
}

type EntryHead = Pick<KeptResponse, "id" | "previousId" | "keyId" | "createdAt" | "bytes">;

/** A database is a file: somebody may have written other things into it. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function items(text: string): readonly unknown[] {
  const value = parsed(text);
  return Array.isArray(value) ? value : [];
}

/** An entry whose values are read from their texts when somebody looks at them: a history does not need `response`. */
export function keptResponse(head: EntryHead, texts: Readonly<ResponseTexts>): KeptResponse {
  return {
    ...head,
    get input() {
      return items(texts.input);
    },
    get output() {
      return items(texts.output);
    },
    get response() {
      const value = parsed(texts.response);
      return typeof value === "object" && value !== null ? { ...value } : {};
    },
  };
}
