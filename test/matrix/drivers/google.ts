import {
  ApiError,
  GoogleGenAI,
  type Content,
  type GenerateContentParameters,
  type GenerateContentResponse,
  type Part,
} from "@google/genai";
import { once, runTool, type ClientAnswer, type CreateDriver, type Question, type ToolQuestion } from "../driver.ts";

function requestOf({ model, prompt, system, picture, schema, signal }: Question): GenerateContentParameters {
  const parts: Part[] = [{ text: prompt }];
  if (picture !== undefined) parts.push({ inlineData: { mimeType: picture.mediaType, data: picture.base64 } });
  return {
    model,
    contents: [{ role: "user", parts }],
    config: {
      ...(system !== undefined && { systemInstruction: system }),
      ...(signal !== undefined && { abortSignal: signal }),
      ...(schema !== undefined && { responseMimeType: "application/json", responseJsonSchema: schema }),
    },
  };
}

function usageOf({ usageMetadata: usage }: GenerateContentResponse): ClientAnswer["usage"] {
  if (usage === undefined) return undefined;
  const { promptTokenCount: input, candidatesTokenCount: text = 0, thoughtsTokenCount: thoughts = 0 } = usage;
  return { input, output: text + thoughts };
}

function textOf(parts: readonly Part[], isThought: boolean): string {
  return parts.map((part) => ((part.thought ?? false) === isThought ? (part.text ?? "") : "")).join("");
}

/** Of a whole answer, or of all the pieces of a streamed one. */
function answerOf(pieces: readonly GenerateContentResponse[]): ClientAnswer & { parts: Part[] } {
  const all = pieces.flatMap((piece) => piece.candidates?.[0]?.content?.parts ?? []);
  // Streams end with an empty text, which Gemini refuses in a history.
  const parts = all.filter((part) => part.text !== "" || part.thoughtSignature !== undefined);
  return {
    parts,
    text: textOf(parts, false),
    reasoning: textOf(parts, true),
    finish: pieces.findLast((piece) => piece.candidates?.[0]?.finishReason !== undefined)?.candidates?.[0]
      ?.finishReason,
    usage: usageOf(
      pieces.findLast(({ usageMetadata }) => usageMetadata !== undefined) ?? ({} as GenerateContentResponse),
    ),
  };
}

export const createGoogle: CreateDriver = ({ origin }) => {
  const client = new GoogleGenAI({ apiKey: "none", httpOptions: { baseUrl: origin } });

  async function generate(request: GenerateContentParameters, onText?: () => void) {
    const told = once(onText);
    const pieces: GenerateContentResponse[] = [];
    for await (const piece of await client.models.generateContentStream(request)) {
      pieces.push(piece);
      told(textOf(piece.candidates?.[0]?.content?.parts ?? [], false));
    }
    const answer = answerOf(pieces);
    // The SDK takes the end of a connection for the end of an answer; Google's own programmes look for this.
    if (answer.finish === undefined) throw new Error("the stream ended without finishReason");
    return answer;
  }

  async function useTools({ model, prompt, tools, stream }: ToolQuestion): Promise<ClientAnswer> {
    const contents: Content[] = [{ role: "user", parts: [{ text: prompt }] }];
    const functionDeclarations = tools.map(({ name, description, parameters }) => ({
      name,
      description,
      parametersJsonSchema: parameters,
    }));
    for (let turn = 0; turn < 4; turn += 1) {
      const request = { model, contents, config: { tools: [{ functionDeclarations }] } };
      const answer = stream ? await generate(request) : answerOf([await client.models.generateContent(request)]);
      const calls = answer.parts.flatMap((part) => (part.functionCall === undefined ? [] : [part.functionCall]));
      if (calls.length === 0) return answer;
      const results = calls.map(({ id, name = "", args }): Part => {
        const response = { output: runTool(tools, { name, input: args }) };
        return { functionResponse: { name, response, ...(id !== undefined && { id }) } };
      });
      contents.push({ role: "model", parts: answer.parts }, { role: "user", parts: results });
    }
    throw new Error("the model never stopped to call tools");
  }

  return {
    id: "google",
    name: "Google GenAI JS",
    package: "@google/genai",
    protocol: "gemini-generate",
    async models() {
      const names: string[] = [];
      for await (const model of await client.models.list()) names.push((model.name ?? "").replace(/^models\//, ""));
      const one = await client.models.get({ model: names[0] ?? "" });
      return one.name === `models/${names[0]}` ? names : [];
    },
    async ask(question) {
      return answerOf([await client.models.generateContent(requestOf(question))]);
    },
    askStream: (question) => generate(requestOf(question), question.onText),
    useTools,
    async count({ model, prompt }) {
      const { totalTokens } = await client.models.countTokens({ model, contents: prompt });
      return totalTokens ?? 0;
    },
    async embed({ model, texts }) {
      const { embeddings } = await client.models.embedContent({ model, contents: [...texts] });
      return (embeddings ?? []).map(({ values }) => values ?? []);
    },
    failureOf(error) {
      if (error instanceof ApiError) return { status: error.status, message: error.message };
      return undefined;
    },
  };
};
