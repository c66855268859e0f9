import { afterAll, describe, expect, test } from "bun:test";
import { callSignature, reasoningSignature, thoughts, toolInputs } from "../support/replay-scenarios.ts";
import { styles, type Style } from "./translation-styles.ts";
import { providersAt, startTranslationRig } from "./translation-rig.ts";

type Fields = Record<string, unknown>;

const alpha = "alpha-key-0001";
const bravo = "bravo-key-0002";

/** `claude` answers under its first name once; then only the second target is left. */
const flakyNames = (kind: string) => ({
  model: `flaky-${kind}`,
  first: `flaky-first-${kind}`,
  second: `flaky-second-${kind}`,
});
const { gateway, upstream, ...rig } = await startTranslationRig({
  config: {
    keys: { inbound: [alpha, bravo] },
    models: {
      "claude2-reasoned-tools": { targets: [{ provider: "claude2", model: "reasoned-tools" }] },
      // One for each style: a target that has failed stands behind the others for a while.
      "flaky-*": {
        targets: [
          { provider: "claude", model: "flaky-first-*" },
          { provider: "claude2", model: "flaky-second-*" },
        ],
      },
    },
  },
  names: ["between"],
  providersOf: (origin) => ({ claude2: providersAt(origin).claude }),
});
afterAll(() => rig[Symbol.asyncDispose]());

/** The body that the upstream was sent last. */
function lastBody(): Fields {
  return upstream.conversations.at(-1)?.played.body as Fields;
}

function expectNoForeignState(): void {
  const text = JSON.stringify(lastBody());
  for (const state of [reasoningSignature, callSignature, "orc1."]) expect(text).not.toContain(state);
}

const names = Object.keys(toolInputs);

/** The model's turn as Claude must have it again. */
function expectClaudeTurn(): void {
  const messages = lastBody()["messages"] as { role: string; content: Fields[] }[];
  expect(messages.map(({ role }) => role)).toEqual(["user", "assistant", "user"]);
  const [thinking, ...calls] = messages[1]?.content ?? [];
  expect(thinking).toEqual({ type: "thinking", thinking: thoughts, signature: reasoningSignature });
  expect(calls.map(({ type, name, input }) => [type, name, input])).toEqual(
    Object.entries(toolInputs).map(([name, input]) => ["tool_use", name, input]),
  );
  expect(messages[2]?.content.map(({ tool_use_id: id }) => id)).toEqual(calls.map(({ id }) => id));
}

/** The same for Gemini, whose signature stands beside the call. */
function expectGeminiTurn(): void {
  const contents = lastBody()["contents"] as { role: string; parts: Fields[] }[];
  expect(contents.map(({ role }) => role)).toEqual(["user", "model", "user"]);
  const calls = (contents[1]?.parts ?? []).filter((part) => "functionCall" in part);
  expect(calls.map((part) => (part["functionCall"] as Fields)["name"])).toEqual(names);
  expect(calls[0]?.["thoughtSignature"]).toBe(callSignature);
}

interface Turns {
  model: string;
  isStream: boolean;
  key?: string;
}

async function post(style: Style, body: { path: string; body: Fields }, key = alpha): Promise<string> {
  const response = await fetch(`${gateway.origin}${body.path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify(body.body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${style.name}: ${response.status} ${text}`);
  return text;
}

/** Asks, and gives the conversation with the answer and the results of its calls. */
async function firstTurn(style: Style, { model, isStream, key }: Turns): Promise<unknown[]> {
  const answer = await post(style, style.request({ model, isStream, turns: [style.question] }), key);
  const turns = style.turnsAfter(answer, isStream);
  expect(style.callsIn(turns)).toEqual(names);
  return [style.question, ...turns, ...style.results(turns)];
}

function nextTurn(style: Style, turns: unknown[], { model, key }: Omit<Turns, "isStream">): Promise<string> {
  return post(style, style.request({ model, isStream: false, turns }), key);
}

const checks = { claude: expectClaudeTurn, gemini: expectGeminiTurn } as const;

