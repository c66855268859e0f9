import { z } from "zod";
import { protocolNames } from "./protocol-names.ts";
import { providerTypeNames } from "./provider-types.ts";
import { admin } from "./schema-admin.ts";
import { budgets } from "./schema-budgets.ts";
import { prices } from "./schema-prices.ts";
import {
  affinity,
  balances,
  credential,
  failover,
  health,
  limitFields,
  limits,
  modelSchema,
  parameterFields,
  routeSchema,
} from "./schema-routing.ts";
import { redis } from "./schema-redis.ts";
import { storage } from "./schema-storage.ts";
import { addressRange, count, deadline, duration, flag, list, port } from "./setting-types.ts";
import { upstreamHeaders } from "./upstream-headers.ts";

function isHttpUrl(text: string): boolean {
  const url = URL.parse(text);
  return (
    url !== null &&
    (url.protocol === "http:" || url.protocol === "https:") &&
    url.username === "" &&
    url.password === ""
  );
}
const httpUrl = z
  .string()
  .refine(isHttpUrl, { message: "must be an http:// or https:// URL without user and password" });
const proxyUrl = z.string().refine((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ""), {
  message: "must be an http:// or https:// URL",
});

const anonymousPolicies = ["none", "loopback", "private", "all"] as const;
const logLevels = ["silent", "error", "warn", "info", "debug"] as const;

const contentPolicy = z
  .string()
  .regex(/^(?:full|none|truncate:\d{1,7})$/, { message: "must be full, none or truncate:N" });

const timeouts = z.strictObject({
  connect: deadline("5s").describe(
    "Until a connection to the upstream stands, TLS included; not measured through an outbound proxy",
  ),
  firstByte: deadline("60s").describe(
    "Streams: until the first content-bearing event (reasoning counts; headers, comments and role chunks do not)",
  ),
  answer: deadline("5m").describe(
    "Answers in one piece: until the whole of it is there; only as long as there is another target to turn to",
  ),
  idle: deadline("120s").describe("Streams: longest silence of the upstream after the first content"),
  progress: deadline("5m").describe(
    "Streams: longest time without further content after the first, however many comments keep the line alive",
  ),
  total: deadline("10m").describe(
    "Whole request with its retries and further targets; that of the first target's provider holds for all of it",
  ),
});

export const providerSchema = z.strictObject({
  type: z.enum(providerTypeNames).describe("Which kind of API this is"),
  baseUrl: httpUrl
    .optional()
    .describe(
      "Base URL as the official SDK takes it: with the version path (…/v1) for OpenAI-like services, the host for anthropic, gemini and ollama; known for most types",
    ),
  protocols: z
    .array(z.enum(protocolNames))
    .min(1)
    .readonly()
    .optional()
    .describe("What it speaks, in order of preference (default: what its type is known to speak)"),
  apiVersion: z.string().min(1).optional().describe("Azure: the `api-version` of requests"),
  credentials: list(credential)
    .default([])
    .describe(
      "API keys, each a text or an object {key, weight, rpm, tpm, concurrency, enabled}; the next one is tried when one is refused or limited",
    ),
  balance: z.enum(balances).default("round_robin").describe("How several credentials share the requests"),
  models: list(z.string().min(1))
    .default([])
    .describe("Models it serves under their own names; a name that several providers serve is shared by priority"),
  aliases: z
    .record(z.string().min(1), z.string().min(1))
    .default({})
    .describe("Name that clients may ask for → model name the provider knows"),
  priority: z.coerce
    .number()
    .int()
    .default(1)
    .describe("Priority of its targets where they name none; lower is tried first"),
  ...limitFields,
  ...parameterFields,
  enabled: flag.default(true).describe("Whether requests go to this provider"),
  acceptsAnyModel: flag
    .optional()
    .describe(
      "Send model names that are no alias upstream as asked (default: true for the openrouter provider of a zero-config start, else false)",
    ),
  listModels: flag
    .optional()
    .describe("Show the upstream's models in /v1/models (default: true for openrouter, else false)"),
  headers: upstreamHeaders.prefault({}).describe("Further headers for every upstream request"),
  proxy: z
    .union([proxyUrl, z.literal(false)])
    .optional()
    .describe("Outbound HTTP proxy; false ignores HTTPS_PROXY and friends"),
  ca: z.string().optional().describe("PEM file with further certificate authorities to trust"),
  retries: z.coerce
    .number()
    .int()
    .min(0)
    .max(10)
    .default(2)
    .describe(
      "Repeats on the same target and credential: after 500, 502 or a broken connection; after 408, 429, 503, 504 or a connect error only where nothing else is left",
    ),
  timeouts: timeouts.prefault({}),
});

