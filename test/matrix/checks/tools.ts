import { callSignature, reasoningSignature, toolInputs } from "../../support/replay-scenarios.ts";
import type { ClientAnswer, Tool } from "../driver.ts";
import { must, mustEqual } from "../expectations.ts";
import { conversationsOf, prompt, type Pairing } from "../pairing.ts";
import { modelOf, type UpstreamKind } from "../rig.ts";

function createTools(): { tools: Tool[]; inputs: Record<string, unknown> } {
  const inputs: Record<string, unknown> = {};
  const toolOf = (name: string, result: string, parameters: Tool["parameters"]): Tool => ({
    name,
    description: `Tells ${name}, «exactly».`,
    parameters,
    run(input) {
      inputs[name] = input;
      return result;
    },
  });
  const weather = {
    type: "object",
    properties: {
      city: { type: "string" },
      units: { type: "array", items: { type: "string" } },
      days: { type: "integer" },
    },
    required: ["city"],
  };
  const time = {
    type: "object",
    properties: { zone: { type: "string" }, offset: { type: "object", properties: { hours: { type: "number" } } } },
  };
  const tools = [toolOf("get_weather", "sunny, 21 °C ☀️", weather), toolOf("get_time", "12:00 «noon»", time)];
  return { tools, inputs };
}

const quoted = "get_weather says sunny, 21 °C ☀️; get_time says 12:00 «noon».";

async function toolLoop(pairing: Pairing, scenario: string, check: (answer: ClientAnswer) => void): Promise<void> {
  const { driver, upstream } = pairing;
  for (const isStream of [false, true]) {
    const { tools, inputs } = createTools();
    const conversations = await conversationsOf(pairing, async () => {
      const answer = await driver.useTools?.({ model: modelOf(upstream, scenario), prompt, tools, stream: isStream });
      must(answer !== undefined, "the client knows no tools");
      mustEqual(inputs, toolInputs, `inputs of the calls${isStream ? " in a stream" : ""}`);
      check(answer);
    });
    mustEqual(conversations.length, 2, "requests upstream");
    const offered = conversations[0]?.asked.tools.map(({ name }) => name);
    mustEqual(offered, ["get_weather", "get_time"], "tools upstream");
  }
}

export function tools(pairing: Pairing): Promise<void> {
  return toolLoop(pairing, "tools", ({ text }) => mustEqual(text, quoted, "text behind the tools"));
}

/** What of its opaque state an upstream wants back. */
function signaturesOf({ protocol }: UpstreamKind): string[] {
  if (protocol === "anthropic-messages" || protocol === "openai-responses") return [reasoningSignature];
  return protocol === "gemini-generate" ? [callSignature] : [];
}

export function signatures(pairing: Pairing): Promise<void> {
  return toolLoop(pairing, "reasoned-tools", ({ text }) => {
    must(text.startsWith(quoted), `text behind the tools: ${text}`);
    // Clients that let OpenAI keep their responses send back only names of items.
    if (pairing.upstream.protocol === "openai-responses" && text.includes("reference rs_")) return;
    for (const signature of signaturesOf(pairing.upstream)) {
      must(text.includes(signature), `the upstream's own state did not come back: ${text.slice(quoted.length)}`);
    }
  });
}
