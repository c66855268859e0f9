import { describe, expect, test } from "bun:test";
import {
  createReasoningMemory,
  createReasoningObserver,
  restoreReasoning,
} from "../../src/gateway/reasoning-memory.ts";
import { eventsOfAnswer } from "../../src/protocols/canonical/collect.ts";
import type {
  Answer,
  Opaque,
  Part,
  ReasoningPart,
  ToolCallPart,
  Turn,
} from "../../src/protocols/canonical/conversation.ts";
import type { StreamEvent } from "../../src/protocols/canonical/stream.ts";
import { conversationOf } from "../support/conversation.ts";
import { createRandom, randomText } from "../support/random.ts";

const key = "team-a";

function signature(data: string): Opaque {
  return { origin: "claude", kind: "anthropic-signature", data };
}

function reasoning(text: string, ...opaque: Opaque[]): ReasoningPart {
  return { type: "reasoning", text, isSummary: undefined, opaque };
}

function text(value: string): Part {
  return { type: "text", text: value };
}

function call(id: string, changes: Partial<ToolCallPart> = {}): ToolCallPart {
  return { type: "tool_call", id, name: "weather", kind: "function", input: `{"city":"${id}"}`, ...changes };
}

function answerOf(...parts: Part[]): Answer {
  const finish = { reason: "tool_calls" as const, raw: undefined };
  return { id: "a", model: "m", parts, finish, usage: undefined, costUsd: undefined };
}

const conversation = (...turns: Turn[]) => conversationOf({ turns });

function assistant(...parts: Part[]): Turn {
  return { role: "assistant", parts };
}

function result(callId: string): Turn {
  return { role: "tool", parts: [{ type: "tool_result", callId, parts: [], isError: false }] };
}

/** A memory that saw an answer as a stream. */
function seen(...parts: Part[]) {
  const memory = createReasoningMemory();
  const observer = createReasoningObserver(memory, key);
  for (const event of eventsOfAnswer(answerOf(...parts))) observer.see(event);
  return memory;
}

/** What a turn becomes. */
function restored(memory: ReturnType<typeof createReasoningMemory>, ...parts: Part[]): readonly Part[] {
  return restoreReasoning(conversation(assistant(...parts)), memory, key).turns[0]?.parts ?? [];
}

describe("a call brings back what the client dropped", () => {
  const thought = reasoning("I should look.", signature("sig 1"));

  test("reasoning with its signature stands in front of the call again", () => {
    expect(restored(seen(thought, call("c1")), call("c1"))).toEqual([thought, call("c1")]);
  });

  test("in front of the text too, where it stood", () => {
    const memory = seen(thought, text("Let me look."), call("c1"));
    expect(restored(memory, text("Let me look."), call("c1"))).toEqual([thought, text("Let me look."), call("c1")]);
  });

  test("behind the text, where it stood there", () => {
    const memory = seen(text("Let me look."), thought, call("c1"));
    expect(restored(memory, text("Let me look."), call("c1"))).toEqual([text("Let me look."), thought, call("c1")]);
  });

  test("calls of one answer share their reasoning: it comes once", () => {
    const memory = seen(thought, call("c1"), call("c2"));
    expect(restored(memory, call("c1"), call("c2"))).toEqual([thought, call("c1"), call("c2")]);
    expect(restored(memory, call("c2"))).toEqual([thought, call("c2")]);
    expect(restored(memory, call("unknown"), call("c2"))).toEqual([thought, call("unknown"), call("c2")]);
  });

  test("reasoning between calls goes back between them", () => {
    const second = reasoning("And there.", signature("sig 2"));
    const memory = seen(thought, call("c1"), second, call("c2"));
    expect(restored(memory, call("c1"), call("c2"))).toEqual([thought, call("c1"), second, call("c2")]);
    const split = restoreReasoning(conversation(assistant(call("c1")), assistant(call("c2"))), memory, key);
    expect(split.turns.map(({ parts }) => parts)).toEqual([
      [thought, call("c1")],
      [second, call("c2")],
    ]);
  });

  test("state without any text is worth as much", () => {
    const redacted = reasoning("", { origin: "claude", kind: "anthropic-redacted", data: "xyz" });
    expect(restored(seen(redacted, call("c1")), call("c1"))).toEqual([redacted, call("c1")]);
  });

  test("text without any state comes back for those who want it", () => {
    const plain = reasoning("Hmm, 日本 👋");
    expect(restored(seen(plain, call("c1")), call("c1"))).toEqual([plain, call("c1")]);
  });

  test("B49: a call without the upstream's signature gets its own back, byte for byte", () => {
    const states: Opaque[] = [{ origin: "g", kind: "gemini-signature", data: "CiQB/+=é" }];
    const memory = seen(call("c1", { opaque: states }), call("c2"));
    expect(restored(memory, call("c1"), call("c2"))).toEqual([call("c1", { opaque: states }), call("c2")]);
  });

  test("a call that has its state keeps it", () => {
    const memory = seen(call("c1", { opaque: [signature("old")] }));
    expect(restored(memory, call("c1", { opaque: [signature("new")] }))).toEqual([
      call("c1", { opaque: [signature("new")] }),
    ]);
  });

  test("each turn gets its own", () => {
    const memory = seen(thought, call("c1"));
    const later = reasoning("Once more.", signature("sig 2"));
    createReasoningObserver(memory, key).seeAnswer(answerOf(later, call("c2")));
    const history = conversation(assistant(call("c1")), result("c1"), assistant(call("c2")), result("c2"));
    expect(restoreReasoning(history, memory, key)).toEqual(
      conversation(assistant(thought, call("c1")), result("c1"), assistant(later, call("c2")), result("c2")),
    );
  });
});

