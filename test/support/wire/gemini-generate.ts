import { fieldsOf, isFields, jsonOf, listOf, type Fields } from "../../../src/protocols/fields.ts";
import { geminiViolations } from "./gemini-request.ts";
import type { PlayedAnswer, Script, ScriptPart, WireProtocol } from "./wire.ts";

const finishReasons: Readonly<Record<Script["finish"], string>> = {
  end: "STOP",
  tool_calls: "STOP",
  length: "MAX_TOKENS",
  filtered: "SAFETY",
};

function usageOf({ usage }: Script): Fields {
  const prompt = usage.input + usage.cacheRead + usage.cacheWrite;
  return {
    promptTokenCount: prompt,
    ...(usage.cacheRead === 0 ? {} : { cachedContentTokenCount: usage.cacheRead }),
    candidatesTokenCount: usage.output,
    totalTokenCount: prompt + usage.output + usage.reasoning,
    promptTokensDetails: [{ modality: "TEXT", tokenCount: prompt }],
    ...(usage.reasoning === 0 ? {} : { thoughtsTokenCount: usage.reasoning }),
  };
}

function callPart({ id, name, input, signature }: Extract<ScriptPart, { type: "tool_call" }>): Fields {
  const args: unknown = JSON.parse(input === "" ? "{}" : input);
  return { functionCall: { id, name, args }, ...(signature === undefined ? {} : { thoughtSignature: signature }) };
}

function textPart(part: Exclude<ScriptPart, { type: "tool_call" }>, text: string): Fields {
  return part.type === "reasoning" ? { text, thought: true } : { text };
}

/** The signature of what was thought stands on a last part without text. */
function lastPart({ parts }: Script): Fields {
  const signed = parts.flatMap((part) => (part.type === "reasoning" ? (part.signature ?? []) : []));
  const signature = signed.at(-1);
  return signature === undefined ? { text: "" } : { text: "", thoughtSignature: signature };
}

function responseOf(script: Script, parts: readonly Fields[], finishReason?: string): Fields {
  return {
    candidates: [
      { content: { parts, role: "model" }, ...(finishReason === undefined ? {} : { finishReason }), index: 0 },
    ],
    usageMetadata: usageOf(script),
    modelVersion: script.model,
    responseId: script.id,
  };
}

/** A text in pieces of a few characters, none of which is cut in two. */
function piecesOf(text: string): string[] {
  const characters = Array.from(text);
  const pieces: string[] = [];
  for (let at = 0; at < characters.length; at += 4) pieces.push(characters.slice(at, at + 4).join(""));
  return pieces;
}

const messageOfStatus: Readonly<Record<number, string>> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  429: "RESOURCE_EXHAUSTED",
  500: "INTERNAL",
  503: "UNAVAILABLE",
  504: "DEADLINE_EXCEEDED",
};

function errorText(code: number, message: string): string {
  return JSON.stringify({ error: { code, message, status: messageOfStatus[code] ?? "UNKNOWN" } }, undefined, 2);
}

interface ReadStream {
  responses: Fields[];
  error: Fields | undefined;
  problems: string[];
}

function readArray(stream: string): ReadStream {
  const value = jsonOf(stream);
  if (!Array.isArray(value)) return { responses: [], error: undefined, problems: ["the stream is no JSON array"] };
  const elements = value.map(fieldsOf);
  const error = elements.findIndex((element) => "error" in element);
  if (error === -1) return { responses: elements, error: undefined, problems: [] };
  const problems = error === elements.length - 1 ? [] : ["something follows the error"];
  return { responses: elements.slice(0, error), error: elements[error], problems };
}

/** As Google's SDKs read it: events of one `data:` line each, at the end perhaps an error, as an event or bare. */
function readEvents(stream: string): ReadStream {
  const read: ReadStream = { responses: [], error: undefined, problems: [] };
  const events = stream.split(/\r\n\r\n|\n\n/);
  const rest = events.pop() ?? "";
  for (const event of events.filter((text) => text !== "")) {
    const data = event.startsWith("data: ") ? jsonOf(event.slice("data: ".length)) : undefined;
    if (read.error !== undefined) read.problems.push("something follows the error");
    if (isFields(fieldsOf(data)["error"])) read.error = fieldsOf(data);
    else if (isFields(data)) read.responses.push(data);
    else read.problems.push(`no event with one line of JSON data: ${event.slice(0, 80)}`);
  }
  if (rest.trim() === "") return read;
  const error = fieldsOf(jsonOf(rest));
  if (isFields(error["error"])) read.error = error;
  else read.problems.push(`the stream ends in the middle: ${rest.slice(0, 80)}`);
  return read;
}

function readStream(stream: string): ReadStream {
  return stream.trimStart().startsWith("[") ? readArray(stream) : readEvents(stream);
}

