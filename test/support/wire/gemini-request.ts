import { fieldsOf, isFields, listOf, type Fields } from "../../../src/protocols/fields.ts";
import { schemaProblems } from "./gemini-schema.ts";
import type { PlayedRequest } from "./wire.ts";

const functionName = /^[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}$/;
const standardBase64 = /^[A-Za-z0-9+/]+={0,2}$/;
const anyBase64 = /^[A-Za-z0-9+/_-]+={0,2}$/;
const mimeType = /^[a-z]+\/[a-z0-9.+-]+$/;

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string";
const isFlag: Check = (value) => typeof value === "boolean";
const isList: Check = (value) => Array.isArray(value);
const isObject: Check = isFields;
const within =
  (low: number, high: number): Check =>
  (value) =>
    typeof value === "number" && value >= low && value <= high;
const whole =
  (low: number, high: number): Check =>
  (value) =>
    Number.isInteger(value) && within(low, high)(value);
const oneOf =
  (...words: string[]): Check =>
  (value) =>
    typeof value === "string" && words.includes(value);
const matching =
  (pattern: RegExp): Check =>
  (value) =>
    typeof value === "string" && pattern.test(value);

/** Members of an object: those that must be there are marked with `!`. */
function members(value: unknown, path: string, checks: Readonly<Record<string, Check>>): string[] {
  if (!isFields(value)) return [`${path}: no object`];
  const known = new Map(Object.entries(checks).map(([key, check]) => [key.replace("!", ""), check]));
  const needed = Object.keys(checks).filter((key) => key.endsWith("!"));
  return [
    ...needed
      .map((key) => key.replace("!", ""))
      .filter((key) => !(key in value))
      .map((key) => `${path}.${key}: missing`),
    ...Object.entries(value).flatMap(([key, member]) => {
      const check = known.get(key);
      if (check === undefined) return [`${path}.${key}: unknown name`];
      return check(member) ? [] : [`${path}.${key}: invalid value ${JSON.stringify(member)?.slice(0, 80)}`];
    }),
  ];
}

const blob = { "mimeType!": matching(mimeType), "data!": matching(standardBase64), displayName: isText };

const dataKinds: Readonly<Record<string, (value: unknown, path: string) => string[]>> = {
  text: (value, path) => (isText(value) ? [] : [`${path}: no text`]),
  inlineData: (value, path) => members(value, path, blob),
  fileData: (value, path) => members(value, path, { mimeType: matching(mimeType), "fileUri!": isText }),
  functionCall: (value, path) =>
    members(value, path, { id: isText, "name!": matching(functionName), "args!": isObject }),
  functionResponse: (value, path) => [
    ...members(value, path, { id: isText, "name!": matching(functionName), "response!": isObject, parts: isList }),
    ...listOf(fieldsOf(value)["parts"]).flatMap((part, index) =>
      members(fieldsOf(part)["inlineData"], `${path}.parts[${index}].inlineData`, blob),
    ),
  ],
  executableCode: () => [],
  codeExecutionResult: () => [],
};

function partProblems(part: unknown, path: string): string[] {
  if (!isFields(part)) return [`${path}: no object`];
  const kinds = Object.keys(part).filter((key) => key in dataKinds);
  const beside = Object.keys(part).filter(
    (key) => !(key in dataKinds) && !["thought", "thoughtSignature"].includes(key),
  );
  const problems = beside.map((key) => `${path}.${key}: unknown name`);
  if (kinds.length !== 1)
    problems.push(`${path}: must have exactly one kind of data, has ${kinds.join("+") || "none"}`);
  for (const kind of kinds) problems.push(...(dataKinds[kind]?.(part[kind], `${path}.${kind}`) ?? []));
  if (part["text"] === "" && !("thoughtSignature" in part)) problems.push(`${path}.text: empty`);
  if ("thoughtSignature" in part && !matching(anyBase64)(part["thoughtSignature"]))
    problems.push(`${path}.thoughtSignature: no base64`);
  return problems;
}

interface Content {
  role: unknown;
  calls: Fields[];
  responses: Fields[];
  parts: readonly unknown[];
}

function contentOf(value: unknown): Content {
  const { role, parts } = fieldsOf(value);
  const list = listOf(parts);
  const named = (key: string): Fields[] => list.map((part) => fieldsOf(part)[key]).filter(isFields);
  return { role, calls: named("functionCall"), responses: named("functionResponse"), parts: list };
}

