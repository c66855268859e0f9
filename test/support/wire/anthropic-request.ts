import { isObject, list, objectOf, type Json } from "./json.ts";
import type { PlayedRequest } from "./wire.ts";
import { callId, isBlank, isResult, isThought } from "./anthropic-json.ts";

const bodyFields = new Set([
  "model",
  "max_tokens",
  "messages",
  "system",
  "stream",
  "tools",
  "tool_choice",
  "stop_sequences",
  "thinking",
  "output_config",
  "metadata",
  "service_tier",
  "cache_control",
  "container",
  "inference_geo",
  "speed",
  "diagnostics",
  "temperature",
  "top_p",
  "top_k",
]);
const betaFields = new Set(["context_management", "output_format", "mcp_servers"]);

/** Fields of each kind of block, beside `type`. */
const blockFields: Readonly<Record<string, readonly string[]>> = {
  text: ["text", "cache_control", "citations"],
  image: ["source", "cache_control"],
  document: ["source", "title", "context", "citations", "cache_control"],
  search_result: ["source", "title", "content", "citations", "cache_control"],
  thinking: ["thinking", "signature"],
  redacted_thinking: ["data"],
  tool_use: ["id", "name", "input", "cache_control"],
  tool_result: ["tool_use_id", "content", "is_error", "cache_control"],
};
const userBlocks = new Set(["text", "image", "document", "search_result", "tool_result"]);
const assistantBlocks = new Set(["text", "thinking", "redacted_thinking", "tool_use"]);
const resultBlocks = new Set(["text", "image", "document", "search_result"]);
const toolFields = new Set([
  "name",
  "description",
  "input_schema",
  "strict",
  "cache_control",
  "type",
  "defer_loading",
  "eager_input_streaming",
  "input_examples",
]);

/** Models that take no sampling settings, no prefill, and think only in their own measure. */
const newestModel = /claude-(?:opus-(?:4-[78]|[5-9])|sonnet-[5-9]|haiku-(?:5-5|[6-9])|fable|mythos)/;
const adaptiveModel = /claude-(?:(?:opus|sonnet)-4-6)/;
const claude = /claude-/;
const toolName = /^[a-zA-Z0-9_-]{1,128}$/;
const propertyName = /^[a-zA-Z0-9_.-]{1,64}$/;

/** Ids of the calls whose results a user's message brings. */
function resultsOf(message: Json | undefined): unknown[] {
  const content = message?.["role"] === "user" ? message["content"] : [];
  return list(content)
    .filter(isResult)
    .map((block) => objectOf(block)["tool_use_id"]);
}

/** Everything that the API would refuse in a request. */
export class Inspection {
  readonly violations: string[] = [];
  readonly #body: Json;
  readonly #headers: Headers;

  constructor({ body, headers }: PlayedRequest) {
    this.#body = objectOf(body);
    this.#headers = headers;
    if (!isObject(body)) this.#say("the body is no object");
    this.#headersAreRight();
    this.#fieldsAreKnown();
    this.#settings();
    this.#thinking();
    this.#tools();
    this.#system();
    this.#messages();
    this.#cacheMarks();
  }

