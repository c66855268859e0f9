import { z } from "zod";
import { count, deadline, duration, flag, list, share } from "./setting-types.ts";
import { wireValue } from "./upstream-headers.ts";

/** How a model's targets, or a provider's credentials, share its requests. */
export const strategies = [
  "priority",
  "weighted",
  "round_robin",
  "random",
  "least_used",
  "lowest_latency",
  "cheapest",
] as const;
export type Strategy = (typeof strategies)[number];

/** How a provider's credentials share its requests. */
export const balances = ["round_robin", "random", "weighted", "least_used", "priority"] as const;
export type Balance = (typeof balances)[number];

/** What bounds a provider, a credential, a model, a key or an address; what is not set is not bounded. */
export const limitFields = {
  rpm: count
    .optional()
    .describe(
      "Requests in a minute, which begins with the first of them; what exceeds it is refused or goes elsewhere",
    ),
  tpm: count
    .optional()
    .describe("Tokens in a minute: an estimate is reserved beforehand and replaced by what the answer says"),
  concurrency: count.optional().describe("Requests at the same time; further ones wait in the queue"),
};

const fieldValues = z.record(z.string().min(1), z.unknown());

/** Fields of requests by the names of OpenAI chat; a name with dots reaches into objects. */
export const parameterFields = {
  parameters: fieldValues
    .optional()
    .describe(
      "Fields that requests get where the client sent none, by their OpenAI names (`temperature`, `max_tokens`, `reasoning_effort`); others go upstream as they are written",
    ),
  overrides: fieldValues
    .optional()
    .describe("Fields that requests get whatever the client sent, named as in `parameters`"),
  remove: list(z.string().min(1))
    .optional()
    .describe("Fields that are taken out of requests, named as in `parameters`"),
};

const credentialObject = z.strictObject({
  key: wireValue().describe("The API key"),
  weight: z.coerce.number().min(0).default(1).describe("Its share of requests with balance weighted"),
  enabled: flag.default(true).describe("Whether it is used"),
  ...limitFields,
});
export type CredentialConfig = z.infer<typeof credentialObject>;

/** An API key alone, or with a weight and limits of its own. */
export const credential = z
  .union([wireValue(), credentialObject])
  .transform((value): CredentialConfig =>
    typeof value === "string" ? { key: value, weight: 1, enabled: true } : value,
  );

const price = z
  .strictObject({
    input: z.coerce.number().min(0).describe("US dollars for a million input tokens"),
    output: z.coerce.number().min(0).describe("US dollars for a million output tokens"),
  })
  .optional()
  .describe("What it costs, for the strategy cheapest; default: what the provider's list of models says");

const target = z.strictObject({
  provider: z.string().describe("Name under `providers`"),
  model: z
    .string()
    .min(1)
    .describe("Model name the provider knows; `*` stands for what the `*` of the model's name matched"),
  weight: z.coerce
    .number()
    .min(0)
    .default(1)
    .describe("Its share of requests with strategy weighted; 0 = only when nothing else is left"),
  priority: z.coerce
    .number()
    .int()
    .optional()
    .describe("Lower numbers are tried first, equal ones share by strategy (default: the provider's)"),
  price,
  ...parameterFields,
});

const affinityModes = ["session", "prompt", "off"] as const;
const affinityText =
  "What keeps to the target and credential that answered it before, for the sake of prompt caches: `session` (session headers, prompt_cache_key, previous_response_id), `prompt` (also requests that begin alike: system prompt and first user message), or `off`";

export const affinity = z.strictObject({
  by: z.enum(affinityModes).default("session").describe(affinityText),
  ttl: deadline("1h").describe("How long it is remembered after its last use"),
});

const modelNames = (what: string) => list(z.string().min(1)).default([]).describe(what);

