import { GatewayError } from "../../errors.ts";
import type { ClientView } from "../canonical/codec.ts";
import type { Answer, ImagePart, Part } from "../canonical/conversation.ts";
import { urlOfSource } from "../canonical/media.ts";
import type { Fields } from "../fields.ts";
import type { Said } from "./line-form.ts";
import { callShown, endingOf, logprobsShown } from "./line-writer.ts";

/** An answer whose upstream gave up in the middle. */
export function brokenAnswer(raw: string | undefined): GatewayError {
  const word = raw === undefined ? "" : ` (${raw})`;
  const message = `The upstream ended its answer with an error${word}.`;
  return new GatewayError({ code: "upstream_error", status: 502, message, retryable: true });
}

/** Ollama's pictures are base64; of others the text says where they are. */
export function imageSaid({ source }: ImagePart): Said {
  if (source.kind === "base64") return { images: [source.data] };
  const url = urlOfSource(source);
  return url === undefined ? {} : { text: `![](${url})` };
}

/** What the parts of an answer say, as a stream would. */
function saidOf(parts: readonly Part[]): Required<Said> {
  const said = { text: "", thinking: "", calls: [] as Fields[], images: [] as string[] };
  for (const part of parts) {
    if (part.type === "text" || part.type === "refusal") said.text += part.text;
    else if (part.type === "tool_call") said.calls.push(callShown(part, said.calls.length));
    else if (part.type === "reasoning" && part.text !== "")
      said.thinking += (said.thinking === "" ? "" : "\n\n") + part.text;
    else if (part.type === "image") {
      const { text = "", images = [] } = imageSaid(part);
      said.text += text;
      said.images.push(...images);
    }
  }
  return said;
}

/** The members of an answer in one piece, without those that say it. Throws GatewayError (502) for one that broke. */
function frameOf({ finish, usage, logprobs }: Answer, view: ClientView): { head: Fields; tail: Fields } {
  if (finish.reason === "error") throw brokenAnswer(finish.raw);
  const shown = logprobsShown(logprobs);
  return {
    head: { model: view.model, created_at: new Date().toISOString() },
    tail: {
      ...endingOf({ finish, usage, firstAt: undefined }, view),
      ...(shown === undefined ? {} : { logprobs: shown }),
    },
  };
}

function membersOf({ thinking, calls, images }: Required<Said>): Fields {
  return {
    ...(thinking === "" ? {} : { thinking }),
    ...(images === undefined || images.length === 0 ? {} : { images }),
    ...(calls === undefined || calls.length === 0 ? {} : { tool_calls: calls }),
  };
}

/** An answer in one piece, as /api/chat gives it. */
export function encodeChatAnswer(answer: Answer, view: ClientView): Fields {
  const { head, tail } = frameOf(answer, view);
  const said = saidOf(answer.parts);
  return { ...head, message: { role: "assistant", content: said.text, ...membersOf(said) }, ...tail };
}

/** An answer in one piece, as /api/generate gives it. */
export function encodeGenerateAnswer(answer: Answer, view: ClientView): Fields {
  const { head, tail } = frameOf(answer, view);
  const said = saidOf(answer.parts);
  return { ...head, response: said.text, ...membersOf(said), ...tail };
}
