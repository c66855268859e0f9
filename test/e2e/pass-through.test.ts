import { afterAll, beforeEach, expect, test } from "bun:test";
import { postChat } from "../support/chat.ts";
import { inParallel, startRig } from "../support/e2e.ts";
import { body, okJson, pieces } from "../support/replies.ts";

const { upstream, gateway, ...rig } = await startRig();
beforeEach(() => upstream.clear());
afterAll(() => rig[Symbol.asyncDispose]());

/** A stream with all that tempts a proxy to tidy up; only the `model` of each chunk may differ. */
function recordedStream(model: string): string {
  return [
    ": OPENROUTER PROCESSING\r\n\r\n",
    `data: {"id":"gen-1","model":"${model}","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n`,
    `data:{ "choices" : [ { "delta" : {"content":"Grüße 👋🏽 "}, "index":0 } ] ,"model"  :  "${model}" , "n": 1.0 }\r\n\r\n`,
    ": keep-alive\n\n",
    `data: {"object":"x","extra":{"model":"openai/inner","big":12345678901234567890},"model":"${model}","choices":[{"index":0,"delta":{"content":"\\"model\\":\\"openai/inner\\" \\u00e9"}}]}\n\n`,
    `id: 7\nretry: 10\nevent: message\ndata: {"choices":[{"index":0,"delta":{"content":"two"},"model":"openai/inner"}],"model":"${model}"}\n\n`,
    `data: {"choices":[{"index":0,"delta":{"content":"no model"}}],"e":1E5,"t":true,"u":null}\r\n\r\n`,
    `data: {"model":"${model}","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n`,
    `data: {"model":"${model}","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"cost":1.50}}\n\n`,
    "data: [DONE]\n\n",
  ].join("");
}

const sent = Buffer.from(recordedStream("openai/served-2026"));
const expected = recordedStream("orcestator");
const streamed = { stream: true, stream_options: { include_usage: true } };

test("a stream comes out byte for byte, whatever the position where it was split", async () => {
  expect(sent.length).toBeLessThan(2048);
  upstream.otherwise((exchange) => {
    const position = Number(exchange.request.model.slice("split-".length));
    return pieces([sent.subarray(0, position), sent.subarray(position)])(exchange);
  });
  const wrong: unknown[] = [];
  await inParallel(sent.length, 16, async (index) => {
    const response = await postChat(gateway, { model: `split-${index}`, ...streamed });
    const text = await response.text();
    if (text !== expected) wrong.push({ index, status: response.status, text });
  });
  expect(wrong.slice(0, 1)).toEqual([]);
  expect(wrong).toHaveLength(0);
  expect(upstream.violations).toEqual([]);
}, 60_000);

test("a stream that arrives byte by byte comes out byte for byte", async () => {
  const bytes = Array.from(sent, (_, index) => sent.subarray(index, index + 1));
  for (const paceMs of [0, 1]) {
    upstream.set("bytes", pieces(bytes, { paceMs }));
    const response = await postChat(gateway, { model: "bytes", ...streamed });
    expect(await response.text()).toBe(expected);
  }
}, 20_000);

test("a stream that ends with its connection, or has a length, comes out byte for byte", async () => {
  upstream.set("closing", pieces([sent], { framing: "close" }));
  upstream.set("length", pieces([sent], { framing: "length", headers: { "content-length": String(sent.length) } }));
  for (const model of ["closing", "length"]) {
    const response = await postChat(gateway, { model, ...streamed });
    expect(await response.text()).toBe(expected);
    expect(response.headers.get("content-type")).toStartWith("text/event-stream");
  }
});

test("a stream with CR-only or CRLF line ends throughout keeps them", async () => {
  for (const eol of ["\r\n", "\r"]) {
    const text = (model: string) =>
      [
        `data: {"model":"${model}","choices":[{"index":0,"delta":{"content":"a"}}]}`,
        `data: {"model":"${model}","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`,
        "data: [DONE]",
      ]
        .map((line) => line + eol + eol)
        .join("");
    upstream.set("line-ends", pieces([text("served")]));
    const response = await postChat(gateway, { model: "line-ends", ...streamed });
    expect(await response.text()).toBe(text("orcestator"));
  }
});

