import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { latin1OfUtf8, utf8OfLatin1 } from "../../../src/lib/latin1.ts";
import { answerOfEvents, eventsOfAnswer } from "../../../src/protocols/canonical/collect.ts";
import type { Answer, Conversation, Part, Turn } from "../../../src/protocols/canonical/conversation.ts";
import type { StreamEvent } from "../../../src/protocols/canonical/stream.ts";
import { anthropicMessages } from "../../../src/protocols/anthropic-messages/index.ts";
import { cutAtRandom, forSeeds, quickest, type Random } from "../../lib/seeded.ts";
import { grammarProblems } from "../../support/event-grammar.ts";
import { damageOf } from "../damage.ts";
import { oddCall, oddResult, oddTexts } from "../random-parts.ts";
import { decodePieces, editPieces, encodeEvents } from "../whole-stream.ts";
import { conversationOf } from "../../support/conversation.ts";
import { codec, newest, older, scripts, targetOf, viewOf, violationsOf, weatherTool, wire } from "./samples.ts";

const origins = ["claude", "other", ""];
const opaqueKinds = ["anthropic-signature", "anthropic-redacted", "gemini-signature", "reasoning-details"] as const;

function randomPart(random: Random): Part {
  switch (random.below(9)) {
    case 0:
      return oddCall(random);
    case 1:
      return oddResult(random);
    case 2:
      return {
        type: "reasoning",
        text: random.pick(oddTexts),
        opaque: Array.from({ length: random.below(3) }, () => ({
          origin: random.pick(origins),
          kind: random.pick(opaqueKinds),
          data: "EqoB",
        })),
      };
    case 3:
      return { type: "image", source: { kind: "base64", mediaType: "image/png", data: "iVBORw0KGgo=" } };
    case 4:
      return { type: "opaque", protocol: "openai-responses", value: {} };
    case 5:
      return { type: "refusal", text: random.pick(oddTexts) };
    default:
      return {
        type: "text",
        text: random.pick(oddTexts),
        cache: random.chance(0.2) ? { ttl: random.pick([undefined, "5m", "1h", "30m"]) } : undefined,
      };
  }
}

const roles: readonly Turn["role"][] = [
  "system",
  "developer",
  "user",
  "user",
  "assistant",
  "assistant",
  "tool",
  "tool",
];

/** Turns in any order, with calls and results that may or may not fit together. */
function randomTurns(random: Random): Turn[] {
  const turns = Array.from({ length: 1 + random.below(9) }, (): Turn => ({
    role: random.pick(roles),
    parts: Array.from({ length: random.below(4) }, () => randomPart(random)),
  }));
  const last: Turn = { role: "user", parts: [{ type: "text", text: "Well?" }] };
  return [...turns, last].slice(random.chance(0.5) ? 0 : -20, random.chance(0.5) ? undefined : -1);
}

function randomConversation(random: Random): Conversation {
  const sometimes = <T>(value: T): T | undefined => (random.chance(0.3) ? value : undefined);
  return conversationOf({
    turns: randomTurns(random),
    tools: random.chance(0.5)
      ? [weatherTool, { name: "mcp.server/x", kind: "custom", strict: true, cache: { ttl: "1h" } }]
      : [],
    toolChoice: sometimes(
      random.pick([
        { type: "auto" },
        { type: "none" },
        { type: "required" },
        { type: "tool", name: "get_weather" },
        { type: "subset", mode: "required", names: ["get_weather"] },
      ] as const),
    ),
    parallelToolCalls: sometimes(random.chance(0.5)),
    maxOutputTokens: sometimes(random.pick([1, 500, 5000, 1e9])),
    temperature: sometimes(random.pick([0, 0.5, 1, 2])),
    topP: sometimes(random.pick([0.1, 0.96, 1])),
    topK: sometimes(random.pick([0, 40])),
    stop: random.pick([[], ["END"], [" ", "\n"]]),
    reasoning: sometimes(
      random.pick([
        { effort: "none" },
        { effort: "minimal" },
        { effort: "max" },
        { budget: 1 },
        { budget: 50_000 },
        { budget: "dynamic", isShown: false },
      ] as const),
    ),
    format: sometimes(
      random.pick([
        { type: "json" },
        {
          type: "schema",
          name: "n",
          description: undefined,
          schema: { type: "object", properties: { a: { type: "string", minLength: 1 } } },
          strict: true,
        },
      ] as const),
    ),
    user: sometimes("me@example.org"),
    cache: sometimes({ ttl: undefined }),
  });
}

