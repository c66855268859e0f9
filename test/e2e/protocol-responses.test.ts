import { afterAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Gateway } from "../support/gateway.ts";
import type { ReplayingUpstream } from "../support/replaying-upstream.ts";
import { toolInputs } from "../support/replay-scenarios.ts";
import { dataOf } from "./translation-clients.ts";
import { credential, startTranslationRig, upstreamIds, type TranslationRigOptions } from "./translation-rig.ts";

type Fields = Record<string, unknown>;

/** OpenRouter keeps no responses, though it speaks their protocol. */
const withRouter = ({ config = {}, ...rest }: TranslationRigOptions = {}) =>
  startTranslationRig({
    ...rest,
    config: { ...config, models: { "router-plain": { targets: [{ provider: "router", model: "plain" }] } } },
    env: { OR_API_KEY: undefined, ...rest.env },
    providersOf: (origin) => ({
      router: {
        type: "openrouter",
        baseUrl: `${origin}/openai/v1`,
        credentials: [credential],
        retries: 0,
        listModels: false,
      },
    }),
  });

const { gateway, upstream, ...rig } = await withRouter({
  config: { keys: { inbound: ["alpha-key-0001", "bravo-key-0002"] } },
});
afterAll(() => rig[Symbol.asyncDispose]());

const alpha = "alpha-key-0001";
const bravo = "bravo-key-0002";

interface Call {
  method?: string;
  body?: Fields;
  key?: string;
}

