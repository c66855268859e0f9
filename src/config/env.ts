import { defaultProvider, providerTypes } from "./provider-types.ts";

/** What the loader does with a variable besides copying its text to `paths`. */
type EnvironmentRole =
  /** Copied to its path; the first set variable of a path wins. */
  | "value"
  /** Shapes the provider `openrouter` and the model `orcestator`. */
  | "default-provider"
  /** Becomes `storage.url` when nothing else names a database. */
  | "database-path"
  /** Read before any configuration exists. */
  | "loader";

export interface EnvironmentVariable {
  readonly name: string;
  /** Where the value ends up, written as `config show` prints it; empty for the loader's own. */
  readonly paths: readonly string[];
  /** One line for the README and `config schema`. */
  readonly description: string;
  /** What holds while it is not set, as text for people; empty = nothing. */
  readonly fallback: string;
  readonly role: EnvironmentRole;
  /** Its value must never be shown. */
  readonly isSecret?: true;
  /** Set but empty is a value of its own (it switches something off) rather than "not set". */
  readonly isValueWhenEmpty?: true;
  /** Brings other systems' spellings to ours. */
  readonly normalize?: (text: string) => string;
}

const levelNames: Readonly<Record<string, string>> = {
  trace: "debug",
  verbose: "debug",
  notice: "info",
  warning: "warn",
  critical: "error",
  fatal: "error",
  off: "silent",
  none: "silent",
};

/** `WARNING`, `Critical`, `off`, … as one of our levels; anything else unchanged, for the schema to judge. */
function normalizeLevel(text: string): string {
  const lower = text.trim().toLowerCase();
  return Object.hasOwn(levelNames, lower) ? (levelNames[lower] ?? lower) : lower;
}

/**
 * Every environment variable the gateway reads, in order of precedence: where two write the same path, the one that
 * stands higher wins. The README's table is checked against this list.
 */
export const environmentVariables: readonly EnvironmentVariable[] = [
  {
    name: "OR_API_KEY",
    paths: ["providers.openrouter.credentials"],
    description: "OpenRouter API key; a comma-separated list is used in turn",
    fallback: "",
    role: "default-provider",
    isSecret: true,
  },
  {
    name: "OR_BASE_URL",
    paths: ["providers.openrouter.baseUrl"],
    description: "Base URL of the default provider, with the version path",
    fallback: providerTypes[defaultProvider].baseUrl,
    role: "default-provider",
  },
  {
    name: "OR_DEFAULT_MODEL",
    paths: ["models.orcestator.targets[0].model"],
    description: "Upstream model behind the name `orcestator`",
    fallback: providerTypes[defaultProvider].defaultModel,
    role: "default-provider",
  },
  {
    name: "OR_HOST",
    paths: ["server.host"],
    description: "Address to listen on",
    fallback: "0.0.0.0",
    role: "value",
  },
  { name: "OR_PORT", paths: ["server.port"], description: "Port of the API", fallback: "8000", role: "value" },
  {
    name: "OR_METRICS_PORT",
    paths: ["server.metricsPort"],
    description: "Port of the separate metrics listener; 0 = off",
    fallback: "8001",
    role: "value",
  },
  {
    name: "OR_METRICS_HOST",
    paths: ["server.metricsHost"],
    description: "Address of the separate metrics listener",
    fallback: "127.0.0.1",
    role: "value",
  },
  {
    name: "OR_ANONYMOUS",
    paths: ["server.anonymous"],
    description: "Who may call without a key while no inbound key is set: none, loopback, private or all",
    fallback: "loopback",
    role: "value",
  },
  {
    name: "OR_LOG_FILE",
    paths: ["logging.file"],
    description: "Traffic log; empty = off",
    fallback: "logs/traffic.log",
    role: "value",
    isValueWhenEmpty: true,
  },
  {
    name: "OR_LOG_CONTENT",
    paths: ["logging.content"],
    description: "How much of prompts and answers is kept: full, truncate:N or none",
    fallback: "truncate:200",
    role: "value",
  },
  {
    name: "OR_LOG_LEVEL",
    paths: ["logging.level"],
    description: "What the console shows: silent, error, warn, info or debug",
    fallback: "info",
    role: "value",
    normalize: normalizeLevel,
  },
  {
    name: "OR_METRICS_DIR",
    paths: ["logging.metricsDir"],
    description: "Folder for requests-YYYYMMDD.jsonl; empty = off",
    fallback: "",
    role: "value",
    isValueWhenEmpty: true,
  },
  {
    name: "OR_DB_PATH",
    paths: ["storage.url"],
    description: "SQLite file of the audit database; used when neither storage.url nor DATABASE_URL is set",
    fallback: "",
    role: "database-path",
  },
  {
    name: "OR_RESPONSE_MODEL",
    paths: ["server.responseModel"],
    description: "What `model` in answers says: alias or upstream",
    fallback: "alias",
    role: "value",
  },
  {
    name: "OR_DRAIN",
    paths: ["server.drain"],
    description: "How long running requests may take after a stop signal",
    fallback: "30s",
    role: "value",
  },
  {
    name: "OR_DRAIN_DELAY",
    paths: ["server.drainDelay"],
    description: "How long new requests are still taken after a stop signal, while /health/ready already says 503",
    fallback: "0s",
    role: "value",
  },
  {
    name: "OR_CONFIG",
    paths: [],
    description: "Path of the configuration file",
    fallback: "orcestator.yaml, .yml, .toml or .json in the working directory",
    role: "loader",
  },
  {
    name: "ORCH_INBOUND_API_KEYS",
    paths: ["keys.inbound"],
    description: "Comma-separated keys that clients must present; empty = see OR_ANONYMOUS",
    fallback: "",
    role: "value",
    isSecret: true,
  },
  {
    name: "ORCH_API_KEY_HEADER",
    paths: ["keys.header"],
    description: "Header read for the key besides Authorization, x-api-key, api-key and x-goog-api-key",
    fallback: "x-api-key",
    role: "value",
  },
  {
    name: "ORCH_CORS_ALLOW_ORIGINS",
    paths: ["server.cors"],
    description: "Comma-separated origins that browsers may call from; * = any, once inbound keys are set",
    fallback: "",
    role: "value",
  },
  {
    name: "ORCH_RETRY_AFTER_SECONDS",
    paths: ["server.retryAfter"],
    description: "Retry-After of a 429 whose upstream named none",
    fallback: "30",
    role: "value",
  },
  {
    name: "DATABASE_URL",
    paths: ["storage.url"],
    description: "Audit database, sqlite://path",
    fallback: "",
    role: "value",
    isSecret: true,
  },
  {
    name: "AUTH_TOKEN",
    paths: ["admin.token"],
    description: "Opens /api; accepted for inference too",
    fallback: "",
    role: "value",
    isSecret: true,
  },
  {
    name: "APP_HOST",
    paths: ["server.host"],
    description: "Other name of OR_HOST, which wins",
    fallback: "",
    role: "value",
  },
  {
    name: "APP_PORT",
    paths: ["server.port"],
    description: "Other name of OR_PORT, which wins",
    fallback: "",
    role: "value",
  },
  {
    name: "LOG_LEVEL",
    paths: ["logging.level"],
    description: "Other name of OR_LOG_LEVEL, which wins",
    fallback: "",
    role: "value",
    normalize: normalizeLevel,
  },
  {
    name: "LOG_FILE",
    paths: ["logging.file"],
    description: "Other name of OR_LOG_FILE, which wins",
    fallback: "",
    role: "value",
  },
];
