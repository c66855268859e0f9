import { afterAll, beforeEach, expect, test } from "bun:test";
import { eventsOf, userMessage } from "./chat.ts";
import { createFakeUpstream } from "./fake-upstream.ts";
import { failure, gzipStream, hangBeforeHeaders, okStream, pieces } from "./replies.ts";

const upstream = await createFakeUpstream({ credentials: ["right"], secrets: ["client-secret"] });
beforeEach(() => upstream.clear());
afterAll(() => upstream.close());

function post(body: Record<string, unknown>, options: { headers?: Record<string, string>; signal?: AbortSignal } = {}) {
  return fetch(`${upstream.url}/chat/completions`, {
    method: "POST",
    headers: { authorization: "Bearer right", "content-type": "application/json", ...options.headers },
    body: JSON.stringify({ messages: [userMessage], ...body }),
    ...(options.signal && { signal: options.signal }),
  });
}

test("answers JSON or a stream as asked, and finds nothing wrong with a right request", async () => {
  const plain = (await (await post({ model: "m" })).json()) as { model: string };
  expect(plain.model).toBe("m");
  const events = eventsOf(await (await post({ model: "m", stream: true })).text());
  expect(events.at(-1)).toBe("[DONE]");
  expect(upstream.violations).toEqual([]);
  expect(upstream.of("m")).toHaveLength(2);
});

test("records a wrong key, a client's header and a leaked secret", async () => {
  await (
    await post({ model: "m" }, { headers: { authorization: "Bearer wrong", "x-api-key": "client-secret" } })
  ).text();
  expect(upstream.violations.join("\n")).toContain("unknown credential 'wrong'");
  expect(upstream.violations.join("\n")).toContain("x-api-key must not reach an upstream");
  expect(upstream.violations.join("\n")).toContain("client secret 'client-secret' leaked");
});

test("uses a queue of behaviours in order and repeats the last", async () => {
  upstream.set("m", [failure(503), okStream()]);
  const statuses: number[] = [];
  for (const _ of [1, 2, 3]) {
    const response = await post({ model: "m", stream: true });
    statuses.push(response.status);
    await response.text();
  }
  expect(statuses).toEqual([503, 200, 200]);
});

test("sees a client that leaves", async () => {
  upstream.set("m", hangBeforeHeaders);
  const controller = new AbortController();
  const answer = post({ model: "m" }, { signal: controller.signal }).catch(() => "aborted");
  const request = await upstream.waitFor(({ model }) => model === "m");
  controller.abort();
  expect(await request.ended).toBe("aborted");
  expect(await answer).toBe("aborted");
});

test("breaks a stream with a reset or an early close, visibly for the reader", async () => {
  for (const ending of ["rst", "fin"] as const) {
    upstream.set("m", pieces(["data: {}\n\n"], { ending }));
    const response = await post({ model: "m", stream: true });
    expect(response.status).toBe(200);
    expect(response.text()).rejects.toThrow();
  }
});

test("compresses a stream that the reader can decode", async () => {
  upstream.set("m", gzipStream());
  const text = await (await post({ model: "m", stream: true })).text();
  expect(eventsOf(text).at(-1)).toBe("[DONE]");
});
