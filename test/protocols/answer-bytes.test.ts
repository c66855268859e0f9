import { describe, expect, test } from "bun:test";
import { latin1OfUtf8 } from "../../src/lib/latin1.ts";
import { protocols } from "../../src/protocols/registry.ts";
import { wires } from "../support/replay-wires.ts";
import type { Script, ScriptPart } from "../support/wire/wire.ts";
import { editPieces } from "./whole-stream.ts";

const said = "Grüße aus Zürich, 世界 👋🏽, ".repeat(40);
const thought = "Let me think – «it» 🤔. ".repeat(30);
const input = JSON.stringify({ city: "Zürich".repeat(50) });
const usage = { input: 21, cacheRead: 8, cacheWrite: 0, output: 13, reasoning: 7 } as const;

const lengthOf = (text: string): number => Buffer.byteLength(text);

interface Counted {
  id: (typeof protocols)[keyof typeof protocols]["id"];
  parts: readonly ScriptPart[];
  textLimit: number;
}

function countedBytes({ id, parts, textLimit }: Counted): number {
  const script: Script = { id: "up-1", model: "up-model", parts, finish: "end", usage };
  const events = wires[id].stream(script).events.map(latin1OfUtf8);
  const editor = protocols[id].createStreamEditor({ modelShown: "shown", hideUsage: false, textLimit });
  return editPieces(editor, events).editor.observation.answerBytes;
}

const talkers = Object.values(protocols).map(({ id }) => id);
const thinkers = talkers.filter((id) => id !== "openai-completions");
const callers = thinkers.filter((id) => id !== "ollama-generate");

describe.each([0, 1_000_000])("what went by of an answer, %d characters kept", (textLimit) => {
  test.each(talkers)("is counted of texts of %s", (id) => {
    expect(countedBytes({ id, parts: [{ type: "text", text: said }], textLimit })).toBe(lengthOf(said));
  });

  test.each(thinkers)("is counted of thoughts of %s", (id) => {
    const parts: ScriptPart[] = [
      { type: "reasoning", text: thought, signature: "c2lnbmF0dXJl" },
      { type: "text", text: said },
    ];
    expect(countedBytes({ id, parts, textLimit })).toBe(lengthOf(thought) + lengthOf(said));
  });

  test.each(callers)("is counted of calls of %s", (id) => {
    const parts: ScriptPart[] = [
      { type: "text", text: said },
      { type: "tool_call", id: "call_1", name: "look", input },
    ];
    const counted = countedBytes({ id, parts, textLimit });
    // Quotes within arguments may count as they are written, with their escapes.
    expect(counted).toBeWithin(lengthOf(said) + lengthOf(input), lengthOf(said) + lengthOf(input) + 20);
  });
});

test("several answers at once are counted together, as a fat event is", () => {
  for (const textLimit of [0, 100]) {
    const editor = protocols["openai-chat"].createStreamEditor({ modelShown: "shown", hideUsage: false, textLimit });
    const choices = [0, 1].map((index) => ({ index, delta: { content: "0123456789" } }));
    const chunk = { id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices };
    for (let count = 0; count < 10; count += 1) editor.push(`data: ${JSON.stringify(chunk)}\n\n`);
    expect(editor.observation).toMatchObject({ contentEvents: 10, answerBytes: 200 });
  }
});
