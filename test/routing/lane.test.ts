import { expect, test } from "bun:test";
import { protocolNames, type ProtocolName } from "../../src/config/protocol-names.ts";
import { factsOf, providerTypeNames } from "../../src/config/provider-types.ts";
import { laneOf } from "../../src/routing/lane.ts";

/** Client protocol → provider type → what is spoken upstream; `=` in front: the same lane. */
const chat = "openai-chat";
const others = { completions: "openai-chat", responses: "openai-chat", messages: "openai-chat" };

/** What every provider type does for a client of each protocol, in the order of `protocolNames`. */
const table: Record<string, readonly string[]> = {
  //             chat         completions           responses           messages              gemini  ollama  generate
  openrouter: ["=", "=", "=", "=", chat, chat, chat],
  openai: ["=", "=", "=", chat, chat, chat, chat],
  litellm: ["=", "=", "=", "=", chat, chat, chat],
  anthropic: [...Array<string>(3).fill("anthropic-messages"), "=", ...Array<string>(3).fill("anthropic-messages")],
  gemini: [...Array<string>(4).fill("gemini-generate"), "=", ...Array<string>(2).fill("gemini-generate")],
  ollama: ["=", "=", "ollama-chat", "ollama-chat", "ollama-chat", "=", "="],
  azure: ["=", "=", others.responses, others.messages, chat, chat, chat],
  xai: ["=", others.completions, "=", others.messages, chat, chat, chat],
};
const withCompletions = ["=", "=", chat, chat, chat, chat, chat];
for (const type of ["together", "fireworks", "lmstudio", "vllm", "llamacpp"]) table[type] = withCompletions;
const chatOnly = ["=", chat, chat, chat, chat, chat, chat];
for (const type of ["groq", "deepseek", "mistral", "cerebras", "moonshot", "qwen", "openai-compatible", "dummy"])
  table[type] = chatOnly;

const cells = providerTypeNames.flatMap((type) =>
  protocolNames.map((client, index) => [client, type, table[type]?.[index] ?? "missing"] as const),
);

test.each(cells)("%s reaches %s by %s", (client, type, expected) => {
  const lane = laneOf(client, factsOf(type).protocols);
  expect(lane?.kind === "same" ? "=" : lane?.protocol).toBe(expected as ProtocolName);
  if (lane?.kind === "same") expect(lane.protocol).toBe(client);
});

test("the owner's own list of protocols decides, in its order", () => {
  expect(laneOf("anthropic-messages", ["openai-responses", "openai-chat"])).toEqual({
    kind: "translate",
    protocol: "openai-responses",
  });
  expect(laneOf("openai-chat", ["openai-responses", "openai-chat"])).toEqual({ kind: "same", protocol: "openai-chat" });
});

test("a protocol that cannot say everything is no target of a translation", () => {
  expect(laneOf("anthropic-messages", ["openai-completions"])).toBeUndefined();
  expect(laneOf("openai-chat", ["ollama-generate", "ollama-chat"])).toEqual({
    kind: "translate",
    protocol: "ollama-chat",
  });
});
