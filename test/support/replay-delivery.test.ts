import { afterAll, beforeEach, expect, test } from "bun:test";
import { connectRaw, postBytes } from "./raw-client.ts";
import { createReplayingUpstream } from "./replaying-upstream.ts";

const upstream = await createReplayingUpstream({ credential: "right" });
const port = Number(new URL(upstream.origin).port);
beforeEach(() => upstream.clear());
afterAll(() => upstream.close());

const headers = { "x-api-key": "right", "anthropic-version": "2023-06-01", "content-type": "application/json" };

function bodyOf(model: string, fields: Record<string, unknown>): string {
  const messages = [{ role: "user", content: "Grüezi 🌍" }];
  return JSON.stringify({ model, max_tokens: 9, messages, ...fields });
}

function request(model: string): string {
  return postBytes("/v1/messages", bodyOf(model, { stream: true }), headers);
}

async function post(
  path: string,
  fields: Record<string, unknown>,
  changes: Record<string, string> = {},
): Promise<void> {
  const body = bodyOf("plain", fields);
  await (await fetch(upstream.origin + path, { method: "POST", headers: { ...headers, ...changes }, body })).text();
}

/** Lengths of the chunks, and the body that they make. */
function chunksOf(received: string): { lengths: number[]; body: string } {
  const lengths: number[] = [];
  let body = "";
  for (let offset = received.indexOf("\r\n\r\n") + 4; ;) {
    const lineEnd = received.indexOf("\r\n", offset);
    const length = Number.parseInt(received.slice(offset, lineEnd), 16);
    if (!(length > 0)) return { lengths, body };
    lengths.push(length);
    body += received.slice(lineEnd + 2, lineEnd + 2 + length);
    offset = lineEnd + 2 + length + 2;
  }
}

async function play(model: string): Promise<{ lengths: number[]; body: string }> {
  const connection = await connectRaw(port);
  connection.send(request(model));
  await connection.waitFor(/\r\n0\r\n\r\n$/);
  connection.leave();
  return chunksOf(connection.received());
}

test("every delivery carries the same bytes, in pieces of its own", async () => {
  const byEvents = await play("system");
  const whole = await play("system--whole");
  const bytes = await play("system--bytes");
  const split = await play("system--split-3");
  expect(byEvents.lengths.length).toBeGreaterThan(3);
  expect(whole.lengths).toHaveLength(1);
  expect(new Set(bytes.lengths)).toEqual(new Set([1]));
  expect(split.lengths.length).toBeGreaterThan(3);
  expect((await play("system--split-3")).lengths).toEqual(split.lengths);
  expect((await play("system--split-4")).lengths).not.toEqual(split.lengths);
  for (const { body } of [whole, bytes, split]) expect(anonymous(body)).toBe(anonymous(byEvents.body));
});

/** Without what differs from one answer to the next. */
function anonymous(body: string): string {
  return body.replaceAll(/replayed\d+/g, "ID").replaceAll(/"model":"[^"]*"/g, "MODEL");
}

test("a cut delivery breaks off behind the byte it names", async () => {
  const connection = await connectRaw(port);
  connection.send(request("plain--cut-37"));
  await connection.closed;
  expect(chunksOf(connection.received())).toMatchObject({ lengths: [37] });
});

test("a request that the real upstream would refuse is a violation, and so is a wrong key", async () => {
  await post("/v1/messages", { surprise: 1 });
  expect(upstream.violations.join("\n")).toContain("surprise");
  upstream.clear();
  await post("/v1/messages", {}, { "x-api-key": "wrong" });
  expect(upstream.violations).toEqual(["POST /v1/messages: the key is 'wrong'"]);
  upstream.clear();
  await post("/v1/nowhere", {});
  expect(upstream.violations).toEqual(["POST /v1/nowhere: there is nothing at this path"]);
});

test("what is asked is read out of the request", async () => {
  await post("/v1/messages", { system: "Be brief." });
  expect(upstream.of("plain")).toMatchObject([
    { protocol: "anthropic-messages", isStream: false, asked: { text: "Grüezi 🌍", system: "Be brief." } },
  ]);
});
