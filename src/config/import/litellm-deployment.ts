import { amount, compact, count, noteRest, type Amount } from "./fields.ts";
import { readConnection, type CommonSettings, type ReadParameter } from "./litellm-connection.ts";
import { litellmServices, splitModel, whyNot } from "./litellm-services.ts";
import { copyPart, isAllowedName, type Part } from "./part.ts";

/** One entry of `model_list`. */
export interface Deployment {
  readonly part: Part;
  /** `model_name`. */
  readonly group: string;
  /** `model_info.id`. */
  readonly id: string | undefined;
  /** What LiteLLM calls its provider. */
  readonly service: string;
  /** Entry under `providers`, without limits. */
  readonly connection: Record<string, unknown>;
  /** rpm, tpm and concurrency of this deployment alone. */
  readonly limits: Record<string, Amount>;
  readonly order: number | undefined;
  /** What simple-shuffle weighs by, in its order of preference. */
  readonly weights: {
    readonly weight: Amount | undefined;
    readonly rpm: Amount | undefined;
    readonly tpm: Amount | undefined;
  };
  /** The target without provider, priority and weight. */
  readonly target: Record<string, unknown>;
}

export interface DeploymentContext {
  readonly common: CommonSettings;
  /** `credential_list` by name. */
  readonly credentials: ReadonlyMap<string, Part>;
}

/** Fields of requests that LiteLLM adds where a client sends none. */
const requestFields = [
  ..."temperature top_p top_k min_p n stop seed max_tokens max_completion_tokens presence_penalty frequency_penalty".split(
    " ",
  ),
  ..."repetition_penalty logit_bias logprobs top_logprobs response_format reasoning_effort thinking tools tool_choice".split(
    " ",
  ),
  ..."parallel_tool_calls user service_tier verbosity modalities".split(" "),
] as const;

/** Settings of the model in Ollama, which wants them in `options`. */
const ollamaOptions = ["num_ctx", "num_gpu", "num_thread", "num_predict", "repeat_penalty", "mirostat"] as const;

/** They would be the request itself, not a setting of it. */
const notParameters: readonly string[] = ["model", "stream", "messages", "input", "contents"];

function parametersOf(read: ReadParameter, type: unknown): Record<string, unknown> {
  const parameters: Record<string, unknown> = {};
  for (const name of requestFields) {
    const part = read(name);
    if (part.isWritten) parameters[name] = copyPart(part);
  }
  for (const name of ollamaOptions) {
    const part = read(name);
    if (part.isWritten) parameters[type === "ollama" ? `options.${name}` : name] = copyPart(part);
  }
  for (const [name, part] of read("extra_body").entries()) {
    if (notParameters.includes(name) || name === "" || name.includes("."))
      part.note("this field cannot be set here; left out");
    else parameters[name] = copyPart(part);
  }
  return parameters;
}

/** LiteLLM counts dollars for one token. */
function priceOf(read: ReadParameter, info: Part): Record<string, number> | undefined {
  const cost = (name: string): number | undefined => {
    const part = read(name).isWritten ? read(name) : info.get(name);
    const found = part.number();
    if (found !== undefined && found < 0) part.note("a price is 0 or more; left out");
    return found === undefined || found < 0 ? undefined : Number((found * 1e6).toPrecision(12));
  };
  const [input, output] = [cost("input_cost_per_token"), cost("output_cost_per_token")];
  if (input === undefined && output === undefined) return undefined;
  return { input: input ?? 0, output: output ?? 0 };
}

function starsIn(text: string): number {
  return text.split("*").length - 1;
}

/** Why our wildcards cannot do what this one does; `undefined` = they can. */
function wildcardProblem(group: string, model: string): string | undefined {
  if (starsIn(group) > 1 || starsIn(model) > 1) return "a name may hold one * here; left out";
  if (starsIn(model) === 1 && starsIn(group) === 0)
    return "the * has nothing to stand for without one in model_name; left out";
  return undefined;
}

/** Fireworks' names begin with the account, which LiteLLM adds. */
function upstreamModel(service: string, model: string): string {
  if (service === "fireworks_ai" && !model.startsWith("accounts/")) return `accounts/fireworks/models/${model}`;
  return model;
}