  #say(violation: string): void {
    this.violations.push(violation);
  }

  get #model(): string {
    return typeof this.#body["model"] === "string" ? this.#body["model"] : "";
  }

  get #isThinkingByBudget(): boolean {
    return objectOf(this.#body["thinking"])["type"] === "enabled";
  }

  #headersAreRight(): void {
    const version = this.#headers.get("anthropic-version");
    if (!this.#headers.has("x-api-key") && !this.#headers.has("authorization"))
      this.#say("x-api-key header is required");
    if (version === null) this.#say("anthropic-version: header is required");
    else if (version !== "2023-06-01" && version !== "2026-10-21")
      this.#say(`anthropic-version: ${version} is unknown`);
    if (this.#headers.get("content-type")?.includes("application/json") !== true)
      this.#say("content-type must be JSON");
    if (version === "2026-10-21")
      for (const field of ["temperature", "top_p", "top_k"])
        if (field in this.#body) this.#say(`${field}: Extra inputs are not permitted`);
  }

  #fieldsAreKnown(): void {
    const hasBeta = this.#headers.has("anthropic-beta");
    for (const field of Object.keys(this.#body))
      if (!bodyFields.has(field) && !(hasBeta && betaFields.has(field)))
        this.#say(`${field}: Extra inputs are not permitted`);
  }

  #settings(): void {
    const { model, max_tokens: most, stream, stop_sequences: stops, metadata, service_tier: tier } = this.#body;
    if (typeof model !== "string" || model === "") this.#say("model: Field required");
    if (!Number.isInteger(most) || Number(most) < 0) this.#say("max_tokens: Field required, an integer");
    if (stream !== undefined && typeof stream !== "boolean") this.#say("stream: must be a boolean");
    if (stops !== undefined && (!Array.isArray(stops) || stops.length === 0 || stops.some(isBlank)))
      this.#say("stop_sequences: each stop sequence must contain non-whitespace");
    if (tier !== undefined && tier !== "auto" && tier !== "standard_only") this.#say("service_tier: unknown");
    if (metadata !== undefined) {
      const { user_id: user, ...rest } = objectOf(metadata);
      if (Object.keys(rest).length > 0) this.#say("metadata: Extra inputs are not permitted");
      if (typeof user !== "string" || user.length > 256)
        this.#say("metadata.user_id: a text of at most 256 characters");
      if (typeof user === "string" && /^\S+@\S+\.\S+$/.test(user))
        this.#say("metadata.user_id appears to contain an email address");
    }
    this.#sampling();
    this.#outputConfig();
  }

  #sampling(): void {
    const { temperature, top_p: topP, top_k: topK } = this.#body;
    const isNewest = newestModel.test(this.#model);
    if (temperature !== undefined && !(typeof temperature === "number" && temperature >= 0 && temperature <= 1))
      this.#say("temperature: range 0..1");
    if (topP !== undefined && !(typeof topP === "number" && topP >= 0 && topP <= 1)) this.#say("top_p: range 0..1");
    if (topK !== undefined && !(Number.isInteger(topK) && Number(topK) > 0)) this.#say("top_k: a positive integer");
    if (isNewest && temperature !== undefined && temperature !== 1)
      this.#say("temperature may only be 1 for this model");
    if (isNewest && topP !== undefined && Number(topP) < 0.99) this.#say("top_p is not supported by this model");
    if (isNewest && topK !== undefined) this.#say("top_k is not supported by this model");
    if (
      /claude-(?:opus-4-[156]|sonnet-4-[56]|haiku-4-5)/.test(this.#model) &&
      temperature !== undefined &&
      topP !== undefined
    )
      this.#say("temperature and top_p cannot both be specified for this model");
    if (!this.#isThinkingByBudget) return;
    if (temperature !== undefined && temperature !== 1)
      this.#say("temperature may only be set to 1 when thinking is enabled");
    if (topK !== undefined) this.#say("top_k must be unset when thinking is enabled");
    if (topP !== undefined && Number(topP) < 0.95) this.#say("top_p must be >= 0.95 when thinking is enabled");
  }

  #outputConfig(): void {
    const { output_config: config } = this.#body;
    if (config === undefined) return;
    const { effort, format, ...rest } = objectOf(config);
    if (Object.keys(rest).length > 0)
      this.#say(`output_config.${Object.keys(rest)[0]}: Extra inputs are not permitted`);
    if (effort !== undefined && !["low", "medium", "high", "xhigh", "max"].some((known) => known === effort))
      this.#say(`output_config.effort: ${JSON.stringify(effort)} is unknown`);
    if (format === undefined) return;
    const { type, schema, ...others } = objectOf(format);
    if (type !== "json_schema" || !isObject(schema)) this.#say("output_config.format: type json_schema with a schema");
    if (Object.keys(others).length > 0) this.#say("output_config.format: Extra inputs are not permitted");
    this.#strictSchema(schema, "output_config.format.schema");
    if (this.#lastMessage()["role"] === "assistant") this.#say("prefill is incompatible with output_config.format");
  }

  /** The subset of JSON Schema that constrained decoding knows. */
  #strictSchema(schema: unknown, path: string): void {
    const fields = objectOf(schema);
    const known = new Set(
      "type title description enum const default required $ref anyOf allOf properties $defs definitions items format minItems additionalProperties".split(
        " ",
      ),
    );
    for (const key of Object.keys(fields)) if (!known.has(key)) this.#say(`${path}: ${key} is not supported`);
    if (fields["type"] === "object" && fields["additionalProperties"] !== false)
      this.#say(`${path}: For 'object' type, 'additionalProperties' must be explicitly set to false`);
    if (Number(fields["minItems"] ?? 0) > 1) this.#say(`${path}: minItems must be 0 or 1`);
    for (const key of ["properties", "$defs", "definitions"])
      for (const [name, value] of Object.entries(objectOf(fields[key]))) this.#strictSchema(value, `${path}.${name}`);
    for (const key of ["anyOf", "allOf"]) for (const value of list(fields[key])) this.#strictSchema(value, path);
    if (fields["items"] !== undefined) this.#strictSchema(fields["items"], `${path}[]`);
  }

  #thinking(): void {
    const { thinking, max_tokens: most } = this.#body;
    if (thinking === undefined) return;
    const { type, budget_tokens: budget, display, ...rest } = objectOf(thinking);
    if (Object.keys(rest).length > 0) this.#say("thinking: Extra inputs are not permitted");
    if (display !== undefined && (type === "disabled" || !["summarized", "omitted"].some((known) => known === display)))
      this.#say("thinking.display: summarized or omitted");
    if (!["adaptive", "enabled", "disabled", "between_tools"].includes(String(type)))
      this.#say("thinking.type: unknown");
    if (type !== "enabled" && budget !== undefined) this.#say("thinking.budget_tokens: Extra inputs are not permitted");
    if (
      type === "adaptive" &&
      claude.test(this.#model) &&
      !newestModel.test(this.#model) &&
      !adaptiveModel.test(this.#model)
    )
      this.#say("adaptive thinking is not supported on this model");
    if (type !== "enabled") return;
    if (newestModel.test(this.#model)) this.#say('"thinking.type.enabled" is not supported for this model');
    if (!Number.isInteger(budget) || Number(budget) < 1024) this.#say("thinking.enabled.budget_tokens: at least 1024");
    if (Number(budget) >= Number(most)) this.#say("`max_tokens` must be greater than `thinking.budget_tokens`");
    if (["any", "tool"].includes(String(objectOf(this.#body["tool_choice"])["type"])))
      this.#say("Thinking may not be enabled when tool_choice forces tool use.");
    if (this.#lastMessage()["role"] === "assistant") this.#say("prefill is not supported with thinking");
  }

  #tools(): void {
    const { tools, tool_choice: choice } = this.#body;
    if (tools !== undefined && (!Array.isArray(tools) || tools.length === 0)) this.#say("tools: at least one");
    const names = new Set<unknown>();
    for (const [index, tool] of list(tools).map(objectOf).entries()) {
      const path = `tools.${index}`;
      if (names.has(tool["name"])) this.#say(`${path}: Tool names must be unique.`);
      names.add(tool["name"]);
      if (!toolName.test(String(tool["name"])))
        this.#say(`${path}.name: String should match pattern '${toolName.source}'`);
      if (typeof tool["type"] === "string" && tool["type"] !== "custom") continue;
      for (const field of Object.keys(tool))
        if (!toolFields.has(field)) this.#say(`${path}.${field}: Extra inputs are not permitted`);
      if (tool["description"] !== undefined && typeof tool["description"] !== "string")
        this.#say(`${path}.description`);
      this.#inputSchema(tool, path);
    }
    this.#toolChoice(choice, names);
  }

  #inputSchema(tool: Json, path: string): void {
    const schema = objectOf(tool["input_schema"]);
    if (schema["type"] !== "object") this.#say(`${path}.input_schema.type: must be object`);
    if (["anyOf", "oneOf", "allOf"].some((key) => key in schema))
      this.#say(`${path}: input_schema does not support oneOf, allOf, or anyOf at the top level`);
    for (const name of Object.keys(objectOf(schema["properties"])))
      if (!propertyName.test(name)) this.#say(`${path}.input_schema.properties: Property keys should match pattern`);
    if (tool["strict"] === true) this.#strictSchema(schema, `${path}.input_schema`);
  }

  #toolChoice(choice: unknown, names: ReadonlySet<unknown>): void {
    if (choice === undefined) return;
    const { type, name, disable_parallel_tool_use: isSingle, ...rest } = objectOf(choice);
    if (names.size === 0) this.#say("tool_choice may only be specified while providing tools");
    if (Object.keys(rest).length > 0) this.#say("tool_choice: Extra inputs are not permitted");
    if (!["auto", "any", "tool", "none"].includes(String(type))) this.#say("tool_choice.type: unknown");
    if ((type === "tool") !== (name !== undefined)) this.#say("tool_choice.name: only, and always, of type tool");
    if (type === "tool" && !names.has(name))
      this.#say(`tool_choice: Tool '${String(name)}' not found in provided tools`);
    if (isSingle !== undefined && (typeof isSingle !== "boolean" || type === "none"))
      this.#say("tool_choice.disable_parallel_tool_use: not permitted here");
  }

  #system(): void {
    const { system } = this.#body;
    if (system === undefined || typeof system === "string") return;
    if (!Array.isArray(system)) this.#say("system: a text or blocks");
    for (const block of list(system).map(objectOf)) {
      if (block["type"] !== "text") this.#say("system: text blocks only");
      this.#block(block, "system");
    }
  }

  #lastMessage(): Json {
    return objectOf(list(this.#body["messages"]).at(-1));
  }

  #messages(): void {
    const messages = list(this.#body["messages"]).map(objectOf);
    if (messages.length === 0) this.#say("messages: at least one message is required");
    if (messages.length > 0 && messages[0]?.["role"] !== "user")
      this.#say('messages: first message must use the "user" role');
    for (const [index, message] of messages.entries()) {
      const path = `messages.${index}`;
      for (const field of Object.keys(message))
        if (field !== "role" && field !== "content") this.#say(`${path}.${field}: Extra inputs are not permitted`);
      this.#role(messages, index);
      this.#content(message, path);
    }
    this.#toolResults(messages);
    this.#ending(messages);
  }

  #role(messages: readonly Json[], index: number): void {
    const role = messages[index]?.["role"];
    const before = messages[index - 1]?.["role"];
    const after = messages[index + 1]?.["role"];
    const path = `messages.${index}`;
    if (role === "user" || role === "assistant") {
      // The API joins them; a translator has no reason to send them.
      if (role === before) this.#say(`${path}: two ${role} messages in a row`);
      return;
    }
    if (role !== "system") this.#say(`${path}.role: Input should be 'user', 'assistant' or 'system'`);
    if (before !== "user") this.#say(`${path}: role 'system' must follow a 'user' message`);
    if (after !== undefined && after !== "assistant")
      this.#say(`${path}: role 'system' must precede an 'assistant' message or end the array`);
  }

  #content({ role, content }: Json, path: string): void {
    if (typeof content === "string") {
      if (isBlank(content)) this.#say(`${path}: messages must have non-empty content`);
      return;
    }
    if (!Array.isArray(content) || content.length === 0) this.#say(`${path}: messages must have non-empty content`);
    for (const [index, block] of list(content).map(objectOf).entries()) {
      const type = String(block["type"]);
      const allowed = role === "assistant" ? assistantBlocks : role === "system" ? new Set(["text"]) : userBlocks;
      if (!allowed.has(type)) this.#say(`${path}.content.${index}: ${type} is not permitted for ${String(role)}`);
      if (role !== "assistant" && list(block["citations"]).length > 0)
        this.#say(`${path}: citations on ${String(role)} text`);
      this.#block(block, `${path}.content.${index}`);
    }
    if (role !== "user") return;
    const types = list(content).map((block) => objectOf(block)["type"] === "tool_result");
    if (types.lastIndexOf(true) > types.indexOf(false) && types.includes(false))
      this.#say(`${path}: tool_result blocks must come first`);
  }

  #block(block: Json, path: string): void {
    const type = String(block["type"]);
    const known = blockFields[type];
    if (known === undefined) this.#say(`${path}.type: ${type} is unknown`);
    for (const field of Object.keys(block))
      if (field !== "type" && known !== undefined && !known.includes(field))
        this.#say(`${path}.${field}: Extra inputs are not permitted`);
    if (type === "text") {
      if (isBlank(block["text"])) this.#say(`${path}: text content blocks must contain non-whitespace text`);
      if (typeof block["text"] === "string" && !block["text"].isWellFormed()) this.#say(`${path}: not valid Unicode`);
    }
    if (type === "image" || type === "document") this.#source(type, objectOf(block["source"]), path);
    if (type === "tool_use") this.#toolUse(block, path);
    if (type === "tool_result") this.#toolResult(block, path);
    if (type === "thinking") this.#signature(block["signature"], path);
    if (type === "redacted_thinking") this.#signature(block["data"], path);
  }

  /** It made every signature itself, and knows its own. */
  #signature(signature: unknown, path: string): void {
    if (typeof signature !== "string" || signature === "" || signature.startsWith("orc1."))
      this.#say(`${path}: Invalid \`signature\` in \`thinking\` block`);
  }

  #source(type: "image" | "document", source: Json, path: string): void {
    const { type: kind, media_type: media, data, url } = source;
    const images = ["image/jpeg", "image/png", "image/gif", "image/webp"];
    if (kind === "url" && !/^https?:\/\//.test(String(url))) this.#say(`${path}.source.url: not a URL`);
    if (kind === "file" && typeof source["file_id"] !== "string") this.#say(`${path}.source.file_id: Field required`);
    if (kind === "text" && (type === "image" || media !== "text/plain" || isBlank(data)))
      this.#say(`${path}.source: text`);
    if (kind === "base64") {
      const allowed = type === "image" ? images : ["application/pdf"];
      if (!allowed.includes(String(media)))
        this.#say(`${path}.source.base64.media_type: ${String(media)} is not permitted`);
      if (typeof data !== "string" || !/^[A-Za-z0-9+/]+={0,2}$/.test(data))
        this.#say(`${path}.source.base64: invalid base64 data`);
    }
    if (!["url", "file", "text", "base64", "content"].includes(String(kind))) this.#say(`${path}.source.type: unknown`);
  }

  #toolUse({ id, name, input }: Json, path: string): void {
    if (!callId.test(String(id))) this.#say(`${path}.id: String should match pattern '${callId.source}'`);
    if (!toolName.test(String(name))) this.#say(`${path}.name: String should match pattern '${toolName.source}'`);
    if (!isObject(input)) this.#say(`${path}.input: Input should be a valid dictionary`);
    if (this.#body["tools"] === undefined)
      this.#say("requests which include tool_use or tool_result blocks must define tools");
  }

  #toolResult({ tool_use_id: id, content, is_error: isError }: Json, path: string): void {
    if (!callId.test(String(id))) this.#say(`${path}.tool_use_id: String should match pattern '${callId.source}'`);
    if (isError !== undefined && typeof isError !== "boolean") this.#say(`${path}.is_error: a boolean`);
    const blocks = typeof content === "string" ? [{ type: "text", text: content }] : list(content).map(objectOf);
    for (const block of blocks) {
      if (!resultBlocks.has(String(block["type"])))
        this.#say(`${path}.content: ${String(block["type"])} is not permitted`);
      this.#block(block, `${path}.content`);
    }
    if (isError !== true) return;
    if (blocks.length === 0) this.#say(`${path}: content cannot be empty if \`is_error\` is true`);
    if (blocks.some(({ type }) => type !== "text"))
      this.#say(`${path}: all content must be type "text" if \`is_error\` is true`);
  }

  #toolResults(messages: readonly Json[]): void {
    const used = new Set<unknown>();
    for (const [index, message] of messages.entries()) {
      const ids = list(message["content"])
        .map(objectOf)
        .filter(({ type }) => type === "tool_use")
        .map(({ id }) => id);
      for (const id of ids) {
        if (used.has(id)) this.#say(`messages: \`tool_use\` ids must be unique (${String(id)})`);
        used.add(id);
      }
      const next = messages[index + 1];
      const found = resultsOf(next);
      for (const id of ids) {
        const count = found.filter((other) => other === id).length;
        if (count === 0)
          this.#say(
            `messages.${index}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${String(id)}`,
          );
        if (count > 1) this.#say(`messages.${index + 1}: each tool_use must have a single result: ${String(id)}`);
      }
      const asked = list(messages[index - 1]?.["content"])
        .map(objectOf)
        .filter(({ type }) => type === "tool_use")
        .map(({ id }) => id);
      for (const id of resultsOf(message))
        if (!asked.includes(id))
          this.#say(`messages.${index}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${String(id)}`);
    }
  }

  #ending(messages: readonly Json[]): void {
    const last = messages.at(-1);
    for (const [index, { role, content }] of messages.entries())
      if (role === "assistant" && isThought(list(content).at(-1)))
        this.#say(`messages.${index}: The final block in an assistant message cannot be \`thinking\`.`);
    if (last?.["role"] === "assistant") {
      const end =
        typeof last["content"] === "string" ? last["content"] : objectOf(list(last["content"]).at(-1))["text"];
      if (newestModel.test(this.#model)) this.#say("This model does not support assistant message prefill.");
      if (typeof end === "string" && end !== end.trimEnd())
        this.#say("final assistant content cannot end with trailing whitespace");
      if (list(last["content"]).some(isThought) && !this.#isThinkingByBudget)
        this.#say("When thinking is disabled, an `assistant` message in the final position cannot contain `thinking`.");
    }
    if (!this.#isThinkingByBudget) return;
    const asked = messages.findLastIndex(({ role, content }) => role === "user" && !list(content).some(isResult));
    const answer = messages.slice(asked + 1).find(({ role }) => role === "assistant");
    if (answer !== undefined && !isThought(list(answer["content"])[0]))
      this.#say("Expected `thinking` or `redacted_thinking`, but found `tool_use`.");
  }

  #cacheMarks(): void {
    const content = list(this.#body["messages"]).flatMap((message) => list(objectOf(message)["content"]));
    const blocks = [
      ...list(this.#body["tools"]),
      ...list(this.#body["system"]),
      ...content.flatMap((block) => [...list(objectOf(block)["content"]), block]),
      this.#body,
    ].map(objectOf);
    const marks = blocks.filter((block) => "cache_control" in block).map((block) => objectOf(block["cache_control"]));
    if (marks.length > 4) this.#say(`A maximum of 4 blocks with cache_control may be provided. Found ${marks.length}.`);
    for (const { type, ttl } of marks)
      if (type !== "ephemeral" || (ttl !== undefined && ttl !== "5m" && ttl !== "1h"))
        this.#say("cache_control: unknown");
    const times = marks.map(({ ttl }) => (ttl === "1h" ? 1 : 0));
    if (times.some((time, index) => time > (times[index - 1] ?? 1)))
      this.#say("a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block");
  }
}
