import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { postChat } from "../support/chat.ts";
import { inParallel, startRig, until } from "../support/e2e.ts";
import { failure, ordinaryReply } from "../support/replies.ts";

const { upstream, gateway, ...rig } = await startRig({ env: { OR_METRICS_DIR: "metrics", OR_LOG_CONTENT: "full" } });
beforeEach(() => upstream.clear());
afterAll(() => rig[Symbol.asyncDispose]());

const nasty = `a | b\\c\r\nd\u2028e\u2029f\u001b[31mg\u0000h\ttab "quoted", =cmd() 👋🏽 \\n \\| end\\`;
// No String.raw: Bun would write the emoji as an escape there.
const escaped =
  'a \\| b\\\\c\\r\\nd\\u2028e\\u2029f\\u001b[31mg\\u0000h\\ttab "quoted", =cmd() 👋🏽 \\\\n \\\\\\| end\\\\';

describe("the traffic log", () => {
  test("is one line of eight fields, whatever the texts hold", async () => {
    for (const stream of [false, true]) {
      const model = `vendor/nasty-${stream}`;
      upstream.set(model, ordinaryReply({ content: [nasty] }));
      await (await postChat(gateway, { model, stream, messages: [{ role: "user", content: nasty }] })).text();
      const [line] = await gateway.trafficLines(1, ({ originalModel }) => originalModel === model);
      expect(line?.user).toBe(escaped);
      expect(line?.assistant).toBe(escaped);
      expect(line?.timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      expect(Number(line?.latencyMs)).toBeWithin(0, 5000);
    }
  });

  test("does not tell a key that was pasted where a model or a path belongs", async () => {
    const token = `sk-orc-${"Leak0".repeat(8)}abc`;
    await (await postChat(gateway, { model: token })).text();
    await (await fetch(`${gateway.origin}/api/keys/${token}`)).text();
    const lines = await gateway.trafficLines(1, ({ originalModel }) => originalModel === "sk-orc-…");
    expect(JSON.stringify(lines)).not.toContain(token);
    const refused = await gateway.waitForOutput(/GET \/api\/keys\/sk-orc-/);
    expect(JSON.stringify(refused)).not.toContain("Leak0");
    expect(gateway.stdout() + gateway.stderr()).not.toContain(token);
  });

  test("takes a hostile model name", async () => {
    const model = "vendor/x | y\n2026-01-01T00:00:00.000Z | forged";
    await (await postChat(gateway, { model })).text();
    const hostile = String.raw`vendor/x \| y\n2026-01-01T00:00:00.000Z \| forged`;
    expect(await gateway.trafficLines(1, ({ originalModel }) => originalModel === hostile)).toHaveLength(1);
  });

  test("has one line for every request under load, none torn", async () => {
    await inParallel(400, 32, async (index) => {
      await (await postChat(gateway, { model: `vendor/load-${index}`, stream: index % 2 === 0 })).text();
    });
    const lines = await gateway.trafficLines(400, ({ originalModel }) => originalModel.startsWith("vendor/load-"));
    expect(new Set(lines.map(({ originalModel }) => originalModel)).size).toBe(400);
    expect(lines).toHaveLength(400);
  });

  test("keeps the text of the last user message, also in parts, and the calls of an answer", async () => {
    const parts = [
      { type: "text", text: "Look at " },
      { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
    ];
    const messages = [
      { role: "system", content: "System" },
      { role: "user", content: "First" },
      { role: "assistant", content: "Answer" },
      { role: "user", content: parts },
    ];
    await (await postChat(gateway, { model: "vendor/parts", messages })).text();
    const [line] = await gateway.trafficLines(1, ({ originalModel }) => originalModel === "vendor/parts");
    expect(line?.user).toContain("Look at");
    expect(line?.user).not.toContain("AAAA");
    upstream.set("vendor/tools", ordinaryReply({ tools: true }));
    await (await postChat(gateway, { model: "vendor/tools", stream: true })).text();
    const [called] = await gateway.trafficLines(1, ({ originalModel }) => originalModel === "vendor/tools");
    expect(called?.promptTokens).toBe("12");
  });

  test("truncates by default, keeps nothing when told so, and is off when its name is empty", async () => {
    const long = "word ".repeat(1000);
    await using short = await startRig();
    await using none = await startRig({ env: { OR_LOG_CONTENT: "none" } });
    await using off = await startRig({ env: { OR_LOG_FILE: "" } });
    for (const { gateway: one, upstream: other } of [short, none, off]) {
      other.otherwise(ordinaryReply({ content: [long] }));
      await (await postChat(one, { model: "vendor/a", messages: [{ role: "user", content: long }] })).text();
    }
    const [cut] = await short.gateway.trafficLines(1);
    expect(cut?.user.length).toBeWithin(200, 230);
    expect(cut?.assistant.length).toBeWithin(200, 230);
    const [empty] = await none.gateway.trafficLines(1);
    expect([empty?.user, empty?.assistant]).toEqual(["", ""]);
    expect(await Bun.file(off.gateway.trafficLog).exists()).toBe(false);
  });
});

test("the JSONL file has one object a request with the promised fields", async () => {
  upstream.set("vendor/refused", failure(400, { message: "No" }));
  upstream.set("vendor/retried", [failure(503), ordinaryReply()]);
  const headers = { "x-orch-task-kind": "summarise" };
  for (const model of ["vendor/refused", "vendor/retried"])
    await (await postChat(gateway, { model }, { headers })).text();
  const folder = join(gateway.cwd, "metrics");
  const read = async () => {
    const names = await readdir(folder).catch(() => []);
    const texts = await Promise.all(names.map((name) => Bun.file(join(folder, name)).text()));
    return texts
      .flatMap((text) => text.split("\n").slice(0, -1))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  };
  await until(async () => (await read()).filter(({ task }) => task === "summarise").length === 2, "both lines");
  expect((await readdir(folder)).join()).toMatch(/^requests-\d{8}\.jsonl$/);
  const [refused, retried] = (await read()).filter(({ task }) => task === "summarise");
  const fields = [
    "ts",
    "req_id",
    "task",
    "provider",
    "model",
    "latency_ms",
    "ok",
    "status",
    "error",
    "retries",
    "usage_prompt",
    "usage_completion",
  ];
  for (const field of fields) expect(Object.keys(refused ?? {})).toContain(field);
  expect(refused).toMatchObject({ ok: false, status: 400, retries: 0, provider: "openrouter" });
  expect(retried).toMatchObject({ ok: true, status: 200, retries: 1, usage_prompt: 12, usage_completion: 7 });
});

test("logs that cannot be written do not stop traffic", async () => {
  // A file where a folder should be: refused for every user, root too.
  const file = import.meta.path;
  await using blocked = await startRig({
    env: { OR_LOG_FILE: join(file, "traffic.log"), OR_METRICS_DIR: join(file, "metrics") },
  });
  for (const stream of [false, true]) {
    const response = await postChat(blocked.gateway, { model: "vendor/a", stream });
    await response.text();
    expect(response.status).toBe(200);
  }
});

test("nothing wrong was sent upstream", () => expect(upstream.violations).toEqual([]));