test("whatever a client sends, Anthropic gets a request that it takes", () => {
  const targets = [
    newest,
    older,
    {
      ...targetOf({ sampling: "all", thinking: "none", structuredOutput: false, systemAnywhere: false, prefill: true }),
      model: "other",
    },
  ];
  forSeeds(4000, (random) => {
    const conversation = randomConversation(random);
    for (const target of targets) {
      try {
        const { body } = codec.request.encode(conversation, target);
        const violations = violationsOf(JSON.parse(JSON.stringify(body)));
        expect(violations).toEqual([]);
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        expect(error.message).toMatch(/holds no text/);
      }
    }
  });
});

/** What both sides can say without loss. */
function plainTurns(random: Random): Turn[] {
  const turns: Turn[] = [{ role: "system", parts: [{ type: "text", text: "Be brief." }] }];
  for (let round = random.below(4); round >= 0; round -= 1) {
    turns.push({ role: "user", parts: [{ type: "text", text: `Question ${round} é` }] });
    if (random.chance(0.4)) {
      const id = `call|${round}`;
      turns.push({
        role: "assistant",
        parts: [
          { type: "reasoning", text: "hm", opaque: [{ origin: "", kind: "anthropic-signature", data: "EqoB" }] },
          { type: "tool_call", id, name: "get_weather", kind: "function", input: '{"city":"Zürich"}' },
        ],
      });
      turns.push({
        role: "tool",
        parts: [
          { type: "tool_result", callId: id, parts: [{ type: "text", text: "sunny" }], isError: random.chance(0.5) },
        ],
      });
    }
    turns.push({ role: "assistant", parts: [{ type: "text", text: "Answer." }] });
  }
  turns.push({
    role: "user",
    parts: [
      { type: "text", text: "And?" },
      { type: "image", source: { kind: "base64", mediaType: "image/png", data: "iVBORw0KGgo=" } },
    ],
  });
  return turns;
}

test("a request decoded again is the conversation that was encoded", () => {
  forSeeds(500, (random) => {
    const conversation = conversationOf({
      protocol: "anthropic-messages",
      model: "claude-opus-5",
      stream: random.chance(0.5),
      turns: plainTurns(random),
      tools: [weatherTool],
      toolChoice: random.pick([{ type: "none" }, { type: "required" }, { type: "tool", name: "get_weather" }] as const),
      maxOutputTokens: 500,
      stop: ["END"],
      reasoning: random.pick([
        { effort: "high", budget: "dynamic", isShown: true },
        { effort: "none" },
        undefined,
      ] as const),
      user: "u",
      extra: { context_management: { edits: [] } },
    });
    const { body, losses } = codec.request.encode(conversation, newest);
    expect(losses).toEqual([]);
    const again = codec.request.decode(JSON.parse(JSON.stringify(body)) as Record<string, unknown>, {});
    expect(JSON.parse(JSON.stringify(again))).toEqual(JSON.parse(JSON.stringify(conversation)));
  });
});

function isAnswerPart(part: Part): boolean {
  if (part.type === "tool_call") return part.name !== "";
  return part.type !== "tool_result" && part.type !== "opaque";
}

const odd: readonly unknown[] = [
  null,
  7,
  -1,
  1e308,
  "",
  "x",
  true,
  [],
  {},
  [null],
  [[]],
  { type: 7 },
  { type: "text" },
  "orc1.x",
  { __proto__: null },
];

/** A value with some of its inside exchanged for what does not belong there. */
function spoilt(value: unknown, random: Random): unknown {
  if (random.chance(0.03)) return random.pick(odd);
  if (Array.isArray(value)) return value.map((item) => spoilt(item, random));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, spoilt(item, random)]));
}