export const modelSchema = z.strictObject({
  targets: z.array(target).min(1).describe("Who serves it"),
  strategy: z
    .enum(strategies)
    .default("priority")
    .describe("How targets of equal priority share requests; `priority` = in the order they are written"),
  fallbacks: modelNames("Models that are tried when all targets failed, in this order"),
  contentPolicyFallbacks: modelNames("Models that are tried when a target refused the content"),
  contextWindowFallbacks: modelNames("Models that are tried when the prompt was too long for a target"),
  affinity: z.enum(affinityModes).optional().describe("As `affinity.by`, for this model"),
  hedgeAfter: duration("0s").describe(
    "A second target is asked as well when the first has not begun to answer after this time; the first content wins, the other is called off. 0 = off",
  ),
  singleFlight: flag
    .default(false)
    .describe("Equal requests of one key at the same time are sent once (answers in one piece only)"),
  ...limitFields,
  ...parameterFields,
});

const headerPatterns = z.record(
  z
    .string()
    .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/)
    .transform((name) => name.toLowerCase()),
  z.string(),
);

const condition = z.strictObject({
  model: list(z.string().min(1)).optional().describe("Names asked for; `*` stands for anything"),
  task: list(z.string().min(1)).optional().describe("Values of the header x-orch-task-kind; `*` stands for anything"),
  headers: headerPatterns.optional().describe("Header → value; `*` stands for anything"),
  keys: list(z.string().min(1)).optional().describe("Ids of keys as the log shows them (key-1a2b3c4d, anonymous)"),
  minTokens: count.optional().describe("The prompt has about this many tokens or more"),
  maxTokens: count.optional().describe("The prompt has about this many tokens or fewer"),
  needs: list(z.enum(["tools", "vision", "json"]))
    .optional()
    .describe("The request uses all of these"),
});

export const routeSchema = z.strictObject({
  when: condition.describe("All that is written must hold"),
  use: z.string().min(1).describe("Model that serves these requests instead of the one asked for"),
});

export const limits = z.strictObject({
  total: z.strictObject(limitFields).prefault({}).describe("All requests together"),
  key: z.strictObject(limitFields).prefault({}).describe("Each key, and all callers without one together"),
  address: z.strictObject(limitFields).prefault({}).describe("Each client address"),
  queue: z
    .strictObject({
      size: z.coerce
        .number()
        .int()
        .min(0)
        .default(1000)
        .describe("Requests that wait for a place (concurrency); 0 = none waits"),
      wait: duration("60s").describe("Longest wait for a place"),
    })
    .prefault({}),
  maxRequests: count.default(10_000).describe("Requests at work in this process; what exceeds it gets 503 at once"),
  maxLag: duration("2s").describe("New requests get 503 while the process lags behind by this much; 0 = off"),
});

export const health = z.strictObject({
  probes: flag.default(true).describe("Ask providers for their list of models now and then, which costs nothing"),
  interval: deadline("300s").describe("Time between two probes of a provider"),
  maxErrors: count.default(5).describe("Errors in a row that open the circuit of a target"),
  errorRate: share(0.5).describe("Share of failed requests in the window that opens the circuit"),
  degradedRate: share(0.1).describe("Share of failed requests in the window from which a target counts as degraded"),
  minRequests: count.default(10).describe("Requests in the window below which no share is counted"),
  window: deadline("60s").describe("How far back results count"),
  cooldown: deadline("5s").describe("How long a circuit stays open at first; it doubles with every failed try"),
  retryAfter: deadline("1h").describe("Longest time a circuit stays open, and a refused credential unused"),
  recoverAfter: count.default(2).describe("Successes in a row that close a circuit again"),
});

export const failover = z.strictObject({
  retryShare: share(0.2).describe("Retries on the same target, as a share of the requests of the last ten seconds"),
  minRetries: z.coerce
    .number()
    .int()
    .min(0)
    .default(3)
    .describe("Retries in ten seconds that are allowed however few requests there are"),
  longestWait: duration("5s").describe("A longer Retry-After is passed to the client instead of being waited for"),
  emptyAnswers: flag.default(true).describe("An answer without any content is tried elsewhere"),
});
