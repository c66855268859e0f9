import { GatewayError, invalidRequest } from "../errors.ts";
import { mostReferenced, responseIdOf } from "./named-responses.ts";
import type { Coordinator } from "../coordination/coordinator.ts";
import type { Fields } from "../protocols/fields.ts";
import { fieldsOf, listOf, stringOf } from "../protocols/fields.ts";
import { historyOf } from "../storage/responses/history.ts";
import type { ResponseStore } from "../storage/responses/response-store.ts";

/** Responses that the gateway keeps for upstreams which keep none. */
export interface StoredResponses {
  /** Only where responses are kept behind a network: these are at hand once it has resolved, as far as they are kept. Never rejects. */
  readonly bring?: (ids: readonly string[]) => Promise<void>;
  /**
   * A request with the items of `previous_response_id` in front of its own, and with those that it only names
   * (`item_reference`) as far as they are kept. Throws GatewayError (400) with OpenAI's code
   * `previous_response_not_found`, upon which clients send the whole history.
   */
  expanded(body: Fields, keyId: string): Fields;
  /** Whether a request wants its response kept, and it can be. */
  wants(body: Fields): boolean;
  keep(kept: { id: string; keyId: string; request: Fields; response: Fields }): void;
  /** Notes whose a response is that an upstream keeps itself. */
  claim(id: string, keyId: string): void;
  /** Whether a key may ask the upstream for a response. What nobody claimed since the start is refused where several keys share the gateway. */
  mayAsk(id: string, keyId: string): boolean;
  /** Throws GatewayError (400), as for an unknown one, when a response is known to be another key's. */
  checkOwner(id: string, keyId: string): void;
  /** All three throw GatewayError (404): there is none, or it is another key's. `remove` rejects with one (503) where the store cannot be reached. */
  read(id: string, keyId: string): object;
  remove(id: string, keyId: string): Promise<object>;
  inputItems(id: string, keyId: string): object;
}

function previousNotFound(id: string, isOff: boolean): GatewayError {
  const why = isOff ? "; responses are not kept here (responses.store)" : "";
  const message = `Previous response with id '${id.slice(0, 200)}' not found${why}. Send the whole conversation in \`input\` instead.`;
  return new GatewayError({
    code: "invalid_request",
    status: 400,
    message,
    param: "previous_response_id",
    details: { upstreamCode: "previous_response_not_found" },
  });
}

function notFound(id: string): GatewayError {
  return new GatewayError({
    code: "not_found",
    status: 404,
    message: `Response with id '${id.slice(0, 200)}' not found.`,
  });
}

/** `input` may be one text. */
function itemsOf(input: unknown): readonly unknown[] {
  return typeof input === "string" ? [{ type: "message", role: "user", content: input }] : listOf(input);
}

const mostClaims = 20_000;

export interface StoredResponsesOptions {
  /** Several keys share the gateway, now or always: what nobody is known to own is nobody's. */
  hasManyKeys?: boolean | (() => boolean);
  /** Gateways that stand for the same one, which tell each other whose a response is. */
  others?: Pick<Coordinator, "publish" | "subscribe"> | undefined;
}

/** `id key`; ids of upstreams have no blanks in them, those that have are not told. */
const claimsChannel = "claims";

/** `store` = undefined: none are kept. */
export function createStoredResponses(
  store: ResponseStore | undefined,
  { hasManyKeys = false, others }: StoredResponsesOptions = {},
): StoredResponses {
  const owners = new Map<string, string>();

  function own(id: string, keyId: string): void {
    owners.set(id, keyId);
    const oldest = owners.size > mostClaims ? owners.keys().next().value : undefined;
    if (oldest !== undefined) owners.delete(oldest);
  }

  others?.subscribe(claimsChannel, (message) => {
    const [, id, keyId] = /^(\S+) (.*)$/s.exec(message) ?? [];
    if (id !== undefined && keyId !== undefined) own(id, keyId);
  });

  function mayAsk(id: string, keyId: string): boolean {
    const owner = owners.get(id);
    if (owner !== undefined) return owner === keyId;
    return !(typeof hasManyKeys === "function" ? hasManyKeys() : hasManyKeys);
  }

  function found(id: string, keyId: string) {
    const entry = store?.find(id);
    if (entry === undefined || entry.keyId !== keyId) throw notFound(id);
    return entry;
  }

  /** Finds the items that references mean: the ids of items hold that of their response. Each is given out once. */
  function createReferences(keyId: string): (item: unknown) => unknown {
    const outputs = new Map<string, readonly unknown[]>();
    const used = new Set<string>();
    return (item) => {
      const { type, id } = fieldsOf(item);
      const isReference = type === "item_reference" || (type === undefined && Object.keys(fieldsOf(item)).length === 1);
      const responseId = isReference && typeof id === "string" && !used.has(id) ? responseIdOf(id) : undefined;
      if (responseId === undefined || typeof id !== "string") return item;
      used.add(id);
      let output = outputs.get(responseId);
      if (output === undefined && outputs.size < mostReferenced) {
        const entry = store?.find(responseId);
        output = entry?.keyId === keyId ? entry.output : [];
        outputs.set(responseId, output);
      }
      return output?.find((candidate) => fieldsOf(candidate)["id"] === id) ?? item;
    };
  }

  function withReferences(body: Fields, keyId: string): Fields {
    const { input } = body;
    if (!Array.isArray(input) || store === undefined) return body;
    return { ...body, input: input.map(createReferences(keyId)) };
  }

  return {
    ...(store?.bring && { bring: (ids) => store.bring?.(ids) ?? Promise.resolve() }),
    expanded(asked, keyId) {
      const body = withReferences(asked, keyId);
      const previousId = body["previous_response_id"];
      if (previousId === undefined || previousId === null) return body;
      if (typeof previousId !== "string")
        throw invalidRequest("`previous_response_id` must be a string.", "previous_response_id");
      const history = store === undefined ? undefined : historyOf(store, previousId, keyId);
      if (history === undefined) throw previousNotFound(previousId, store === undefined);
      const { previous_response_id: _expanded, ...rest } = body;
      return { ...rest, input: [...history, ...itemsOf(body["input"])] };
    },
    wants: (body) => store !== undefined && body["store"] !== false,
    keep({ id, keyId, request, response }) {
      store?.save({
        id,
        previousId: stringOf(request["previous_response_id"]),
        keyId,
        // Kept as themselves: who goes on from here must not need what they were named after.
        input: [...itemsOf(withReferences(request, keyId)["input"])],
        output: [...listOf(response["output"])],
        response: { ...response },
        createdAt: Date.now(),
      });
    },
    claim(id, keyId) {
      own(id, keyId);
      if (!/\s/.test(id)) others?.publish(claimsChannel, `${id} ${keyId}`);
    },
    mayAsk,
    checkOwner(id, keyId) {
      if (!mayAsk(id, keyId)) throw previousNotFound(id, false);
    },
    read: (id, keyId) => fieldsOf(found(id, keyId).response),
    async remove(id, keyId) {
      found(id, keyId);
      await store?.delete(id);
      return { id, object: "response.deleted", deleted: true };
    },
    inputItems(id, keyId) {
      const data = found(id, keyId).input.map((item, index) => ({ id: `msg_${id}_${index}`, ...fieldsOf(item) }));
      return {
        object: "list",
        data,
        first_id: data[0]?.id ?? null,
        last_id: data.at(-1)?.id ?? null,
        has_more: false,
      };
    },
  };
}
