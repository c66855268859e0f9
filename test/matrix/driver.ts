import type { ProtocolName } from "../../src/config/protocol-names.ts";

/** A gateway as its clients see it. */
export interface GatewayAddress {
  /** `http://127.0.0.1:PORT`. */
  origin: string;
}

export interface Picture {
  mediaType: "image/png";
  base64: string;
}

export interface Question {
  model: string;
  prompt: string;
  system?: string;
  picture?: Picture;
  /** JSON Schema that the answer shall satisfy, asked for in the client's own way. */
  schema?: Readonly<Record<string, unknown>>;
  signal?: AbortSignal;
  /** Called once, when the first text of a stream has come. */
  onText?: () => void;
}

export interface Tool {
  name: string;
  description: string;
  parameters: Readonly<Record<string, unknown>>;
  readonly run: (input: unknown) => string;
}

export interface ToolQuestion {
  model: string;
  prompt: string;
  tools: readonly Tool[];
  stream: boolean;
}

export interface ClientAnswer {
  text: string;
  /** Where the client shows it. */
  reasoning?: string | undefined;
  /** The client's own word. */
  finish: string | undefined;
  /** All tokens that went in and came out, with what was read from a cache and thought; `undefined` = the client got none. */
  usage: { input: number | undefined; output: number | undefined } | undefined;
}

/** What a client makes of an error. */
export interface ClientFailure {
  /** `undefined` where the stream broke behind its head. */
  status: number | undefined;
  message: string;
}

/** A real client, brought to one form. What it has no method for, it cannot do. */
export interface ClientDriver {
  /** Stable, for lists of limits. */
  readonly id: string;
  /** For people. */
  readonly name: string;
  readonly package: string;
  readonly protocol: ProtocolName;
  models?(): Promise<string[]>;
  readonly ask?: (question: Question) => Promise<ClientAnswer>;
  /** Rejects when the stream breaks. */
  readonly askStream?: (question: Question) => Promise<ClientAnswer>;
  /** Asks, runs the tools that are called, gives their results back, until the answer is a text. */
  useTools?(question: ToolQuestion): Promise<ClientAnswer>;
  /** Asks one prompt after another, each as a continuation that does not repeat what was said; the last answer's text. */
  carryOn?(question: { model: string; prompts: readonly string[]; stream: boolean }): Promise<string>;
  /** What the client says of a request, in the number of tokens. */
  count?(question: { model: string; prompt: string }): Promise<number>;
  embed?(question: { model: string; texts: readonly string[] }): Promise<number[][]>;
  /** Base64. */
  draw?(question: { model: string; prompt: string }): Promise<string>;
  speak?(question: { model: string; text: string }): Promise<Uint8Array>;
  transcribe?(question: { model: string; audio: Uint8Array }): Promise<string>;
  /** Whether each text is flagged. */
  moderate?(question: { model: string; texts: readonly string[] }): Promise<boolean[]>;
  failureOf(error: unknown): ClientFailure | undefined;
}

export type CreateDriver = (gateway: GatewayAddress) => ClientDriver;

/** Version of an installed package. */
export async function versionOf(name: string): Promise<string> {
  const file = Bun.file(new URL(`../../node_modules/${name}/package.json`, import.meta.url));
  const { version } = (await file.json()) as { version: string };
  return version;
}

/** Finds a tool and runs it; for clients that leave that to their user. */
export function runTool(tools: readonly Tool[], call: { name: string; input: unknown }): string {
  const tool = tools.find(({ name }) => name === call.name);
  if (tool === undefined) throw new Error(`the model called '${call.name}', which is no tool`);
  return tool.run(call.input);
}

/** Calls it for the first text only. */
export function once(callback: (() => void) | undefined): (text: string) => void {
  let isDone = callback === undefined;
  return (text) => {
    if (isDone || text === "") return;
    isDone = true;
    callback?.();
  };
}
