import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { eventsOf } from "../support/chat.ts";
import { deltaChunk, event } from "../support/chat-chunks.ts";
import type { Behaviour } from "../support/exchange.ts";
import {
  body,
  failure,
  hangAfterHeaders,
  hangBeforeHeaders,
  okJson,
  okStream,
  pieces,
  streamOf,
} from "../support/replies.ts";
import { at, startRoutingRig } from "./routing-rig.ts";

const short = { firstByte: "150ms", idle: "250ms", progress: "250ms", connect: "1s", total: "3s" };
const rig = await startRoutingRig({
  providers: {
    one: { timeouts: short },
    two: { timeouts: short },
    three: { timeouts: short },
    nowhere: { baseUrl: "http://127.0.0.1:1/v1" },
  },
  models: {
    "m-*": { targets: [at("one", "m1-*"), at("two", "m2-*"), at("three", "m3-*")] },
    unreachable: { targets: [at("nowhere", "n1"), at("two", "n2")] },
  },
});
const { upstream, ask } = rig;
/** Of the running test: what is done to a target must not be felt by the next test. */
let number = 0;
beforeEach(() => {
  upstream.clear();
  rig.forget();
  number += 1;
});

const m = (): string => `m-${number}`;
function set(model: string, behaviour: Behaviour): void {
  upstream.set(`${model}-${number}`, behaviour);
}
const asked = (): string[] => rig.asked().map((place) => place.replace(/-\d+$/, ""));
afterAll(() => rig[Symbol.asyncDispose]());

const told = (status: number, message: string, more: object = {}): Behaviour =>
  body(JSON.stringify({ error: { message, ...more } }), { status });

describe("an answer without content", () => {
  const nothing = { prompt_tokens: 3, completion_tokens: 0, total_tokens: 3 };
  const empty: Behaviour = (exchange) =>
    (exchange.request.json?.["stream"] === true
      ? okStream({ content: [], usage: nothing })
      : okJson({ content: [""], usage: nothing }))(exchange);

  test.each([false, true])("goes on to the next target (stream: %p)", async (stream) => {
    set("m1", empty);
    const { text } = await ask(m(), { stream });
    expect(asked()).toEqual(["one/m1", "two/m2"]);
    expect(text).toContain("upstream");
  });

  test.each([false, true])("is passed on where it is the last (stream: %p)", async (stream) => {
    upstream.otherwise(empty);
    const { status, text } = await ask(m(), { stream });
    expect(status).toBe(200);
    expect(asked()).toEqual(["one/m1", "two/m2", "three/m3"]);
    if (stream) expect(eventsOf(text).at(-1)).toBe("[DONE]");
  });

  test("is no failure where it was cut, filtered or is a call of tools", async () => {
    for (const options of [{ finishReason: "length" }, { finishReason: "content_filter" }, { tools: true }]) {
      set("m1", okJson({ content: [""], usage: nothing, ...options }));
      expect((await ask(m())).status).toBe(200);
    }
    expect(asked()).toEqual(["one/m1", "one/m1", "one/m1"]);
  });
});

const word = (model: string): string => event(deltaChunk(model, { content: "Word" }));

describe("silence", () => {
  test("before the first content is a failure after firstByte, however many comments come", async () => {
    set("m1", hangBeforeHeaders);
    set("m2", async (exchange) => {
      exchange.start({ headers: { "content-type": "text/event-stream" } });
      while (!exchange.hasEnded()) {
        exchange.write(": alive\n\n");
        await exchange.pause(20);
      }
    });
    const from = performance.now();
    const { status, text } = await ask(m(), { stream: true });
    expect([status, eventsOf(text).at(-1)]).toEqual([200, "[DONE]"]);
    expect(performance.now() - from).toBeWithin(290, 1500);
    expect(asked()).toEqual(["one/m1", "two/m2", "three/m3"]);
  });

  test("after content ends the stream with an error", async () => {
    set("m1", (exchange) => hangAfterHeaders(word(exchange.request.model))(exchange));
    const { text } = await ask(m(), { stream: true });
    expect(text).toContain("timeouts.idle");
    expect(text).toContain('"finish_reason":"error"');
    expect(asked()).toEqual(["one/m1"]);
  });

  test("is what nothing but comments are", async () => {
    set("m1", async (exchange) => {
      exchange.start({ headers: { "content-type": "text/event-stream" } });
      exchange.write(word(exchange.request.model));
      while (!exchange.hasEnded()) {
        await exchange.pause(50);
        exchange.write(": alive\n\n");
      }
    });
    const { text } = await ask(m(), { stream: true });
    expect(text).toContain("timeouts.progress");
    const [request] = upstream.requests;
    expect(await request?.ended).toBe("aborted");
  });
});

describe("what fails before the first content is not seen", () => {
  const broken: Record<string, Behaviour> = {
    "an error within 200": told(200, "Out of luck.", { code: 502 }),
    "an error event": streamOf((model) => [
      event(deltaChunk(model, { role: "assistant" })),
      event({ error: { code: 502, message: "No." } }),
    ]),
    rubbish: pieces(["data: {rubbish\n\n", "data: more\n\n", "data: [1,\n\n"]),
    "a web page": body("<html></html>", { headers: { "content-type": "text/html" } }),
    "a redirect": body("", { status: 302, headers: { location: "http://127.0.0.1:1/" } }),
    "a reset": (exchange) => exchange.cut("rst"),
    "an unknown model": failure(404),
  };
  test.each(Object.entries(broken))("%s", async (_, behaviour) => {
    set("m1", behaviour);
    const { status, text, headers } = await ask(m(), { stream: true });
    expect([status, eventsOf(text).at(-1)]).toEqual([200, "[DONE]"]);
    expect(text).not.toContain('"finish_reason":"error"');
    expect(headers.get("x-orcestator-provider")).toBe("two");
    expect(headers.get("x-orcestator-attempts")).toBe("2");
  });

  test("nobody at the address", async () => {
    const { status, headers } = await ask("unreachable");
    expect([status, headers.get("x-orcestator-provider")]).toEqual([200, "two"]);
  });
});

test("nothing wrong was sent upstream", () => expect(upstream.violations).toEqual([]));