test("a request that makes no sense is refused in words or understood, and never breaks anything", () => {
  forSeeds(4000, (random) => {
    const conversation = { ...randomConversation(random), turns: [...plainTurns(random), ...randomTurns(random)] };
    try {
      const { body } = codec.request.encode(conversation, random.pick([newest, older]));
      const sent = spoilt(JSON.parse(JSON.stringify(body)), random);
      const again = codec.request.decode({ ...(sent as Record<string, unknown>) }, {});
      JSON.stringify(codec.request.encode(again, newest).body);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      expect(error.status).toBe(400);
    }
  });
});

function randomAnswer(random: Random): Answer {
  const parts = Array.from({ length: random.below(6) }, () => randomPart(random)).filter(isAnswerPart);
  return {
    id: random.pick(["", "msg_1", "chatcmpl-1"]),
    model: "m",
    parts,
    finish: {
      reason: random.pick(["end", "stop", "length", "context", "tool_calls", "filtered", "pause"]),
      raw: "x",
      stopSequence: random.pick([undefined, "END"]),
    },
    usage: random.chance(0.5)
      ? {
          input: random.pick([undefined, 3]),
          cacheRead: 1,
          cacheWrite: undefined,
          output: random.pick([undefined, 0, 7]),
          reasoning: random.pick([undefined, 2]),
        }
      : undefined,
    costUsd: undefined,
  };
}

test("whatever an upstream answers, a client gets a stream with a right life cycle that says what the whole answer says", () => {
  forSeeds(3000, (random) => {
    const answer = randomAnswer(random);
    const view = viewOf({ conversation: conversationOf({ reasoning: random.pick([undefined, { isShown: false }]) }) });
    const encoder = codec.stream.createEncoder(view);
    let output = "";
    for (const event of eventsOfAnswer(answer)) {
      const { text } = event.type === "part-delta" ? event : { text: "" };
      const pieces = text === "" ? [] : cutAtRandom(text, random, random.pick([1, 5, 500]));
      if (event.type === "part-delta") for (const piece of pieces) output += encoder.push({ ...event, text: piece });
      else output += encoder.push(event);
    }
    const stream = utf8OfLatin1(output);
    const isInvalid = answer.parts.some(
      (part) => part.type === "tool_call" && part.kind === "function" && !/^(?:\{.*\})?$/s.test(part.input),
    );
    const problems = wire
      .problemsOf(stream)
      .filter((problem) => !(isInvalid && problem === "a tool's input is no JSON object"));
    expect(problems).toEqual([]);
    if (isInvalid) return;
    expect(wire.contentOf(stream)).toEqual(wire.contentOf(JSON.stringify(codec.answer.encode(answer, view))));
  });
});

const fragments = [
  "event: x\n",
  '"index":7,',
  '"index":"0",',
  '"type":"text_delta",',
  '"type":"error",',
  '"error":{"type":"overloaded_error"},',
  '"delta":null,',
  '"delta":[],',
  '"content_block":null,',
  '"content_block":{"type":"tool_use"},',
  '"usage":{"input_tokens":-1,"output_tokens":1e999},',
  '"usage":"x",',
  '"stop_reason":{},',
  '"stop_details":{"explanation":7},',
  'data: {"type":"content_block_start","index":0,"content_block":{"type":"redacted_thinking","data":1}}\n\n',
  'data: {"type":"content_block_delta","index":9,"delta":{"type":"thinking_delta","thinking":"x"}}\n\n',
  'data: {"type":"message_stop"}\n\n',
];

const samples = Object.values(scripts).map((script) => latin1OfUtf8(wire.stream(script).events.join("")));

const mutated = damageOf({ samples, fragments });

function decoded(pieces: readonly string[]): StreamEvent[] {
  return decodePieces(codec.stream.createDecoder({ origin: "claude" }), pieces);
}

/** What the same lane makes of a stream, up to its failure. */
function edited(pieces: readonly string[]): string {
  const editor = anthropicMessages.createStreamEditor({ modelShown: "m", hideUsage: true, textLimit: 100 });
  return editPieces(editor, pieces).output;
}