interface Served {
  readonly service: string;
  readonly model: string;
}

/** Who serves it under which name; notes why when nobody can. */
function readModel(part: Part, read: ReadParameter, group: string): Served | undefined {
  const text = read("model").text()?.trim() ?? "";
  if (text === "") {
    read("model").refuse("is missing; it must be provider/model, e.g. openai/gpt-4o");
    return undefined;
  }
  const custom = read("custom_llm_provider").text();
  if (text === "*" && custom === undefined) {
    part.note("'*' lets LiteLLM find the provider by itself: write a model \"provider/*\" for each one you use");
    return undefined;
  }
  const { service = read("api_base").isWritten ? "openai_like" : undefined, model } = splitModel(text, custom);
  if (service === undefined || !litellmServices.has(service)) {
    part.note(service === undefined ? "the model's name does not say who serves it; left out" : whyNot(service));
    return undefined;
  }
  const served = { service, model: upstreamModel(service, model) };
  const problem = model === "" ? "names no model; left out" : wildcardProblem(group, served.model);
  if (problem === undefined) return served;
  part.note(problem);
  return undefined;
}

/** Keys in `model_info` that change nothing here, or are carried elsewhere. */
const quietInfo =
  "id mode base_model description max_tokens max_input_tokens max_output_tokens created_at updated_at".split(" ");

function readInfo(info: Part): { id: string | undefined } {
  for (const name of quietInfo) info.get(name);
  for (const part of info.rest()) {
    if (!/^supports_|_cost_per_|^litellm_provider$|^db_model$/.test(String(part.path.at(-1)))) {
      part.note("there is no counterpart; left out");
    }
  }
  return { id: info.get("id").text() };
}

function readOrder(part: Part): number | undefined {
  const order = part.number();
  if (order === undefined || Number.isInteger(order)) return order;
  part.refuse("must be a whole number");
  return undefined;
}

function parameterReader(params: Part, credentials: DeploymentContext["credentials"]): ReadParameter {
  const named = params.get("litellm_credential_name");
  const name = named.text();
  const shared = name === undefined ? undefined : credentials.get(name);
  if (name !== undefined && shared === undefined) named.note("credential_list has no such credential");
  return (key) => {
    const own = params.get(key);
    return own.isWritten || shared === undefined ? own : shared.get(key);
  };
}

/** `undefined` when it cannot be carried; the reason is noted. */
export function readDeployment(part: Part, { common, credentials }: DeploymentContext): Deployment | undefined {
  const [name, params, info] = [part.get("model_name"), part.get("litellm_params"), part.get("model_info")];
  const group = name.text()?.trim() ?? "";
  if (group === "") name.refuse("is missing; it must be the name that clients ask for");
  else if (!isAllowedName(group)) name.refuse("this name is not allowed");
  if (typeof params.value !== "object" || Array.isArray(params.value)) {
    params.refuse("must be an object with a model");
    return undefined;
  }
  const read = parameterReader(params, credentials);
  const served = readModel(part, read, group);
  const service = litellmServices.get(served?.service ?? "");
  if (served === undefined || service === undefined || group === "") return undefined;

  const connection = readConnection(read, service, common);
  const [rpm, tpm] = [count(read("rpm")), count(read("tpm"))];
  const limits = compact({ rpm, tpm, concurrency: count(read("max_parallel_requests")) }) as Record<string, Amount>;
  const remove = read("additional_drop_params")
    .items()
    .flatMap((item) => item.text() ?? []);
  const target = compact({
    model: served.model,
    price: priceOf(read, info),
    parameters: parametersOf(read, connection["type"]),
    remove,
  });
  const { id } = readInfo(info);
  const weights = { weight: amount(read("weight")), rpm, tpm };
  const order = readOrder(read("order"));
  // What a protocol cannot carry is left out with a warning here, as drop_params wants it.
  params.get("drop_params");
  noteRest(params);
  noteRest(part);
  return { part, group, id, service: served.service, connection, limits, order, weights, target };
}
