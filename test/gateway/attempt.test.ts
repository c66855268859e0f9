import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Opened } from "../../src/gateway/attempt.ts";
import { configured, openaiCompatibleAt } from "../routing/configured.ts";
import { eventsOf } from "../support/chat.ts";
import type { Behaviour } from "../support/exchange.ts";
import { createFakeUpstream } from "../support/fake-upstream.ts";
import { body, gzipStream, okJson, okStream, pieces, redirect } from "../support/replies.ts";
import { expectAllClosed, rejectionOf, startRun } from "./rig.ts";
import { routed } from "./routed.ts";

const upstream = await createFakeUpstream({ credentials: ["k"] });
const provider = openaiCompatibleAt(upstream.url, { credentials: ["k"], retries: 0, headers: { "x-own": "1" } });
// Each has a past of its own: an upstream that failed before is told of.
const table = () =>
  routed(
    configured({ providers: { one: provider }, models: { m: { targets: [{ provider: "one", model: "vendor/x" }] } } }),
  );
beforeEach(() => upstream.clear());
// Whatever happened to an answer, nothing of it may stay open.
afterEach(() => expectAllClosed(upstream.requests));
afterAll(() => upstream.close());

type OpenedStream = Extract<Opened, { kind: "stream" }>;

function open(reply: Behaviour, stream: boolean): Promise<Opened> {
  upstream.set("vendor/x", reply);
  return startRun({ routed: table(), stream }).open();
}

async function openStream(reply: Behaviour): Promise<OpenedStream> {
  const opened = await open(reply, true);
  if (opened.kind !== "stream") throw new Error("no stream was opened");
  return opened;
}

const role = 'data: {"model":"up","choices":[{"delta":{"role":"assistant","content":""}}]}\n\n';
const content = 'data: {"model":"up","choices":[{"delta":{"content":"x"}}]}\n\n';
const shown = (text: string): string => text.replaceAll('"up"', '"m"');

describe("a request upstream", () => {
  test("has the target's model, the provider's headers and credential, and asks for usage in a stream", async () => {
    await open(okJson(), false);
    const opened = await openStream(okStream());
    opened.reply.cancel();
    const [whole, streamed] = upstream.requests;
    expect(whole?.json).toEqual({ stream: false, messages: [{ role: "user", content: "Hi" }], model: "vendor/x" });
    expect(streamed?.json).toMatchObject({ model: "vendor/x", stream_options: { include_usage: true } });
    for (const [request, accept] of [
      [whole, "application/json"],
      [streamed, "text/event-stream"],
    ] as const)
      expect(request?.headers).toMatchObject({ "content-type": "application/json", accept, "x-own": "1" });
    expect(upstream.violations).toEqual([]);
  });
});

describe("an answer in one piece", () => {
  test("comes with its model replaced and its headers", async () => {
    const opened = await open(okJson({ headers: { "x-generation-id": "gen-7" } }), false);
    if (opened.kind !== "answer") throw new Error("no answer was opened");
    expect(JSON.parse(opened.output)).toMatchObject({ model: "m" });
    expect(opened.headers.get("x-generation-id")).toBe("gen-7");
    expect(opened.observation.usage).toMatchObject({ input: 8, cacheRead: 4 });
  });

  test("becomes a stream where one was asked for", async () => {
    const opened = await openStream(okJson({ content: ["Grüße"] }));
    let text = opened.held;
    for (let isDone = false; !isDone && !opened.editor.isEnded();) {
      const piece = await opened.reply.read();
      isDone = piece === undefined;
      if (piece !== undefined) text += opened.editor.push(Buffer.from(piece).toString("latin1")).output;
    }
    const events = eventsOf(Buffer.from(text, "latin1").toString("utf8"));
    expect(events[0]).toMatchObject({ model: "m", choices: [{ delta: { role: "assistant", content: "" } }] });
    expect(events[1]).toMatchObject({ model: "m", choices: [{ delta: { content: "Grüße" } }] });
    expect(events.at(-1)).toBe("[DONE]");
  });
});