/** Every call of a model's content is answered in the next, in order; nothing else is. */
function callProblems(content: Content, before: Content | undefined, path: string): string[] {
  const calls = before?.calls ?? [];
  const { responses } = content;
  if (calls.length !== responses.length)
    return [`${path}: ${responses.length} function responses to ${calls.length} calls`];
  return responses.flatMap((response, index) => {
    const call = calls[index];
    if (response["name"] !== call?.["name"]) return [`${path}: response ${index} is named ${String(response["name"])}`];
    return response["id"] === call?.["id"] ? [] : [`${path}: response ${index} has another id than its call`];
  });
}

/** Gemini 3 checks the first call of every step since the user last spoke. */
function signatureProblems(contents: readonly Content[], model: string): string[] {
  if (!model.includes("gemini-3")) return [];
  const spoken = contents.findLastIndex(({ role, responses }) => role === "user" && responses.length === 0);
  return contents.flatMap(({ calls, parts }, index) => {
    if (index < spoken || calls.length === 0) return [];
    const first = parts.map(fieldsOf).find((part) => "functionCall" in part);
    return first !== undefined && "thoughtSignature" in first
      ? []
      : [`contents[${index}]: function call is missing a thought_signature`];
  });
}

function contentsProblems(value: unknown, model: string): string[] {
  if (!Array.isArray(value) || value.length === 0) return ["contents: not specified"];
  const contents = value.map(contentOf);
  const problems = value.flatMap((content, index) => {
    const path = `contents[${index}]`;
    const { parts } = fieldsOf(content);
    return [
      ...members(content, path, { "role!": oneOf("user", "model"), "parts!": isList }),
      ...(listOf(parts).length === 0 ? [`${path}.parts: must not be empty`] : []),
      ...listOf(parts).flatMap((part, place) => partProblems(part, `${path}.parts[${place}]`)),
      ...callProblems(contentOf(content), contents[index - 1], path),
    ];
  });
  if (contents[0]?.role !== "user") problems.push("contents[0]: the user has to begin");
  contents.forEach(({ role }, index) => {
    if (index > 0 && role === contents[index - 1]?.role) problems.push(`contents[${index}]: same role as before`);
  });
  return [...problems, ...signatureProblems(contents, model)];
}

function declarationProblems(value: unknown, path: string): string[] {
  const problems = members(value, path, {
    "name!": matching(functionName),
    description: isText,
    parametersJsonSchema: isObject,
  });
  const schema = fieldsOf(value)["parametersJsonSchema"];
  return schema === undefined ? problems : [...problems, ...schemaProblems(schema, `${path}.parametersJsonSchema`)];
}

function toolProblems({ tools, toolConfig }: Fields): string[] {
  const declared = listOf(tools).flatMap((tool) => listOf(fieldsOf(tool)["functionDeclarations"]));
  const names = declared.map((declaration) => fieldsOf(declaration)["name"]);
  const problems = listOf(tools).flatMap((tool, index) =>
    members(tool, `tools[${index}]`, { functionDeclarations: isList }),
  );
  problems.push(...declared.flatMap((value, index) => declarationProblems(value, `functionDeclarations[${index}]`)));
  if (new Set(names).size !== names.length) problems.push("tools: two functions of one name");
  if (tools !== undefined && declared.length === 0) problems.push("tools: empty");
  if (toolConfig === undefined) return problems;
  if (declared.length === 0) problems.push("toolConfig: function calling config is set without function_declarations");
  const calling = fieldsOf(toolConfig)["functionCallingConfig"];
  const modes = oneOf("AUTO", "ANY", "NONE", "VALIDATED");
  problems.push(...members(calling, "functionCallingConfig", { "mode!": modes, allowedFunctionNames: isList }));
  const { mode, allowedFunctionNames: allowed } = fieldsOf(calling);
  if (allowed !== undefined && mode !== "ANY" && mode !== "VALIDATED")
    problems.push("allowedFunctionNames: only with ANY or VALIDATED");
  const unknown = listOf(allowed).filter((name) => !names.includes(name));
  return [...problems, ...unknown.map((name) => `allowedFunctionNames: ${String(name)} is not declared`)];
}

