import type { GatewayError } from "../../errors.ts";
import { createId } from "../../lib/ids.ts";
import type { ClientView } from "../canonical/codec.ts";
import { booleanOf, fieldsOf, isFields, listOf, numberOf, stringOf, type Fields } from "../fields.ts";
import { failedError } from "./failure.ts";

function seconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000);
}

/** A function tool's members are all required in an answer. */
function shownTool(tool: unknown): unknown {
  const fields = fieldsOf(tool);
  return fields["type"] === "function" ? { description: null, parameters: null, strict: null, ...fields } : tool;
}

function shownToolChoice(choice: unknown): unknown {
  return typeof choice === "string" || isFields(choice) ? choice : "auto";
}

function shownTier(tier: unknown): string {
  return typeof tier === "string" && tier !== "auto" ? tier : "default";
}

function shownText(text: Fields): Fields {
  const verbosity = stringOf(text["verbosity"]);
  const format = isFields(text["format"]) ? text["format"] : { type: "text" };
  return { format, ...(verbosity === undefined ? {} : { verbosity }) };
}

/** What an answer repeats of the request's body, with the protocol's own defaults: strict clients want every one of these. */
function echoOf(body: Fields): Fields {
  const reasoning = fieldsOf(body["reasoning"]);
  return {
    background: false,
    frequency_penalty: numberOf(body["frequency_penalty"]) ?? 0,
    instructions: stringOf(body["instructions"]) ?? null,
    max_output_tokens: numberOf(body["max_output_tokens"]) ?? null,
    max_tool_calls: numberOf(body["max_tool_calls"]) ?? null,
    metadata: fieldsOf(body["metadata"]),
    parallel_tool_calls: booleanOf(body["parallel_tool_calls"]) ?? true,
    presence_penalty: numberOf(body["presence_penalty"]) ?? 0,
    previous_response_id: stringOf(body["previous_response_id"]) ?? null,
    prompt_cache_key: stringOf(body["prompt_cache_key"]) ?? null,
    reasoning: { effort: stringOf(reasoning["effort"]) ?? null, summary: stringOf(reasoning["summary"]) ?? null },
    safety_identifier: stringOf(body["safety_identifier"]) ?? null,
    service_tier: shownTier(body["service_tier"]),
    store: booleanOf(body["store"]) ?? true,
    temperature: numberOf(body["temperature"]) ?? 1,
    text: shownText(fieldsOf(body["text"])),
    tool_choice: shownToolChoice(body["tool_choice"]),
    tools: listOf(body["tools"]).filter(isFields).map(shownTool),
    top_logprobs: numberOf(body["top_logprobs"]) ?? 0,
    top_p: numberOf(body["top_p"]) ?? 1,
    truncation: body["truncation"] === "auto" ? "auto" : "disabled",
    user: stringOf(body["user"]) ?? null,
  };
}

/** A response object before its first token, with all that the protocol requires. */
export function newResponse(options: { id: string; model: string; createdMs: number; body: Fields }): Fields {
  return {
    id: options.id,
    object: "response",
    created_at: seconds(options.createdMs),
    model: options.model,
    ...echoOf(options.body),
    output: [],
    usage: null,
    completed_at: null,
    status: "in_progress",
    incomplete_details: null,
    error: null,
  };
}

/** The response that answers a client, before its first token. */
export function responseOfView(view: ClientView): Fields {
  const id = view.answerId ?? createId("resp_", view.startedAt);
  const response = newResponse({ id, model: view.model, createdMs: view.startedAt, body: view.body });
  // Without an id of its own the gateway does not keep the answer.
  return { ...response, store: booleanOf(view.body["store"]) ?? view.answerId !== undefined };
}

export interface Ending {
  status: "completed" | "incomplete";
  /** Why it is incomplete. */
  reason?: "max_output_tokens" | "content_filter" | undefined;
  output: readonly Fields[];
  usage: Fields | null;
}

/** A response as it ended. */
export function endedResponse(response: Fields, { status, reason, output, usage }: Ending): Fields {
  const completedAt = status === "completed" ? seconds(Date.now()) : null;
  const details = reason === undefined ? null : { reason };
  return { ...response, status, completed_at: completedAt, incomplete_details: details, output, usage };
}

/** A response that broke, with what there was of it. Its end says so: that is what one sees of a long text. */
export function brokenResponse(response: Fields, error: GatewayError, output: readonly unknown[]): Fields {
  const { status: _begun, error: _none, ...rest } = response;
  return { ...rest, incomplete_details: null, output, status: "failed", error: failedError(error) };
}