describe("a stream is opened", () => {
  test("with its first content, and with everything that was held back until then", async () => {
    const before = [": OPENROUTER PROCESSING\n\n", role, 'data: {"choices":[],"prompt_filter_results":[]}\n\n'];
    const opened = await openStream(pieces([...before, content], { ending: "hang" }));
    expect(opened.held).toBe(shown(before.join("") + content));
    expect(opened.editor.hasContent()).toBe(true);
    opened.reply.cancel();
  });

  test("without content once much has come: it may be one large thing that is not known here", async () => {
    const comments = `: ${"x".repeat(1000)}\n\n`.repeat(80);
    const opened = await openStream(pieces([comments], { ending: "hang" }));
    expect(opened.held.length).toBeGreaterThan(64 * 1024);
    expect(opened.editor.hasContent()).toBe(false);
    opened.reply.cancel();
  });

  test("though it comes compressed", async () => {
    const opened = await openStream(gzipStream());
    expect(eventsOf(opened.held)[0]).toMatchObject({ model: "m" });
    opened.reply.cancel();
  });
});

function endless(type: string, status = 200): Behaviour {
  return pieces(["x".repeat(100)], { ending: "hang", status, headers: { "content-type": type } });
}

describe("an answer that is none fails as the upstream's", () => {
  const invalid = { code: "upstream_invalid_response", status: 502, retryable: false };
  const early = { code: "upstream_error", status: 502, retryable: true };
  const cases: readonly [name: string, reply: Behaviour, stream: boolean, failure: object, words: string][] = [
    ["a redirect", redirect("https://evil.test/v1"), false, invalid, "baseUrl"],
    ["a redirect of a stream", redirect("/elsewhere", 307), true, invalid, "baseUrl"],
    ["a web page", body("<html>", { headers: { "content-type": "text/html" } }), false, invalid, "baseUrl"],
    ["a web page for a stream", body("<html>", { headers: { "content-type": "text/html" } }), true, invalid, "baseUrl"],
    ["a stream that was not asked for", okStream(), false, invalid, "not asked for"],
    ["a web page without an end", endless("text/html"), false, invalid, "baseUrl"],
    ["a stream without an end that was not asked for", endless("text/event-stream"), false, invalid, "not asked for"],
    ["a redirect without an end", endless("text/plain", 302), false, invalid, "baseUrl"],
    ["half a document", body('{"choices":['), false, invalid, "no JSON object"],
    ["half a document for a stream", body('{"choices":['), true, invalid, "no JSON object"],
    ["an empty body", body(""), false, invalid, "no JSON object"],
    ["an empty stream", pieces([]), true, early, "before it was complete"],
    ["a stream without content", pieces([role]), true, early, "before it was complete"],
    ["a stream cut before its content", pieces([role, content.slice(0, 30)]), true, early, "before it was complete"],
    ["a stream that is reset before its content", pieces([role], { ending: "rst" }), true, early, "broke"],
  ];
  for (const [name, reply, stream, failure, words] of cases) {
    test(name, async () => {
      const error = await rejectionOf(open(reply, stream));
      expect(error).toMatchObject(failure);
      expect(error.message).toContain(words);
    });
  }

  test("an error in the first event of a stream is that error", async () => {
    const event = 'data: {"error":{"code":429,"message":"Slow down."}}\n\n';
    for (const before of ["", ": hello\n\n", role]) {
      const error = await rejectionOf(open(pieces([before + event], { ending: "hang" }), true));
      expect(error).toMatchObject({
        code: "rate_limit_exceeded",
        status: 429,
        message: expect.stringMatching(/^Slow down\./),
      });
    }
  });

  test("a provider without a protocol that can say everything is not asked", async () => {
    const old = routed(
      configured({
        providers: { one: openaiCompatibleAt(upstream.url, { protocols: ["openai-completions"] }) },
        models: { m: { targets: [{ provider: "one", model: "vendor/x" }] } },
      }),
    );
    const run = startRun({ routed: old });
    expect((await rejectionOf(run.open())).message).toContain("openai-chat cannot be translated to");
    expect(upstream.requests).toEqual([]);
  });
});