describe("what the client sent stands", () => {
  const thought = reasoning("I should look.", signature("sig 1"));

  test("reasoning with state is not doubled, also when it is another turn of the same answer", () => {
    const memory = seen(thought, call("c1"));
    const whole = conversation(assistant(thought, call("c1")));
    expect(restoreReasoning(whole, memory, key)).toBe(whole);
    const split = conversation(assistant(thought), assistant(call("c1")));
    expect(restoreReasoning(split, memory, key)).toBe(split);
  });

  test("its call still gets the state of the call", () => {
    const memory = seen(thought, call("c1", { opaque: [signature("call")] }));
    expect(restored(memory, thought, call("c1"))).toEqual([thought, call("c1", { opaque: [signature("call")] })]);
  });

  test("its plain text of the same thoughts gives way to the signed ones", () => {
    expect(restored(seen(thought, call("c1")), reasoning("I should look."), call("c1"))).toEqual([thought, call("c1")]);
  });

  test("its plain text stays where nothing better is known", () => {
    const memory = seen(reasoning("from upstream"), call("c1"));
    expect(restored(memory, reasoning("from the client"), call("c1"))).toEqual([
      reasoning("from the client"),
      call("c1"),
    ]);
    expect(restored(memory, reasoning(""), call("c1"))).toContainEqual(reasoning("from upstream"));
  });

  test("a conversation without anything to restore is the same object", () => {
    const memory = seen(thought, call("c1"));
    const untouched = conversation(
      { role: "user", parts: [text("hi")] },
      assistant(text("hello"), call("other")),
      result("other"),
      { role: "user", parts: [{ ...thought, opaque: [{ origin: "", kind: "reference", data: "x" }] }] },
    );
    expect(restoreReasoning(untouched, memory, key)).toBe(untouched);
  });

  test("the conversation that was given is not changed", () => {
    const memory = seen(thought, call("c1", { opaque: [signature("call")] }));
    const given = conversation(assistant(reasoning("own"), call("c1")));
    const copy = structuredClone(given);
    restoreReasoning(given, memory, key);
    expect(given).toEqual(copy);
  });
});

describe("one caller never gets another's", () => {
  const thought = reasoning("secret", signature("sig"));
  const history = conversation(assistant(call("c1")));

  test("neither by the same id nor by one made to look like it", () => {
    const memory = seen(thought, call("c1"));
    for (const other of ["", "team-b", "team-", "team-a ", "6 team-a"]) {
      expect(restoreReasoning(history, memory, other)).toBe(history);
    }
    const wide = createReasoningMemory();
    createReasoningObserver(wide, "a b").seeAnswer(answerOf(thought, call("c")));
    const probe = conversation(assistant(call("b c", { input: call("c").input })));
    expect(restoreReasoning(probe, wide, "a")).toBe(probe);
  });

  test("nor, where ids repeat, what belongs to a call with another input", () => {
    const memory = seen(thought, call("functions.search:0", { input: '{"q":"mine"}' }));
    const probe = conversation(assistant(call("functions.search:0", { input: '{"q":"yours"}' })));
    expect(restoreReasoning(probe, memory, key)).toBe(probe);
  });

  test("an input that means the same is the same", () => {
    const inputs: readonly (readonly [string, string])[] = [
      ['{"a":1,"b":{"d":2,"c":[1,2]}}', ' { "b": {"c":[1, 2], "d":2.0}, "a":1 }'],
      ['{"city":"Z\\u00fcrich \\ud83d\\ude00"}', '{"city":"Zürich 😀"}'],
      ["", "{}"],
      ["{}", ""],
      ['{"input":"SELECT 1;\\n"}', "SELECT 1;\n"],
      ['{"input":"5"}', "5"],
      ["not json {", "not json {"],
      ["[".repeat(200_000), "[".repeat(200_000)],
      [`${"[".repeat(200_000)}${"]".repeat(200_000)}`, `${"[".repeat(200_000)}${"]".repeat(200_000)}`],
    ];
    for (const [upstream, client] of inputs) {
      const memory = seen(thought, call("c1", { input: upstream }));
      const parts = restored(memory, call("c1", { input: client }));
      expect(parts).toHaveLength(2);
      expect(parts[0]).toEqual(thought);
    }
  });
});