const spanningLines = (model: string) =>
  `data: {"choices":[{"index":0,"delta":{"content":"two"},"finish_reason":"stop"}],\ndata: "model":"${model}"}\n\ndata: [DONE]\n\n`;

test("an event whose data spans lines keeps them", async () => {
  upstream.set("lines", pieces([spanningLines("served")]));
  const response = await postChat(gateway, { model: "lines", ...streamed });
  expect(await response.text()).toBe(spanningLines("orcestator"));
});

test("a gzip'd stream is handed on readable", async () => {
  upstream.set("zipped", pieces([Bun.gzipSync(sent)], { headers: { "content-encoding": "gzip" } }));
  const response = await postChat(gateway, { model: "zipped", ...streamed });
  expect(await response.text()).toBe(expected);
});

const giantLine = (model: string) =>
  `data: {"model":"${model}","choices":[{"index":0,"delta":{"content":"${"long ".repeat(150_000)}"}}]}\n\n` +
  `data: {"model":"${model}","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n`;

test("a very long line comes out byte for byte", async () => {
  upstream.set("giant", pieces([giantLine("served")]));
  const response = await postChat(gateway, { model: "giant", ...streamed });
  expect((await response.text()) === giantLine("orcestator")).toBe(true);
});

const afterManyComments = (model: string) => ": OPENROUTER PROCESSING\n\n".repeat(20_000) + recordedStream(model);

test("comments beyond any buffer before the first chunk do no harm", async () => {
  upstream.set("comments", pieces([afterManyComments("openai/served-2026")]));
  const response = await postChat(gateway, { model: "comments", ...streamed });
  expect((await response.text()) === afterManyComments("orcestator")).toBe(true);
});

const withBrokenEvent = (model: string) =>
  `data: {"model":"${model}","choices":[{"index":0,"delta":{"content":"a"}}]}\n\n` +
  `data: {"model":"${model}","choices":[{"index":0,\n\n` +
  `data: {"model":"${model}","choices":[{"index":0,"delta":{"content":"b"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n`;

test("an event that is no JSON is forwarded as it is, and the stream goes on", async () => {
  upstream.set("malformed", pieces([withBrokenEvent("served")]));
  const received = await (await postChat(gateway, { model: "malformed", ...streamed })).text();
  // Whether the model of the broken event could be read is not important; its bytes are.
  const [first, , last] = withBrokenEvent("orcestator").split("\n\n");
  expect(received).toStartWith(`${first}\n\n`);
  expect(received).toContain(`"choices":[{"index":0,\n\n${last}\n\ndata: [DONE]\n\n`);
});

const oddAnswer = (model: string) =>
  `{\r\n  "zeta": 12345678901234567890,\t"n": 1.0, "e": 1e-7, "choices" : [ {"index":0,"message":{"role":"assistant","content":"\\u00e9 \\ud83d\\ude00 \\"model\\":\\"x\\"","model":"inner"},"finish_reason":"stop"} ],` +
  `\n "model" :  "${model}" , "usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2, "cost": 0.10} }\n`;

test("a JSON answer keeps spacing, key order, number text and unknown fields", async () => {
  upstream.set("spacing", body(oddAnswer("served")));
  const response = await postChat(gateway, { model: "spacing" });
  expect(response.headers.get("content-type")).toStartWith("application/json");
  expect(await response.text()).toBe(oddAnswer("orcestator"));
});

const oddRequest = (model: string) =>
  `{ "zeta":[1.0, 12345678901234567890 ,1e5],"model" :"${model}",\n\t"messages":[ {"content":"\\u00e9 \\"model\\":\\"x\\" 👋","role":"user","model":"inner"} ],` +
  ` "same":1,"same":2, "tools" : [], "temperature":0.70,"metadata":{"model":"inner","stream":true} }  `;

test("a request for an upstream model goes up byte for byte", async () => {
  await (await postChat(gateway, oddRequest("vendor/other"))).text();
  expect(upstream.requests.map(({ text }) => text)).toEqual([oddRequest("vendor/other")]);
});

test("a request for the alias goes up byte for byte but for the model's name", async () => {
  await (await postChat(gateway, oddRequest("orcestator"))).text();
  expect(upstream.requests.map(({ text }) => text)).toEqual([oddRequest("openai/gpt-4o")]);
});

