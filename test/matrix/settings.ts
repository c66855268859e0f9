import type { ProtocolName } from "../../src/config/protocol-names.ts";
import { at } from "../support/replay-fields.ts";
import { must, mustEqual } from "./expectations.ts";
import { rawRequest } from "./raw-requests.ts";
import { modelOf, type MatrixRig, type UpstreamKind } from "./rig.ts";

/** What nearly every client sets. */
interface Settings {
  maxTokens: unknown;
  temperature: unknown;
  topP: unknown;
  stop: unknown;
}

const asked = { maxTokens: 77, temperature: 0.5, topP: 0.75, stop: ["END", "Schluß"] } as const;

type Body = Readonly<Record<string, unknown>>;

function sampling(names: { maxTokens: string; topP: string; stop?: string }): Body {
  const { temperature, topP, maxTokens, stop } = asked;
  return { temperature, [names.maxTokens]: maxTokens, [names.topP]: topP, ...(names.stop && { [names.stop]: stop }) };
}

/** The settings as a client of each protocol writes them; Responses knows no stop texts. */
const written: Readonly<Record<ProtocolName, Body>> = {
  "openai-chat": sampling({ maxTokens: "max_completion_tokens", topP: "top_p", stop: "stop" }),
  "openai-completions": sampling({ maxTokens: "max_tokens", topP: "top_p", stop: "stop" }),
  "openai-responses": sampling({ maxTokens: "max_output_tokens", topP: "top_p" }),
  "anthropic-messages": sampling({ maxTokens: "max_tokens", topP: "top_p", stop: "stop_sequences" }),
  "gemini-generate": {
    generationConfig: sampling({ maxTokens: "maxOutputTokens", topP: "topP", stop: "stopSequences" }),
  },
  "ollama-chat": { options: sampling({ maxTokens: "num_predict", topP: "top_p", stop: "stop" }) },
  "ollama-generate": { options: sampling({ maxTokens: "num_predict", topP: "top_p", stop: "stop" }) },
};

function read(body: unknown, names: { maxTokens: string; topP: string; stop: string }): Settings {
  return {
    maxTokens: at(body, names.maxTokens),
    temperature: at(body, "temperature"),
    topP: at(body, names.topP),
    stop: at(body, names.stop),
  };
}

const arrived: Readonly<Record<string, (body: unknown) => Settings>> = {
  "openai-chat"(body) {
    const name = at(body, "max_tokens") === undefined ? "max_completion_tokens" : "max_tokens";
    return read(body, { maxTokens: name, topP: "top_p", stop: "stop" });
  },
  "openai-responses": (body) => read(body, { maxTokens: "max_output_tokens", topP: "top_p", stop: "stop" }),
  "anthropic-messages": (body) => read(body, { maxTokens: "max_tokens", topP: "top_p", stop: "stop_sequences" }),
  "gemini-generate": (body) =>
    read(at(body, "generationConfig"), { maxTokens: "maxOutputTokens", topP: "topP", stop: "stopSequences" }),
  "ollama-chat": (body) => read(at(body, "options"), { maxTokens: "num_predict", topP: "top_p", stop: "stop" }),
};

/** The common settings reach the upstream in its own words; what it cannot take is named in a header. */
export async function compareSettings(
  rig: MatrixRig,
  { protocol, upstream }: { protocol: ProtocolName; upstream: UpstreamKind },
): Promise<void> {
  const before = { conversations: rig.upstream.conversations.length, violations: rig.upstream.violations.length };
  const wish = { model: modelOf(upstream, "plain"), prompt: "Say hello.", stream: false, tools: false };
  const { path, headers, body } = rawRequest(protocol, wish);
  const response = await fetch(rig.gateway.origin + path, {
    method: "POST",
    headers,
    body: JSON.stringify({ ...body, ...written[protocol] }),
  });
  const text = await response.text();
  must(response.ok, `${response.status}: ${text}`);
  const warnings = response.headers.get("x-orcestator-warnings") ?? "";
  const hasStop = protocol !== "openai-responses";
  const isStopLost = hasStop && upstream.protocol === "openai-responses";
  const expected = { ...asked, stop: hasStop && !isStopLost ? asked.stop : undefined };
  const found = arrived[upstream.protocol]?.(rig.upstream.conversations[before.conversations]?.played.body);
  mustEqual(found, expected, "settings upstream");
  must(warnings.includes("stop") === isStopLost, `warnings: '${warnings}'`);
  mustEqual(rig.upstream.violations.slice(before.violations), [], "refused by the real upstream");
}
