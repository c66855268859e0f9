import type { Asked } from "./replay-asked.ts";
import type { Script, ScriptPart } from "./wire/wire.ts";

/** How an upstream that replays behaves, in nobody's words. */
export type Reply =
  | { type: "answer"; script: Script }
  /** `headers` come beside what the protocol's refusal has. */
  | { type: "refusal"; status: number; message: string; headers?: Readonly<Record<string, string>> }
  /** Streams: half of the events, then the protocol's failure. Whole answers: a 500. */
  | { type: "breaks"; script: Script; message: string }
  /** Streams: half of the events, then the connection closes. Whole answers: half of the body. */
  | { type: "cut"; script: Script }
  /** Streams: the first events, then silence until the other side leaves. Whole answers: silence. */
  | { type: "hang"; script: Script };

/** Gives the reply to what was asked; the model is filled in by the server. */
export type Scenario = (asked: Asked) => Reply;

export const usage = { input: 21, cacheRead: 8, cacheWrite: 0, output: 13, reasoning: 0 } as const;
const reasonedUsage = { ...usage, reasoning: 7 } as const;
export const greeting = "Grüße aus Zürich, 世界 👋🏽: ";
export const thoughts = "Let me think – naïvely – about «it» 🤔.";

let count = 0;

function script(parts: readonly ScriptPart[], changes: Partial<Script> = {}): Script {
  count += 1;
  return { id: `replayed${count}`, model: "", parts, finish: "end", usage, ...changes };
}

function answer(parts: readonly ScriptPart[], changes: Partial<Script> = {}): Reply {
  return { type: "answer", script: script(parts, changes) };
}

function text(content: string): ScriptPart {
  return { type: "text", text: content };
}

function refusal(status: number, message: string, headers?: Readonly<Record<string, string>>): Scenario {
  return () => ({ type: "refusal", status, message, ...(headers && { headers }) });
}

/** Input of each call that the scenario with tools makes. */
export const toolInputs = {
  get_weather: { city: "Zürich", units: ["°C", "%"], days: 2 },
  get_time: { zone: "Europe/Zurich", offset: { hours: 1, dst: false } },
} as const;

const oddInput =
  '{"city":"a\\"b\\\\c\\u00e9\\n\\t\\u2028 😀","list":[],"deep":{"a":[{"b":null},1.5,-0.25,1e21,true]},"constructor":"x","":"empty"}';

const callLead = "I'll look – both at once. ";

function twoCalls({ isReasoned }: { isReasoned: boolean }): Reply {
  count += 1;
  const [first, second] = Object.entries(toolInputs).map(([name, input], index): ScriptPart => ({
    type: "tool_call",
    id: `call_${count}_${index}`,
    name,
    input: JSON.stringify(input),
    ...(isReasoned && index === 0 && { signature: callSignature }),
  })) as [ScriptPart, ScriptPart];
  const reasoning: ScriptPart = { type: "reasoning", text: thoughts, signature: reasoningSignature };
  const parts = isReasoned ? [reasoning, first, second] : [text(callLead), first, second];
  return answer(parts, { finish: "tool_calls", usage: isReasoned ? reasonedUsage : usage });
}

/** Opaque states that must come back byte for byte. Valid base64, as upstreams make them. */
export const reasoningSignature = Buffer.from("signature of the thoughts, öpaque").toString("base64");
export const callSignature = Buffer.from("signature of the call, öpaque").toString("base64");

function withTools(isReasoned: boolean): Scenario {
  return ({ tools, results, signatures }) => {
    if (tools.length === 0 && results.length === 0) {
      return { type: "refusal", status: 400, message: "no tools were given" };
    }
    if (results.length === 0) return twoCalls({ isReasoned });
    const quoted = results.map((result) => `${result.name} says ${result.text}`).join("; ");
    return answer([text(`${quoted}.${isReasoned ? ` Signatures: ${signatures.join(" ")}` : ""}`)]);
  };
}