async function call(
  { origin }: Pick<Gateway, "origin">,
  path: string,
  { method = "POST", body, key = alpha }: Call = {},
): Promise<{ status: number; body: Fields }> {
  const response = await fetch(`${origin}/v1/responses${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
  return { status: response.status, body: isStream ? finalOf(text) : (JSON.parse(text) as Fields) };
}

/** The response that ends a stream. */
function finalOf(stream: string): Fields {
  return (dataOf(stream).at(-1)?.["response"] ?? {}) as Fields;
}

async function respond(body: Fields, options: Call & { gateway?: Pick<Gateway, "origin"> } = {}): Promise<Fields> {
  const { gateway: to = gateway, ...rest } = options;
  const answer = await call(to, "", { body, ...rest });
  if (answer.status !== 200) throw new Error(JSON.stringify(answer));
  return answer.body;
}

/** What the upstream was asked last, as messages, contents or items. */
function lastTurns(seen: Pick<ReplayingUpstream, "conversations"> = upstream): unknown {
  const body = seen.conversations.at(-1)?.played.body as Fields;
  return body["messages"] ?? body["contents"] ?? body["input"];
}

function idOf(response: Fields): string {
  return String(response["id"]);
}

const notFound = { status: 404, body: { error: { type: "invalid_request_error", code: "not_found" } } };
const previousNotFound = {
  status: 400,
  body: { error: { param: "previous_response_id", code: "previous_response_not_found" } },
};

const tools = Object.keys(toolInputs).map((name) => ({
  type: "function",
  name,
  description: name,
  strict: false,
  parameters: { type: "object", properties: {} },
}));

describe.each([...upstreamIds, "router"])("a conversation that goes on from a response, before %s", (id) => {
  test.each([false, true])("has its whole history, in order (stream: %s)", async (stream) => {
    const model = `${id}-plain`;
    const first = await respond({ model, stream, input: "Erstens ä" });
    const input = [{ role: "user", content: "Zweitens" }];
    const second = await respond({ model, stream, previous_response_id: idOf(first), input });
    await respond({ model, stream, previous_response_id: idOf(second), input: "Drittens" });
    const told = JSON.stringify(lastTurns());
    const places = ["Erstens ä", ": Erstens ä", "Zweitens", ": Zweitens", "Drittens"].map((text) => told.indexOf(text));
    expect(places.every((place) => place >= 0)).toBe(true);
    expect(places).toEqual(places.toSorted((left, right) => left - right));
    const { asked } = upstream.conversations.at(-1) ?? {};
    expect(asked?.text).toBe("Drittens");
  });

  if (id === "router") return;
  test.each([false, true])("takes calls and their results along (stream: %s)", async (stream) => {
    const model = `${id}-tools`;
    const first = await respond({ model, stream, input: "Wie ist es?", tools });
    const calls = (first["output"] as Fields[]).filter(({ type }) => type === "function_call");
    expect(calls.map(({ name }) => name)).toEqual(Object.keys(toolInputs));
    const results = calls.map((made) => ({
      type: "function_call_output",
      call_id: made["call_id"],
      output: `result of ${String(made["name"])}`,
    }));
    const second = await respond({ model, stream, tools, previous_response_id: idOf(first), input: results });
    expect(JSON.stringify(second["output"])).toContain(
      "get_weather says result of get_weather; get_time says result of get_time.",
    );
  });
});

describe("a kept response", () => {
  test("is as the client got it, streamed or not", async () => {
    for (const stream of [false, true]) {
      for (const id of ["chat-reasoned-tools", "claude-reasoned-tools", "gemini-length", "router-plain"]) {
        const given = await respond({ model: id, stream, input: "Hi", tools });
        expect(await call(gateway, `/${idOf(given)}`, { method: "GET" })).toEqual({ status: 200, body: given });
      }
    }
  });

  test("says what it was asked with", async () => {
    const given = await respond({ model: "claude-plain", input: [{ role: "user", content: "Frage" }] });
    const items = await call(gateway, `/${idOf(given)}/input_items`, { method: "GET" });
    expect(items).toMatchObject({
      status: 200,
      body: { object: "list", data: [{ role: "user", content: "Frage" }], has_more: false },
    });
  });

  test("is finished already when somebody cancels it", async () => {
    const given = await respond({ model: "gemini-plain", input: "Hi" });
    expect(await call(gateway, `/${idOf(given)}/cancel`)).toEqual({ status: 200, body: given });
  });

  test("is forgotten when deleted", async () => {
    const given = await respond({ model: "claude-plain", input: "Hi" });
    const id = idOf(given);
    const deleted = await call(gateway, `/${id}`, { method: "DELETE" });
    expect(deleted).toEqual({ status: 200, body: { id, object: "response.deleted", deleted: true } });
    for (const path of [`/${id}`, `/${id}/input_items`])
      expect(await call(gateway, path, { method: "GET" })).toMatchObject(notFound);
    expect(await call(gateway, `/${id}`, { method: "DELETE" })).toMatchObject(notFound);
    const further = { model: "claude-plain", input: "Hi", previous_response_id: id };
    expect(await call(gateway, "", { body: further })).toMatchObject(previousNotFound);
  });

  test("is another key's for nobody", async () => {
    for (const model of ["chat-plain", "router-plain"]) {
      const id = idOf(await respond({ model, input: "Hi" }));
      for (const [path, method] of [
        [`/${id}`, "GET"],
        [`/${id}/input_items`, "GET"],
        [`/${id}/cancel`, "POST"],
        [`/${id}`, "DELETE"],
      ] as const)
        expect(await call(gateway, path, { method, key: bravo })).toMatchObject(notFound);
      const body = { model, input: "Hi", previous_response_id: id };
      expect(await call(gateway, "", { body, key: bravo })).toMatchObject(previousNotFound);
      expect((await call(gateway, `/${id}`, { method: "GET" })).status).toBe(200);
    }
  });

  test("is none where the client wants none", async () => {
    for (const stream of [false, true]) {
      for (const model of ["claude-plain", "router-plain"]) {
        const given = await respond({ model, stream, input: "Hi", store: false });
        expect(await call(gateway, `/${idOf(given)}`, { method: "GET" })).toMatchObject(notFound);
        const body = { model, input: "Hi", previous_response_id: idOf(given) };
        expect(await call(gateway, "", { body })).toMatchObject(previousNotFound);
      }
    }
  });

  test("is none where the answer broke", async () => {
    const response = await fetch(`${gateway.url}/responses`, {
      method: "POST",
      headers: { authorization: `Bearer ${alpha}` },
      body: JSON.stringify({ model: "claude-breaks", stream: true, input: "Hi" }),
    });
    const failed = finalOf(await response.text());
    expect(failed["status"]).toBe("failed");
    expect(await call(gateway, `/${idOf(failed)}`, { method: "GET" })).toMatchObject(notFound);
  });

  test("may be named piece by piece", async () => {
    for (const id of ["chat", "claude", "gemini"]) {
      const model = `${id}-tools`;
      const first = await respond({ model, stream: true, input: "Wie ist es?", tools });
      const output = first["output"] as Fields[];
      const results = output
        .filter(({ type }) => type === "function_call")
        .map((made) => ({ type: "function_call_output", call_id: made["call_id"], output: "gut" }));
      const references = output.map((item) => ({ type: "item_reference", id: item["id"] }));
      const input = [{ role: "user", content: "Wie ist es?" }, ...references, ...results];
      const second = await respond({ model, tools, input });
      expect(JSON.stringify(second["output"])).toContain("get_weather says gut; get_time says gut.");
      const third = await respond({ model: `${id}-plain`, previous_response_id: idOf(second), input: "Danke" });
      expect(third["status"]).toBe("completed");
      expect(JSON.stringify(lastTurns())).toContain("get_time");
      const foreign = await call(gateway, "", { body: { model, tools, input }, key: bravo });
      expect(foreign).toMatchObject({ status: 400, body: { error: { param: "input[1]" } } });
    }
  });
});

test("an id that nobody gave is not known, with what to do about it", async () => {
  for (const model of ["chat-plain", "claude-plain", "router-plain"]) {
    const body = { model, input: "Hi", previous_response_id: "resp_0123456789" };
    const answer = await call(gateway, "", { body });
    expect(answer).toMatchObject(previousNotFound);
    expect(JSON.stringify(answer.body)).toContain("Send the whole conversation in `input` instead.");
  }
  for (const path of ["/resp_0123456789", "/resp_0123456789/input_items"])
    expect(await call(gateway, path, { method: "GET" })).toMatchObject(notFound);
});

test("responses.store: off keeps nothing and says so", async () => {
  await using off = await withRouter({ config: { responses: { store: "off" } } });
  for (const model of ["claude-plain", "router-plain"]) {
    const given = await respond({ model, input: "Hi" }, { gateway: off.gateway });
    expect(await call(off.gateway, `/${idOf(given)}`, { method: "GET" })).toMatchObject(notFound);
    const body = { model, input: "Hi", previous_response_id: idOf(given) };
    const answer = await call(off.gateway, "", { body });
    expect(answer).toMatchObject(previousNotFound);
    expect(JSON.stringify(answer.body)).toContain("responses.store");
  }
}, 15_000);

test("with a database the conversation goes on behind a restart", async () => {
  const directory = await mkdtemp(join(tmpdir(), "orcestator-responses-"));
  const config = { storage: { url: `sqlite://${join(directory, "audit.db")}` } };
  const ids: string[] = [];
  for (const text of ["Erstens", "Zweitens"]) {
    await using again = await withRouter({ config });
    for (const [index, model] of ["chat-plain", "router-plain"].entries()) {
      const previous = ids[index];
      const body = { model, stream: true, input: text, ...(previous && { previous_response_id: previous }) };
      ids[index] = idOf(await respond(body, { gateway: again.gateway }));
      if (text === "Zweitens")
        expect(JSON.stringify(lastTurns(again.upstream))).toMatch(/Erstens.*: Erstens.*Zweitens/);
    }
  }
  await rm(directory, { recursive: true, force: true });
}, 30_000);

test("nothing wrong was sent upstream", () => expect(upstream.violations).toEqual([]));