function candidateOf(response: Fields): Fields {
  return fieldsOf(listOf(response["candidates"])[0]);
}

function partsOf(response: Fields): Fields[] {
  return listOf(fieldsOf(candidateOf(response)["content"])["parts"]).map(fieldsOf);
}

function partProblems(part: Fields): string[] {
  const call = part["functionCall"];
  if (call === undefined)
    return typeof part["text"] === "string" || isFields(part["inlineData"])
      ? []
      : [`unknown part ${JSON.stringify(part)}`];
  const { name, args } = fieldsOf(call);
  return typeof name === "string" && name !== "" && isFields(args) ? [] : [`call is not whole ${JSON.stringify(call)}`];
}

function responseProblems(response: Fields, first: Fields): string[] {
  const problems = ["modelVersion", "responseId"].filter(
    (key) => typeof response[key] !== "string" || response[key] !== first[key],
  );
  const candidate = candidateOf(response);
  const { content, index } = candidate;
  const role = isFields(content) ? content["role"] : "model";
  return [
    ...problems.map((key) => `${key} is missing or has changed`),
    ...(index === 0 ? [] : ["a candidate without index 0"]),
    ...(role === "model" ? [] : ["content without role model"]),
    ...partsOf(response).flatMap(partProblems),
  ];
}

function endProblems({ responses, error }: ReadStream): string[] {
  const ends = responses.flatMap((response, index) =>
    candidateOf(response)["finishReason"] === undefined ? [] : [index],
  );
  if (error !== undefined) {
    const { code, message, status } = fieldsOf(error["error"]);
    const isWhole = typeof code === "number" && typeof message === "string" && typeof status === "string";
    return [
      ...(isWhole ? [] : ["the error has no code, message and status"]),
      ...(ends.length === 0 ? [] : ["finished and failed"]),
    ];
  }
  const last = responses.at(-1) ?? {};
  return [
    ...(ends.length === 1 && ends[0] === responses.length - 1
      ? []
      : ["finishReason does not stand once, on the last response"]),
    ...(isFields(last["usageMetadata"]) ? [] : ["no usageMetadata on the last response"]),
  ];
}

function problemsOf(stream: string): string[] {
  const read = readStream(stream);
  const [first = {}] = read.responses;
  const { problems } = read;
  return [
    ...problems,
    ...read.responses.flatMap((response) => responseProblems(response, first)),
    ...endProblems(read),
  ];
}

function contentOf(answer: string): PlayedAnswer {
  const whole = jsonOf(answer);
  const responses = isFields(whole) ? [whole] : readStream(answer).responses;
  const parts = responses.flatMap(partsOf);
  const textOf = (isThought: boolean): string =>
    parts
      .map(({ text, thought }) => (typeof text === "string" && (thought === true) === isThought ? text : ""))
      .join("");
  return {
    text: textOf(false),
    reasoning: textOf(true),
    calls: parts.flatMap(({ functionCall: call }) => {
      const { name, args } = fieldsOf(call);
      return isFields(call) ? [{ name: String(name), input: args }] : [];
    }),
    finish: responses
      .map((response) => candidateOf(response)["finishReason"])
      .findLast((word) => typeof word === "string"),
    usage: responses.findLast((response) => "usageMetadata" in response)?.["usageMetadata"],
  };
}

/** Gemini's generateContent and streamGenerateContent. */
export const geminiGenerateWire: WireProtocol = {
  id: "gemini-generate",
  violationsOf: geminiViolations,
  wantsStream: ({ path }) => path.includes(":streamGenerateContent"),
  whole(script) {
    const parts = script.parts.map((part) => (part.type === "tool_call" ? callPart(part) : textPart(part, part.text)));
    const last = lastPart(script);
    if ("thoughtSignature" in last || parts.length === 0) parts.push(last);
    const body = JSON.stringify(responseOf(script, parts, finishReasons[script.finish]), undefined, 2);
    return { contentType: "application/json; charset=UTF-8", body };
  },
  stream(script) {
    const responses = script.parts.flatMap((part) =>
      part.type === "tool_call"
        ? [responseOf(script, [callPart(part)])]
        : piecesOf(part.text).map((text) => responseOf(script, [textPart(part, text)])),
    );
    responses.push(responseOf(script, [lastPart(script)], finishReasons[script.finish]));
    return {
      contentType: "text/event-stream",
      events: responses.map((response) => `data: ${JSON.stringify(response)}\r\n\r\n`),
    };
  },
  refusal: (status, message) => ({ contentType: "application/json; charset=UTF-8", body: errorText(status, message) }),
  // Google writes it bare, over several lines and without `data:`.
  failureInStream: (message) => errorText(503, message),
  problemsOf,
  contentOf,
};