function reference(id: string): Opaque {
  return { origin: "", kind: "reference", data: id };
}

function referenced(...parts: Part[]) {
  const memory = createReasoningMemory();
  const observer = createReasoningObserver(memory, key);
  for (const event of eventsOfAnswer(answerOf(...parts))) {
    if (event.type === "part-start" && event.part.type === "reasoning")
      observer.reference(`ref${event.index}`, event.index);
    observer.see(event);
  }
  return memory;
}

describe("a reference stands for reasoning", () => {
  const thought = reasoning("Long thoughts.", signature("sig"));

  test("it is replaced by what was remembered", () => {
    const memory = referenced(text("a"), thought, text("b"));
    expect(restored(memory, reasoning("shortened", reference("ref1")), text("b"))).toEqual([thought, text("b")]);
  });

  test("so is one of an answer in one piece", () => {
    const memory = createReasoningMemory();
    createReasoningObserver(memory, key).seeAnswer(answerOf(text("a"), thought), new Map([["r", 1]]));
    expect(restored(memory, reasoning("", reference("r")))).toEqual([thought]);
  });

  test("of an unknown one the text stays, and nothing where there is none", () => {
    const memory = referenced(thought);
    expect(restored(memory, reasoning("mine", reference("no")), text("b"))).toEqual([reasoning("mine"), text("b")]);
    expect(restored(memory, reasoning("", reference("no")), text("b"))).toEqual([text("b")]);
    expect(restored(memory, reasoning("", reference("no"), signature("s")))).toEqual([reasoning("", signature("s"))]);
    const other = conversation(assistant(reasoning("mine", reference("ref0"))));
    expect(restoreReasoning(other, memory, "team-b").turns[0]?.parts).toEqual([reasoning("mine")]);
  });

  test("the call behind it does not bring it again", () => {
    for (const part of [thought, reasoning("text only")]) {
      const memory = referenced(part, call("c1"));
      expect(restored(memory, reasoning("", reference("ref0")), call("c1"))).toEqual([part, call("c1")]);
    }
  });

  test("the id of a call is none of a reference", () => {
    const memory = seen(thought, call("c1"));
    expect(restored(memory, reasoning("mine", reference("c1")))).toEqual([reasoning("mine")]);
  });

  test("one that names no reasoning is forgotten", () => {
    const memory = createReasoningMemory();
    createReasoningObserver(memory, key).seeAnswer(
      answerOf(text("a"), thought),
      new Map([
        ["r", 0],
        ["s", 99],
      ]),
    );
    expect(restored(memory, reasoning("", reference("r")), reasoning("", reference("s")))).toEqual([]);
  });
});