/** A value that satisfies the simple schemas of tests; names and types are taken from the schema, which proves that it arrived. */
function valueOf(schema: unknown): unknown {
  const { type, properties, items, enum: choices } = (schema ?? {}) as Record<string, unknown>;
  if (Array.isArray(choices)) return choices[0];
  const [first] = [type].flat();
  if (first === "object" || first === "OBJECT") {
    const entries = Object.entries((properties ?? {}) as Record<string, unknown>);
    return Object.fromEntries(entries.map(([name, property]) => [name, valueOf(property)]));
  }
  if (first === "array" || first === "ARRAY") return [valueOf(items)];
  if (/^(?:number|integer)$/i.test(String(first))) return 21;
  return /^boolean$/i.test(String(first)) ? true : "Zürich";
}

/** Every scenario by the name of the upstream model; whatever stands behind `--` in a model's name is the delivery. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  plain: (asked) => answer([text(`${greeting}${asked.text}`)]),
  system: (asked) => answer([text(`${asked.system} / ${asked.text}`)]),
  reasoning: (asked) =>
    answer([{ type: "reasoning", text: thoughts, signature: reasoningSignature }, text(`${greeting}${asked.text}`)], {
      usage: reasonedUsage,
    }),
  cached: () => answer([text("Much of this was read from a cache.")], { usage: { ...usage, cacheRead: 900 } }),
  /** All that users said, for conversations that a client does not repeat. */
  history: ({ userTexts, previous }) =>
    answer([text([...userTexts, ...(previous === "" ? [] : ["previous"])].join(" | "))]),
  tools: withTools(false),
  "reasoned-tools": withTools(true),
  /** Inputs that are easily lost: none at all, escapes, numbers, names with a meaning in JavaScript. */
  "odd-tools": () =>
    answer(
      [
        { type: "tool_call", id: "call_odd_0", name: "get_time", input: "{}" },
        { type: "tool_call", id: "call_odd_1", name: "get_weather", input: oddInput },
        { type: "tool_call", id: "call_odd_2", name: "get_weather", input: '{"city":""}' },
      ],
      { finish: "tool_calls" },
    ),
  vision: ({ images }) => {
    const seen = images.map(({ mediaType, bytes }) => `${mediaType} of ${bytes} bytes`);
    return answer([text(`I see ${seen.join(" and ") || "nothing"}.`)]);
  },
  structured: ({ schema, forcedTool }) => {
    if (schema !== undefined) return answer([text(JSON.stringify(valueOf(schema)))]);
    if (forcedTool === undefined) return answer([text("No schema was asked for.")]);
    const { name, schema: input } = forcedTool;
    return answer([{ type: "tool_call", id: "call_forced", name, input: JSON.stringify(valueOf(input)) }], {
      finish: "tool_calls",
    });
  },
  length: () => answer([text("This answer stops in the middle of")], { finish: "length" }),
  filtered: () => answer([text("This")], { finish: "filtered" }),
  "fails-400": refusal(400, "The request is wrong, says the upstream."),
  "fails-401": refusal(401, "The key is wrong, says the upstream."),
  "fails-404": refusal(404, "No such model, says the upstream."),
  "fails-429": refusal(429, "Too fast, says the upstream.", { "retry-after": "17" }),
  "fails-500": refusal(500, "It broke, says the upstream."),
  "fails-529": refusal(529, "Too much to do, says the upstream."),
  breaks: (asked) => ({
    type: "breaks",
    script: script([text(`${greeting}${asked.text}`)]),
    message: "It broke half-way.",
  }),
  cut: (asked) => ({ type: "cut", script: script([text(`${greeting}${asked.text}`)]) }),
  hang: () => ({
    type: "hang",
    script: script([text("A start, and then nothing more, for as long as anybody stays. ".repeat(4))]),
  }),
};