/** What comes of a stream that ends there, for a client of the same protocol. */
function translated(pieces: readonly string[]): { events: StreamEvent[]; stream: string } {
  const events = decoded(pieces);
  const encoder = codec.stream.createEncoder(viewOf());
  const cut = new GatewayError({ code: "upstream_error", status: 502, message: "cut" });
  return { events, stream: utf8OfLatin1(encodeEvents(encoder, events) + encoder.fail(cut)) };
}

describe("damaged streams", () => {
  test("never make the decoder throw or break its grammar, end well for a client, and take no long", () => {
    forSeeds(6000, (random) => {
      const pieces = cutAtRandom(mutated(random), random, random.pick([20, 300, 5000]));
      const from = performance.now();
      const { events, stream } = translated(pieces);
      // A machine that has other things to do gets a second chance.
      if (performance.now() - from > 50) expect(quickest(() => translated(pieces))).toBeLessThan(50);
      expect(grammarProblems(events)).toEqual([]);
      const problems = wire.problemsOf(stream).filter((problem) => !/input is no JSON|without a name/.test(problem));
      expect(problems).toEqual([]);
    });
  }, 20_000);

  test("never make the same lane's editor throw, and mean the same to it in any pieces", () => {
    forSeeds(2000, (random) => {
      const stream = mutated(random);
      expect(edited(cutAtRandom(stream, random, random.pick([20, 300])))).toBe(edited([stream]));
    });
  });

  test("mean the same in any pieces", () => {
    forSeeds(1500, (random) => {
      const stream = mutated(random);
      const whole = decoded([stream]);
      expect(JSON.stringify(decoded(cutAtRandom(stream, random, random.pick([1, 20, 300]))))).toBe(
        JSON.stringify(whole),
      );
      try {
        answerOfEvents(whole);
      } catch (error) {
        expect(error).toBeInstanceOf(GatewayError);
      }
    });
  });
});

test("a request of very many parts is translated without ado", () => {
  const many = Array.from({ length: 20_000 }, (_none, index) => index);
  const turns: Turn[] = [
    { role: "user", parts: [{ type: "text", text: "x" }] },
    {
      role: "assistant",
      parts: many.map(() => ({ type: "tool_call", id: "a", name: "é", kind: "function", input: "" })),
    },
    { role: "tool", parts: many.map(() => ({ type: "tool_result", callId: "a", parts: [], isError: false })) },
    ...many.map((index): Turn => ({
      role: index % 2 === 0 ? "assistant" : "user",
      parts: [{ type: "text", text: "y" }],
    })),
  ];
  const blocks = Array.from({ length: 200_000 }, (): Part => ({ type: "text", text: "z" }));
  turns.push({ role: "assistant", parts: [] }, { role: "system", parts: blocks }, { role: "assistant", parts: [] });
  turns.push({ role: "user", parts: blocks }, { role: "assistant", parts: [] }, { role: "user", parts: blocks });
  const tools = many.map((index) => ({ name: String.fromCodePoint(0x4e00 + index), kind: "function" as const }));
  const work = (): void => {
    codec.request.encode(
      conversationOf({
        turns,
        tools,
        toolChoice: { type: "subset", mode: "auto", names: tools.map(({ name }) => name) },
      }),
      newest,
    );
    const content = blocks.map(({ type }) => ({ type, text: "z" }));
    const document = { type: "document", source: { type: "content", content } };
    codec.request.decode({ system: content, messages: [{ role: "user", content: [...content, document] }] }, {});
  };
  expect(quickest(work)).toBeLessThan(3000);
});

test("a long stream is translated without ado", () => {
  const encoder = codec.stream.createEncoder(viewOf());
  const decoder = codec.stream.createDecoder({ origin: "claude" });
  const delta =
    'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"word "}}\n\n';
  decoder.push(
    'data: {"type":"message_start","message":{}}\n\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n',
  );
  encoder.push({ type: "start", id: "", model: undefined });
  encoder.push({ type: "part-start", index: 0, part: { type: "text" } });
  const work = (): void => {
    for (let count = 0; count < 50_000; count += 1) for (const event of decoder.push(delta)) encoder.push(event);
  };
  expect(quickest(work)).toBeLessThan(1000);
});