describe.each(styles.map((style) => [style.name, style] as const))("%s", (_, style) => {
  for (const [id, expectTurn] of Object.entries(checks)) {
    // In the same lane bytes are bytes.
    if (style.protocol === (id === "claude" ? "anthropic-messages" : "gemini-generate")) continue;
    test.each([false, true])(`gives ${id} its own state back, byte for byte (stream: %s)`, async (isStream) => {
      const model = `${id}-reasoned-tools`;
      const turns = await firstTurn(style, { model, isStream });
      await nextTurn(style, turns, { model });
      expectTurn();
    });
  }

  test("gives nobody another one's state", async () => {
    for (const [from, to] of [
      ["claude", "gemini"],
      ["claude", "claude2"],
      ["claude", "responses"],
      ["claude", "ollama"],
      ["claude", "chat"],
      ["gemini", "claude"],
      ["gemini", "responses"],
      ["responses", "claude"],
      ["chat", "claude"],
    ]) {
      const protocols: Record<string, string> = { claude: "anthropic-messages", gemini: "gemini-generate" };
      // A client that got an upstream's raw state in the same lane sends it raw.
      if (protocols[from as string] === style.protocol) continue;
      const turns = await firstTurn(style, { model: `${from}-reasoned-tools`, isStream: true });
      await nextTurn(style, turns, { model: `${to}-reasoned-tools` });
      expectNoForeignState();
    }
  });

  test("gives a second target nothing of the first one's", async () => {
    if (style.protocol === "anthropic-messages") return;
    const reasoned = [
      { type: "reasoning", text: thoughts, signature: reasoningSignature },
      ...Object.entries(toolInputs).map(([name, input], index) => ({
        type: "tool_call" as const,
        id: `toolu_${style.name}_${index}`,
        name,
        input: JSON.stringify(input),
      })),
    ] as const;
    const flaky = flakyNames(style.name.replaceAll(/\W+/g, "-"));
    const usage = { input: 1, cacheRead: 0, cacheWrite: 0, output: 1, reasoning: 0 };
    const script = { id: "x", model: "", parts: [...reasoned], finish: "tool_calls", usage } as const;
    upstream.set(flaky.first, () => ({ type: "answer", script }));
    const turns = await firstTurn(style, { model: flaky.model, isStream: false });
    upstream.set(flaky.first, () => ({ type: "refusal", status: 500, message: "gone" }));
    const text = { type: "text", text: "Good." } as const;
    upstream.set(flaky.second, () => ({ type: "answer", script: { ...script, parts: [text], finish: "end" } }));
    await nextTurn(style, turns, { model: flaky.model });
    const [before, last] = upstream.conversations.slice(-2);
    expect([before?.model, last?.model]).toEqual([flaky.first, flaky.second]);
    expect(JSON.stringify(before?.played.body)).toContain(reasoningSignature);
    expectNoForeignState();
  });
});

test("thoughts between the parts of an answer come back in their places, whatever little a client keeps", async () => {
  const inner = Buffer.from("signature of the second thoughts").toString("base64");
  const parts = [
    { type: "reasoning", text: thoughts, signature: reasoningSignature },
    { type: "text", text: "I'll look." },
    { type: "reasoning", text: "Both at once.", signature: inner },
    ...names.map((name, index) => ({
      type: "tool_call" as const,
      id: `toolu_between_${index}`,
      name,
      input: JSON.stringify(toolInputs[name as keyof typeof toolInputs]),
    })),
  ] as const;
  const usage = { input: 1, cacheRead: 0, cacheWrite: 0, output: 1, reasoning: 0 };
  const script = { id: "x", model: "", parts: [...parts], finish: "tool_calls", usage } as const;
  upstream.set("between", () => ({ type: "answer", script }));
  // Who sends whole thoughts in chat's own words has no places for them.
  for (const style of styles.filter(({ name }) => name.startsWith("chat with only"))) {
    for (const isStream of [false, true]) {
      const turns = await firstTurn(style, { model: "claude-between", isStream });
      await nextTurn(style, turns, { model: "claude-between" });
      const [, turn] = lastBody()["messages"] as { content: Fields[] }[];
      const told = turn?.content.map(({ type, signature }) => signature ?? type);
      expect([style.name, told]).toEqual([style.name, [reasoningSignature, "text", inner, "tool_use", "tool_use"]]);
    }
  }
});

test("what is remembered for one key is nothing to another", async () => {
  const bare = styles.filter(({ keepsNothing }) => keepsNothing);
  expect(bare.length).toBeGreaterThan(0);
  for (const style of bare) {
    for (const model of ["claude-reasoned-tools", "gemini-reasoned-tools"]) {
      const turns = await firstTurn(style, { model, isStream: true, key: alpha });
      await nextTurn(style, turns, { model, key: bravo });
      expectNoForeignState();
      await nextTurn(style, turns, { model, key: alpha });
      expect(JSON.stringify(lastBody())).toMatch(model.startsWith("claude") ? reasoningSignature : callSignature);
    }
  }
});

test("nothing wrong was sent upstream", () => {
  // A client that drops signatures still has the empty text they stood on, and the same lane passes what it sends.
  expect(upstream.violations.filter((violation) => !violation.endsWith(".text: empty"))).toEqual([]);
});
