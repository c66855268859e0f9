import { pictureBase64 } from "../../support/replay-others.ts";
import { greeting, thoughts, usage } from "../../support/replay-scenarios.ts";
import type { ClientAnswer } from "../driver.ts";
import { must, mustEqual } from "../expectations.ts";
import { asksOf, conversationsOf, prompt, type Pairing } from "../pairing.ts";
import { modelOf } from "../rig.ts";

const system = "Antworte «knapp».";
const citySchema = {
  type: "object",
  properties: { city: { type: "string" }, degrees: { type: "integer" }, sunny: { type: "boolean" } },
  required: ["city", "degrees", "sunny"],
  additionalProperties: false,
};
const picture = { mediaType: "image/png", base64: pictureBase64 } as const;

export async function plain(pairing: Pairing): Promise<void> {
  const { ask } = asksOf(pairing);
  const { upstream, driver } = pairing;
  const [conversation, ...more] = await conversationsOf(pairing, async () => {
    const answer = await ask({ model: modelOf(upstream, "plain"), prompt });
    mustEqual(answer.text, greeting + prompt, "text");
    must(answer.finish !== undefined, "no finish reason");
  });
  mustEqual(more.length, 0, "further requests upstream");
  mustEqual(conversation?.protocol, upstream.protocol, "protocol upstream");
  mustEqual(conversation?.isStream, false, "stream upstream");
  if (driver.protocol === "openai-completions") return;
  const answer = await ask({ model: modelOf(upstream, "system"), system, prompt });
  mustEqual(answer.text, `${system} / ${prompt}`, "system and text");
}

/** What both ways of asking must agree about; drivers may carry more. */
function told({ text, reasoning = "", finish, usage: numbers }: ClientAnswer): ClientAnswer {
  return { text, reasoning, finish, usage: numbers };
}

export async function stream(pairing: Pairing): Promise<void> {
  const { ask, askStream } = asksOf(pairing);
  for (const scenario of ["plain", "reasoning", "length"]) {
    const model = modelOf(pairing.upstream, scenario);
    const whole = await ask({ model, prompt });
    // Raw streams are tried in every delivery; here it matters that the client's own reader takes them.
    for (const suffix of scenario === "plain" ? ["", "--whole", "--bytes", "--split-1"] : ["--split-1"]) {
      const [conversation] = await conversationsOf(pairing, async () => {
        const streamed = await askStream({ model: model + suffix, prompt });
        mustEqual(told(streamed), told(whole), `${scenario}${suffix} as a stream`);
      });
      mustEqual(conversation?.isStream, true, "stream upstream");
    }
  }
}

export async function image(pairing: Pairing): Promise<void> {
  const { ask, askStream } = asksOf(pairing);
  const expected = `I see image/png of ${Buffer.from(pictureBase64, "base64").length} bytes.`;
  for (const call of [ask, askStream]) {
    const { text } = await call({ model: modelOf(pairing.upstream, "vision"), prompt, picture });
    mustEqual(text, expected, "what the upstream saw");
  }
}

export async function structured(pairing: Pairing): Promise<void> {
  const { ask, askStream } = asksOf(pairing);
  for (const call of [ask, askStream]) {
    const { text } = await call({ model: modelOf(pairing.upstream, "structured"), prompt, schema: citySchema });
    must(text.startsWith("{"), `no JSON: ${text}`);
    mustEqual(JSON.parse(text), { city: "Zürich", degrees: 21, sunny: true }, "value");
  }
}

export async function usageNumbers(pairing: Pairing): Promise<void> {
  const { ask, askStream } = asksOf(pairing);
  const input = usage.input + usage.cacheRead;
  const expected = {
    plain: { input, output: usage.output },
    reasoning: { input, output: usage.output + 7 },
    cached: { input: usage.input + 900, output: usage.output },
  };
  for (const [scenario, numbers] of Object.entries(expected)) {
    for (const call of [ask, askStream]) {
      const { usage: found } = await call({ model: modelOf(pairing.upstream, scenario), prompt });
      mustEqual(found, numbers, `usage of ${scenario}${call === askStream ? " in a stream" : ""}`);
    }
  }
}

export async function reasoning(pairing: Pairing): Promise<void> {
  const { ask, askStream } = asksOf(pairing);
  for (const call of [ask, askStream]) {
    const answer = await call({ model: modelOf(pairing.upstream, "reasoning"), prompt });
    mustEqual(answer.reasoning, thoughts, "reasoning");
    mustEqual(answer.text, greeting + prompt, "text behind the reasoning");
  }
}

export async function chaining({ driver, upstream }: Pairing): Promise<void> {
  for (const isStream of [false, true]) {
    const question = {
      model: modelOf(upstream, "history"),
      prompts: ["Eins, bitte.", "Zwei?", "Drei!"],
      stream: isStream,
    };
    const text = await driver.carryOn?.(question);
    // An upstream that keeps responses itself may get their name only.
    if (upstream.protocol === "openai-responses" && text === "Drei! | previous") continue;
    mustEqual(text, question.prompts.join(" | "), "what the upstream was told");
  }
}
