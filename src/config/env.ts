import { otherSystemsVariables } from "./env-others.ts";
import { normalizeLevel, type EnvironmentVariable } from "./env-variable.ts";
import { defaultProvider, providerTypes } from "./provider-types.ts";

export type { EnvironmentVariable } from "./env-variable.ts";

const ownVariables: readonly EnvironmentVariable[] = [
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
    name: "OR_TRUSTED_PROXIES",
    paths: ["server.trustedProxies"],
    description: "Comma-separated addresses and ranges of the proxies in front, whose X-Forwarded-For is believed",
    fallback: "",
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
    name: "ORCESTATOR_JWT_SECRET",
    paths: ["admin.jwtSecret"],
    description: "What logins are signed with, at least 32 bytes; made where it is not set",
    fallback: "",
    role: "value",
    isSecret: true,
  },
  {
    name: "ORCESTATOR_SECRET_KEY",
    paths: ["storage.secretKey"],
    description: "Seals secrets in the database: 32 bytes as hex or base64, or `keystore`",
    fallback: "",
    role: "value",
    isSecret: true,
  },
  {
    name: "ORCESTATOR_SECRET_KEY_FILE",
    paths: ["storage.secretKeyFile"],
    description: "A file with that key",
    fallback: "",
    role: "value",
  },
  {
    name: "OR_WORKERS",
    paths: ["server.workers"],
    description: "Processes that serve together on one port, on Linux; auto = as many as there are processors",
    fallback: "1",
    role: "value",
  },
  {
    name: "OR_CONFIG",
    paths: [],
    description: "Path of the configuration file",
    fallback: "orcestator.yaml, .yml, .toml or .json in the working directory",
    role: "loader",
  },
];

/**
 * Every environment variable the gateway reads, in order of precedence: where two write the same path, the one that
 * stands higher wins. The README's table is checked against this list.
 */
export const environmentVariables: readonly EnvironmentVariable[] = [...ownVariables, ...otherSystemsVariables];