const server = z.strictObject({
  host: z.string().default("0.0.0.0").describe("Address to listen on"),
  port: port.default(8000).describe("Port of the API; 0 = any free one"),
  metricsHost: z.string().default("127.0.0.1").describe("Address of the separate metrics listener"),
  metricsPort: port.default(8001).describe("Port of the separate metrics listener; 0 = off"),
  cors: list(z.string())
    .default([])
    .describe("Origins that browsers may call from; * = any, once inbound keys are set"),
  anonymous: z
    .enum(anonymousPolicies)
    .default("loopback")
    .describe("Who may call without a key while no inbound key is set"),
  maxBodyBytes: z.coerce
    .number()
    .int()
    .min(1024)
    .max(1024 ** 3)
    .default(32 * 1024 * 1024)
    .describe("Largest request body, after decompression"),
  maxJsonDepth: z.coerce.number().int().min(8).max(1000).default(128).describe("Deepest nesting of a JSON body"),
  bodyTimeout: deadline("120s").describe("Until a request body has arrived"),
  trustedProxies: list(addressRange)
    .default([])
    .describe(
      "Addresses and ranges (10.0.0.0/8) of the proxies in front: from these, a client's address is what X-Forwarded-For says",
    ),
  // Bun closes a connection on which nothing was sent for 60 s.
  heartbeat: duration("15s", { minMs: 50, maxMs: 50_000 }).describe(
    "Longest silence towards the client of a stream before a comment line is sent; 50ms to 50s",
  ),
  responseModel: z
    .enum(["alias", "upstream"])
    .default("alias")
    .describe("What `model` in answers says: the name the client may use again, or the upstream's"),
  routingHeaders: flag
    .default(true)
    .describe("Answers say in x-orcestator-provider and x-orcestator-attempts who gave them"),
  passthrough: flag
    .default(true)
    .describe(
      "Serve /p/{provider}/…: all of a provider's API, e.g. its files, for keys.inbound and for issued keys whose endpoints name opaque",
    ),
  strict: flag
    .default(false)
    .describe(
      "Refuse requests with fields that the chosen upstream's protocol cannot carry, instead of a warning header",
    ),
  retryAfter: duration("30s").describe("Retry-After of a 429 whose upstream named none"),
  drain: duration("30s").describe("How long running requests may take after a stop signal"),
  drainDelay: duration("0s").describe(
    "How long new requests are still taken after a stop signal, while /health/ready already says 503",
  ),
  watch: flag
    .default(true)
    .describe("Take over changes of the configuration's files and of .env while serving, once they are sound"),
  workers: z
    .union([z.literal("auto"), count.max(256)])
    .default(1)
    .describe("Processes that serve together on one port, on Linux; auto = as many as there are processors"),
  tls: z
    .strictObject({ cert: z.string(), key: z.string() })
    .optional()
    .describe("PEM files; the API is then served over HTTPS"),
});

const keys = z.strictObject({
  inbound: list(z.string().min(1)).default([]).describe("Keys that clients must present; empty = see server.anonymous"),
  header: z
    .string()
    .regex(/^[A-Za-z0-9-]+$/)
    .default("x-api-key")
    .describe("Header read besides Authorization, x-api-key, api-key and x-goog-api-key"),
  reopen: flag
    .default(false)
    .describe(
      "Whom server.anonymous names is served without a key again once all keys that were issued are deleted or lost",
    ),
  overrides: z
    .enum(["none", "admin", "keys", "all"])
    .default("keys")
    .describe(
      "Who may steer a request with x-orcestator-provider, -strategy, -timeout, -retries and -priority: nobody, the admin token, whoever has a key, or everybody served",
    ),
});

const logging = z.strictObject({
  level: z.enum(logLevels).default("info").describe("What the console shows"),
  file: z.string().default("logs/traffic.log").describe("Traffic log: one line a request; empty = off"),
  content: contentPolicy
    .default("truncate:200")
    .describe("How much of prompts and answers is kept: full, truncate:N characters, or none"),
  maxBytes: z.coerce
    .number()
    .int()
    .min(65_536)
    .default(50 * 1024 * 1024)
    .describe("The traffic log is rotated at this size"),
  daily: flag.default(true).describe("The traffic log is rotated at local midnight"),
  keep: z.coerce.number().int().min(0).max(10_000).default(14).describe("Rotated traffic logs that are kept"),
  metricsDir: z.string().default("").describe("Folder for requests-YYYYMMDD.jsonl; empty = off"),
});

const responses = z.strictObject({
  store: z
    .enum(["auto", "off"])
    .default("auto")
    .describe(
      "Keep answers of /v1/responses for upstreams that keep none: in the database where there is one (in memory with logging.content none), else in memory",
    ),
  maxBytes: z.coerce
    .number()
    .int()
    .min(1024 * 1024)
    .default(64 * 1024 * 1024)
    .describe("The oldest are forgotten beyond this size"),
});

/** The configuration file. Every key is described here once; `config schema` prints it as JSON Schema. */
export const configSchema = z.strictObject({
  $schema: z.string().optional().describe("For editors"),
  server: server.prefault({}),
  providers: z.record(z.string().regex(/^[a-z0-9][a-z0-9_.-]*$/i), providerSchema).default({}),
  models: z
    .record(z.string().min(1), modelSchema)
    .default({})
    .describe("Names that clients may ask for; one `*` in a name stands for anything"),
  routes: z
    .array(routeSchema)
    .default([])
    .describe("Requests that another model shall serve; the first that fits counts"),
  ...parameterFields,
  affinity: affinity.prefault({}),
  failover: failover.prefault({}),
  health: health.prefault({}),
  limits: limits.prefault({}),
  keys: keys.prefault({}),
  logging: logging.prefault({}),
  storage: storage.prefault({}),
  redis: redis.prefault({}),
  responses: responses.prefault({}),
  prices: prices.prefault({}),
  budgets: budgets.prefault({}),
  admin: admin.prefault({}),
});

export type Config = z.infer<typeof configSchema>;
export type ProviderConfig = Config["providers"][string];
export type ModelConfig = Config["models"][string];
export type ServerConfig = Config["server"];