const int32 = 2 ** 31;
const generationConfig = {
  temperature: within(0, 2),
  topP: within(0, 1),
  topK: whole(1, 1000),
  candidateCount: whole(1, 8),
  maxOutputTokens: whole(1, 1_000_000),
  stopSequences: (value: unknown) =>
    Array.isArray(value) && value.length <= 5 && value.every((text) => typeof text === "string" && text !== ""),
  seed: whole(-int32, int32 - 1),
  presencePenalty: within(-2, 2),
  frequencyPenalty: within(-2, 2),
  responseLogprobs: isFlag,
  logprobs: whole(0, 20),
  responseMimeType: oneOf("text/plain", "application/json", "text/x.enum"),
  responseSchema: isObject,
  responseJsonSchema: isObject,
  responseModalities: isList,
  thinkingConfig: isObject,
} satisfies Record<string, Check>;

function configProblems({ generationConfig: config, tools, toolConfig }: Fields, model: string): string[] {
  if (config === undefined) return [];
  const problems = members(config, "generationConfig", generationConfig);
  const fields = fieldsOf(config);
  const { responseJsonSchema: schema, thinkingConfig: thinking } = fields;
  const isJson = fields["responseMimeType"] === "application/json";
  if (schema !== undefined) problems.push(...schemaProblems(schema, "responseJsonSchema"));
  if (schema !== undefined && !isJson) problems.push("responseJsonSchema: needs responseMimeType application/json");
  if (fields["logprobs"] !== undefined && fields["responseLogprobs"] !== true)
    problems.push("logprobs: needs responseLogprobs");
  const mode = fieldsOf(fieldsOf(toolConfig)["functionCallingConfig"])["mode"];
  if (isJson && tools !== undefined && (mode === "ANY" || model.includes("gemini-2")))
    problems.push("Function calling with a response mime type: 'application/json' is unsupported");
  if (model.includes("gemini-2.5") && (fields["presencePenalty"] ?? fields["frequencyPenalty"]) !== undefined)
    problems.push(`Penalty is not enabled for ${model}`);
  if (thinking === undefined) return problems;
  const levels = oneOf("MINIMAL", "LOW", "MEDIUM", "HIGH");
  const checks = { includeThoughts: isFlag, thinkingLevel: levels, thinkingBudget: whole(-1, 32_768) };
  problems.push(...members(thinking, "thinkingConfig", checks));
  const both = "thinkingLevel" in fieldsOf(thinking) && "thinkingBudget" in fieldsOf(thinking);
  return both ? [...problems, "thinkingConfig: level and budget together"] : problems;
}

function systemProblems({ systemInstruction: system }: Fields): string[] {
  if (system === undefined) return [];
  const parts = listOf(fieldsOf(system)["parts"]);
  return [
    ...members(system, "systemInstruction", { role: isText, "parts!": isList }),
    ...(parts.length === 0 ? ["systemInstruction.parts: must not be empty"] : []),
    ...parts.flatMap((part, index) => partProblems(part, `systemInstruction.parts[${index}]`)),
  ];
}

const bodyMembers = {
  "contents!": isList,
  systemInstruction: isObject,
  tools: isList,
  toolConfig: isObject,
  generationConfig: isObject,
  safetySettings: isList,
  cachedContent: isText,
  labels: isObject,
  serviceTier: oneOf("standard", "flex", "priority"),
  store: isFlag,
} satisfies Record<string, Check>;

const callPath = /^\/v1(?:beta)?\/models\/([^/:?]+):(generateContent|streamGenerateContent)(?:\?(.*))?$/;

/** What Gemini's API would refuse in a request. */
export function geminiViolations({ method, path, body }: PlayedRequest): string[] {
  const match = callPath.exec(path);
  if (method !== "POST" || match === null) return [`${method} ${path}: no such method`];
  const [, model = "", call, query] = match;
  const problems = members(body, "body", bodyMembers);
  const isEvents = new URLSearchParams(query).get("alt") === "sse";
  if (call === "streamGenerateContent" && !isEvents) problems.push("a stream without alt=sse is a JSON array");
  const fields = fieldsOf(body);
  return [
    ...problems,
    ...contentsProblems(fields["contents"], decodeURIComponent(model)),
    ...systemProblems(fields),
    ...toolProblems(fields),
    ...configProblems(fields, decodeURIComponent(model)),
  ];
}