test("an escaped model name is understood", async () => {
  await (await postChat(gateway, String.raw`{"mod\u0065l":"orcest\u0061tor","messages":[]}`)).text();
  expect(upstream.requests.map(({ model }) => model)).toEqual(["openai/gpt-4o"]);
});

test("of a model that is named twice the upstream sees the one that was decided on", async () => {
  const twice = `{"model":"vendor/first","messages":[],"model":"orcestator"}`;
  const response = await postChat(gateway, twice);
  await response.text();
  if (response.status === 400) return;
  expect(upstream.requests.map(({ model }) => model)).toEqual(["openai/gpt-4o"]);
});

/** What was put into `before` at one place to make `after`. */
function insertion(before: string, after: string): string {
  let start = 0;
  while (start < before.length && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < before.length - start && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  expect(before.slice(0, start) + before.slice(before.length - end)).toBe(before);
  return after.slice(start, after.length - end);
}

test("usage is asked for by one insertion and nothing else is touched", async () => {
  const requests = [
    `{ "model":"vendor/a" , "messages":[],"stream" : true }`,
    `{"stream":true,"model":"vendor/a","messages":[{"role":"user","content":"x"}],\n"stream_options" : { "include_obfuscation":false } }`,
    `{"stream":true,"stream_options":{},"model":"vendor/a","messages":[]}`,
  ];
  for (const request of requests) {
    upstream.clear();
    await (await postChat(gateway, request)).text();
    const { text = "", json } = upstream.requests[0] ?? {};
    const inserted = insertion(request, text);
    expect(inserted).toContain(`"include_usage"`);
    expect(inserted.replace(/[\s,:{}"]|stream_options|include_usage|true/g, "")).toBe("");
    expect(json?.["stream_options"]).toMatchObject({ include_usage: true });
  }
  upstream.clear();
  await (await postChat(gateway, `{"model":"vendor/a","messages":[],"stream":true,"stream_options":null}`)).text();
  expect(upstream.requests[0]?.json).toEqual({
    model: "vendor/a",
    messages: [],
    stream: true,
    stream_options: { include_usage: true },
  });
});

test("a request that already asks for usage, or does not stream, is not touched", async () => {
  const requests = [
    `{"model":"vendor/a","messages":[],"stream":true,"stream_options":{"include_usage":true}}`,
    `{"model":"vendor/a","messages":[],"stream":true,"usage":{"include":true}}`,
    `{"model":"vendor/a","messages":[],"stream":false}`,
    `{"model":"vendor/a","messages":[]}`,
  ];
  for (const request of requests) await (await postChat(gateway, request)).text();
  expect(upstream.requests.map(({ text }) => text)).toEqual(requests);
});

test("known client headers go up, all others stay", async () => {
  const headers = {
    "http-referer": "https://app.example",
    "x-title": "An app",
    "x-openrouter-title": "An app",
    "anthropic-beta": "a-2026",
    authorization: "Bearer clients-own-key",
    cookie: "session=1",
    "x-stainless-os": "Linux",
    "x-unknown": "1",
  };
  await (await postChat(gateway, { model: "vendor/a" }, { headers })).text();
  const received = upstream.requests[0]?.headers ?? {};
  expect(received).toMatchObject({
    "http-referer": "https://app.example",
    "x-title": "An app",
    "anthropic-beta": "a-2026",
    authorization: "Bearer sk-or-test",
  });
  expect(Object.keys(received)).not.toContain("x-unknown");
  expect(upstream.violations).toEqual([]);
});

test("known upstream headers come back, all others stay", async () => {
  const headers = {
    "x-generation-id": "gen-77",
    "x-ratelimit-remaining": "9",
    "set-cookie": "tracking=1",
    "x-internal": "1",
    server: "fake",
  };
  upstream.set("vendor/a", okJson({ headers }));
  const response = await postChat(gateway, { model: "vendor/a" });
  await response.text();
  expect(response.headers.get("x-generation-id")).toBe("gen-77");
  expect(response.headers.get("x-ratelimit-remaining")).toBe("9");
  expect(response.headers.get("set-cookie")).toBeNull();
  expect(response.headers.get("x-internal")).toBeNull();
  expect(response.headers.get("x-request-id")).toMatch(/^req_/);
});
