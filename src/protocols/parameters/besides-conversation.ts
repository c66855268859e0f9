import type { Fields } from "../fields.ts";
import type { ParameterRules } from "./rules.ts";

/** Fields, and objects that hold fields, which say something only of a conversation, or something else elsewhere. */
const conversational: ReadonlySet<string> = new Set(
  (
    "temperature top_p top_k min_p top_a typical_p max_tokens max_completion_tokens max_output_tokens stop seed n " +
    "presence_penalty frequency_penalty repetition_penalty repeat_penalty logit_bias logprobs top_logprobs " +
    "response_format reasoning_effort reasoning thinking think verbosity text output_config generationConfig " +
    "generation_config num_predict tools tool_choice parallel_tool_calls functions function_call web_search_options " +
    "modalities audio prediction stream_options store metadata service_tier include truncation instructions " +
    "prompt_cache_key prompt_cache_retention stop_sequences format keep_alive plugins transforms"
  ).split(" "),
);

function isKept(name: string): boolean {
  const [outer = name] = name.split(".");
  return !conversational.has(outer);
}

function keptOf(values: Fields): Fields {
  return Object.fromEntries(Object.entries(values).filter(([name]) => isKept(name)));
}

function narrowed({ defaults, overrides, remove }: ParameterRules): ParameterRules | undefined {
  const rules = { defaults: keptOf(defaults), overrides: keptOf(overrides), remove: remove.filter(isKept) };
  const count = Object.keys(rules.defaults).length + Object.keys(rules.overrides).length + rules.remove.length;
  return count === 0 ? undefined : rules;
}

const known = new WeakMap<ParameterRules, { readonly rules: ParameterRules | undefined }>();

/**
 * What of rules is left for requests that are no conversations (vectors, pictures, ranks): a temperature is no field of
 * theirs, but `dimensions` or `provider.order` may be. `undefined` = nothing. The same rules give the same object.
 */
export function besidesConversation(rules: ParameterRules): ParameterRules | undefined {
  let entry = known.get(rules);
  if (entry === undefined) known.set(rules, (entry = { rules: narrowed(rules) }));
  return entry.rules;
}