describe("what is remembered", () => {
  const thought = reasoning("x", signature("s"));

  test("nothing of an answer without state and without thoughts", () => {
    const kept: string[] = [];
    const memory = { remember: (id: string) => void kept.push(id), recall: () => undefined };
    createReasoningObserver(memory, key).seeAnswer(answerOf(text("a"), reasoning(""), call("c1"), call("c2")));
    expect(kept).toEqual([]);
    createReasoningObserver(memory, key).seeAnswer(answerOf(thought, text("an answer without calls")));
    expect(kept).toEqual([]);
    createReasoningObserver(memory, key).seeAnswer(answerOf(thought, call("")));
    expect(kept).toEqual([]);
    createReasoningObserver(memory, key).seeAnswer(answerOf(thought, call("c1")));
    expect(kept).toHaveLength(1);
  });

  test("nothing of a stream that broke", () => {
    const memory = createReasoningMemory();
    const observer = createReasoningObserver(memory, key);
    for (const event of eventsOfAnswer(answerOf(thought, call("c1")))) if (event.type !== "finish") observer.see(event);
    expect(restored(memory, call("c1"))).toEqual([call("c1")]);
  });

  test("nothing of an answer too large to be one", () => {
    const memory = createReasoningMemory();
    const observer = createReasoningObserver(memory, key);
    const events: StreamEvent[] = [...eventsOfAnswer(answerOf(thought, call("c1")))];
    const delta: StreamEvent = { type: "part-delta", index: 0, text: "x".repeat(1024 * 1024) };
    const deltas = Array.from({ length: 17 }, () => delta);
    for (const event of [...events.slice(0, 2), ...deltas, ...events.slice(2)]) observer.see(event);
    expect(restored(memory, call("c1"))).toEqual([call("c1")]);
  });

  test("as many bytes as it may hold, the latest and the latest used", () => {
    const memory = createReasoningMemory({ maxBytes: 100_000 });
    const observe = (id: string): void =>
      createReasoningObserver(memory, key).seeAnswer(answerOf(reasoning("x".repeat(10_000)), call(id)));
    const isKnown = (id: string): boolean => restored(memory, call(id)).length === 2;
    for (const id of ["c1", "c2", "c3", "c4"]) observe(id);
    expect(isKnown("c1")).toBe(true);
    observe("c5");
    expect(["c1", "c2", "c3", "c4", "c5"].map(isKnown)).toEqual([true, false, true, true, true]);
    createReasoningObserver(memory, key).seeAnswer(answerOf(reasoning("x".repeat(60_000)), call("huge")));
    expect(isKnown("huge")).toBe(false);
    expect(isKnown("c5")).toBe(true);
  });

  test("the same id again is counted once", () => {
    const memory = createReasoningMemory({ maxBytes: 50_000 });
    for (let round = 0; round < 100; round += 1) {
      createReasoningObserver(memory, key).seeAnswer(answerOf(reasoning("x".repeat(10_000)), call("c1")));
      createReasoningObserver(memory, key).seeAnswer(answerOf(thought, call("c2")));
    }
    expect(restored(memory, call("c1"))).toHaveLength(2);
    expect(restored(memory, call("c2"))).toHaveLength(2);
  });
});

/** An answer of random parts; calls have ids of their own. */
function randomAnswer(random: () => number): Part[] {
  const states = (): Opaque[] => (random() < 0.5 ? [] : [signature(randomText(random)), signature("2")]);
  return Array.from({ length: Math.floor(random() * 8) }, (_, index): Part => {
    const kind = random();
    if (kind < 0.35) return reasoning(`thought ${index} ${randomText(random)}`, signature(`s${index}`), ...states());
    if (kind < 0.5) return text(`text ${randomText(random)}`);
    const input = JSON.stringify({ value: randomText(random) });
    const opaque = states();
    return call(`call_${index}`, { input, opaque: opaque.length === 0 ? undefined : opaque });
  });
}

function order(parts: readonly Part[]): string[] {
  return parts.map((part) => JSON.stringify(part)).sort();
}

test("whatever an answer is: a client that keeps only texts and calls gets the whole of it restored up to its last call", () => {
  const random = createRandom(11);
  for (let round = 0; round < 2000; round += 1) {
    const parts = randomAnswer(random);
    const lastCall = parts.findLastIndex(({ type }) => type === "tool_call");
    const kept = parts
      .filter(({ type }) => type !== "reasoning")
      .map((part) => (part.type === "tool_call" ? { ...part, opaque: undefined } : part));
    const expected = parts.filter(({ type }, index) => type !== "reasoning" || index < lastCall);
    const streamed = seen(...parts);
    const whole = createReasoningMemory();
    createReasoningObserver(whole, key).seeAnswer(answerOf(...parts));
    const fromStream = restored(streamed, ...kept);
    expect(fromStream).toEqual(restored(whole, ...kept) as Part[]);
    expect(order(fromStream)).toEqual(order(expected));
    const first = parts.findIndex(({ type }) => type !== "reasoning");
    if (lastCall !== -1) expect(fromStream.slice(0, first)).toEqual(parts.slice(0, first));
  }
});

test("a stream in any order breaks nothing", () => {
  const random = createRandom(5);
  for (let round = 0; round < 2000; round += 1) {
    const events = [...eventsOfAnswer(answerOf(...randomAnswer(random)))].sort(() => random() - 0.5);
    const memory = createReasoningMemory({ maxBytes: 5000 });
    const observer = createReasoningObserver(memory, key);
    for (const event of events) observer.see(event);
    observer.reference("r", Math.floor(random() * 10));
    for (const event of events) observer.see(event);
    restored(memory, ...randomAnswer(random));
  }
});
