import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { environmentVariables } from "../../src/config/env.ts";
import { loadServerConfig } from "../../src/config/load.ts";
import { providerTypes } from "../../src/config/provider-types.ts";
import { isUsable } from "../../src/config/resolve.ts";
import { configFolder } from "./folder.ts";

const key = "sk-or-v1-0123456789abcdef";
const dayMs = 24 * 60 * 60 * 1000;
const usualRetention = { maxAge: 0, maxBytes: 0, totals: 400 * dayMs, audit: 365 * dayMs };

/** A credential that was written as a text alone. */
function credential(text: string): { key: string; weight: number; enabled: boolean } {
  return { key: text, weight: 1, enabled: true };
}

/** A target that was written with nothing but these two. */
function target(provider: string, model: string): { provider: string; model: string; weight: number } {
  return { provider, model, weight: 1 };
}

describe("without a file", () => {
  test("OR_API_KEY alone gives OpenRouter and the model orcestator", () => {
    using folder = configFolder();
    const { config, file, origins, warnings, isDemo } = folder.load({ env: { OR_API_KEY: ` ${key}, second ,` } });
    expect(file).toBeUndefined();
    expect(warnings).toEqual([]);
    expect(isDemo).toBe(false);
    expect(config.providers["openrouter"]).toMatchObject({
      type: "openrouter",
      baseUrl: "https://openrouter.ai/api/v1",
      credentials: [credential(key), credential("second")],
      acceptsAnyModel: true,
      listModels: true,
    });
    expect(Object.keys(config.models)).toEqual(["orcestator"]);
    expect(config.models["orcestator"]?.targets).toEqual([target("openrouter", "openai/gpt-4o")]);
    expect(origins.get("providers.openrouter.credentials")).toBe("env OR_API_KEY");
    expect(origins.get("models.orcestator.targets[0].model")).toBe("default");
    expect(origins.get("server.port")).toBe("default");
  });

  test("OR_BASE_URL and OR_DEFAULT_MODEL shape the default provider", () => {
    using folder = configFolder();
    const env = { OR_API_KEY: key, OR_BASE_URL: "http://127.0.0.1:9/v1/", OR_DEFAULT_MODEL: "vendor/model" };
    const { config, origins } = folder.load({ env });
    expect(config.providers["openrouter"]?.baseUrl).toBe("http://127.0.0.1:9/v1");
    expect(config.models["orcestator"]?.targets).toEqual([target("openrouter", "vendor/model")]);
    expect(origins.get("providers.openrouter.baseUrl")).toBe("env OR_BASE_URL");
    expect(origins.get("models.orcestator.targets[0].model")).toBe("env OR_DEFAULT_MODEL");
  });

  test("a missing OR_API_KEY is explained with every way to set it", () => {
    using folder = configFolder();
    const error = folder.fail();
    expect(error.problems).toHaveLength(1);
    expect(error.problems[0]?.kind).toBe("missing-credential");
    expect(error.message).toStartWith("OR_API_KEY is not set");
    for (const way of ['$env:OR_API_KEY = "sk-or-..."', "export OR_API_KEY=", "set OR_API_KEY=", folder.path]) {
      expect(error.message).toContain(way);
    }
    expect(error.message).toContain("orcestator init");
    expect(error.message).toContain("orcestator serve --demo");
  });

  test("an empty or blank OR_API_KEY counts as missing", () => {
    using folder = configFolder();
    for (const OR_API_KEY of ["", "  ", ",", " , "]) {
      expect(folder.fail({ env: { OR_API_KEY } }).problems[0]?.kind).toBe("missing-credential");
    }
  });

  test("a command that sends nothing upstream can do without a credential", () => {
    using folder = configFolder();
    const { config, warnings } = folder.load({ needsCredential: false, env: { OR_LOG_FILE: "x.log" } });
    expect(config.logging.file).toBe("x.log");
    expect(config.providers).toEqual({});
    expect(warnings).toEqual(["OR_API_KEY is not set, so there is no provider to send requests to."]);
  });
});

describe("environment variables", () => {
  const samples: Readonly<Record<string, readonly [string, unknown]>> = {
    OR_HOST: ["127.0.0.1", "127.0.0.1"],
    OR_PORT: ["9000", 9000],
    OR_METRICS_PORT: ["0", 0],
    OR_METRICS_HOST: ["0.0.0.0", "0.0.0.0"],
    OR_ANONYMOUS: ["private", "private"],
    OR_LOG_FILE: ["other.log", "other.log"],
    OR_LOG_CONTENT: ["none", "none"],
    OR_LOG_LEVEL: ["DEBUG", "debug"],
    OR_METRICS_DIR: ["metrics", "metrics"],
    OR_DB_PATH: ["data/x.db", "sqlite://data/x.db"],
    OR_RESPONSE_MODEL: ["upstream", "upstream"],
    OR_DRAIN: ["1m", 60_000],
    OR_DRAIN_DELAY: ["5s", 5000],
    OR_TRUSTED_PROXIES: ["10.0.0.0/8, 192.0.2.1", ["10.0.0.0/8", "192.0.2.1"]],
    OR_WORKERS: ["auto", "auto"],
    ORCH_INBOUND_API_KEYS: ["one, two", ["one", "two"]],
    ORCH_API_KEY_HEADER: ["X-My-Key", "X-My-Key"],
    ORCH_CORS_ALLOW_ORIGINS: ["https://a.example,https://b.example", ["https://a.example", "https://b.example"]],
    ORCH_RETRY_AFTER_SECONDS: ["45", 45_000],
    DATABASE_URL: ["sqlite:///./rel.db", "sqlite:///./rel.db"],
    REDIS_URL: ["redis://cache:6380", "redis://cache:6380"],
    REDIS_ENABLED: ["no", false],
    AUTH_TOKEN: ["long-enough-token", "long-enough-token"],
    ADMIN_USERNAME: ["root", "root"],
    ADMIN_PASSWORD: ["long-enough-password", "long-enough-password"],
    ORCESTATOR_JWT_SECRET: ["j".repeat(32), "j".repeat(32)],
    ORCESTATOR_SECRET_KEY: ["0f".repeat(32), "0f".repeat(32)],
    ORCESTATOR_SECRET_KEY_FILE: ["secret.key", "secret.key"],
    APP_HOST: ["::1", "::1"],
    APP_PORT: ["9001", 9001],
    LOG_LEVEL: ["WARNING", "warn"],
    LOG_FILE: ["third.log", "third.log"],
    HEALTH_CHECK_ENABLED: ["false", false],
    HEALTH_CHECK_INTERVAL: ["60", 60_000],
    HEALTH_CHECK_MAX_ERRORS: ["7", 7],
    HEALTH_CHECK_RETRY_HOURS: ["0.5", 1_800_000],
  };
  const written = environmentVariables.filter(({ role }) => role === "value" || role === "database-path");

  test.each(written.map(({ name, paths }) => [name, paths] as const))("%s goes to %p", (name, paths) => {
    using folder = configFolder();
    const [text, expected] = samples[name] ?? ["", undefined];
    const { config, origins } = folder.load({ env: { OR_API_KEY: key, [name]: text } });
    for (const path of paths) {
      expect(config).toHaveProperty(path, expected);
      expect(origins.get(path)).toBe(`env ${name}`);
    }
  });

  test("the fallbacks that the table names are the ones that hold", () => {
    using folder = configFolder();
    const { config } = folder.load({ env: { OR_API_KEY: key } });
    const texts: Readonly<Record<string, string>> = {
      OR_DRAIN: "30000",
      OR_DRAIN_DELAY: "0",
      ORCH_RETRY_AFTER_SECONDS: "30000",
      HEALTH_CHECK_INTERVAL: "300000",
      HEALTH_CHECK_RETRY_HOURS: "3600000",
    };
    for (const { name, paths, fallback } of environmentVariables) {
      const path = paths[0];
      if (path === undefined || fallback === "" || path.includes("[")) continue;
      const value: unknown = path.split(".").reduce<unknown>((node, part) => Reflect.get(Object(node), part), config);
      expect([name, String(value)]).toEqual([name, texts[name] ?? fallback]);
    }
    expect(config.models["orcestator"]?.targets[0]?.model).toBe(providerTypes.openrouter.defaultModel);
    const baseUrl = environmentVariables.find(({ name }) => name === "OR_BASE_URL");
    expect(baseUrl?.fallback).toBe(providerTypes.openrouter.baseUrl);
  });

  test("every name has a description and stands in the table once", () => {
    const names = environmentVariables.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { description } of environmentVariables) expect(description).not.toBe("");
  });

  test("the OR_ names win over the other systems' names", () => {
    using folder = configFolder();
    const env = { OR_API_KEY: key, APP_PORT: "1", OR_PORT: "2", LOG_LEVEL: "error", OR_LOG_LEVEL: "debug" };
    const { config, origins } = folder.load({ env });
    expect(config.server.port).toBe(2);
    expect(config.logging.level).toBe("debug");
    expect(origins.get("server.port")).toBe("env OR_PORT");
  });

  test("an empty variable counts as not set, except where empty means off", () => {
    using folder = configFolder({ "orcestator.yaml": "server: {port: 7000}\nlogging: {metricsDir: m}\n" });
    const { config } = folder.load({
      env: { OR_API_KEY: key, OR_PORT: "", OR_HOST: " ", OR_LOG_FILE: "", OR_METRICS_DIR: "", OR_DB_PATH: "" },
    });
    expect(config.server).toMatchObject({ port: 7000, host: "0.0.0.0" });
    expect(config.logging).toMatchObject({ file: "", metricsDir: "" });
    expect(config.storage.url).toBeUndefined();
  });

  test("OR_DB_PATH is used only when nothing else names a database", () => {
    using empty = configFolder();
    using withUrl = configFolder({ "orcestator.yaml": "storage: {url: 'sqlite://file.db'}" });
    const env = { OR_API_KEY: key, OR_DB_PATH: "path.db" };
    expect(empty.load({ env }).config.storage.url).toBe("sqlite://path.db");
    expect(empty.load({ env: { ...env, OR_DB_PATH: "/abs/x.db" } }).config.storage.url).toBe("sqlite:///abs/x.db");
    expect(withUrl.load({ env }).config.storage.url).toBe("sqlite://file.db");
    expect(empty.load({ env: { ...env, DATABASE_URL: "sqlite://url.db" } }).config.storage.url).toBe("sqlite://url.db");
    expect(withUrl.load({ env: { ...env, DATABASE_URL: "sqlite://url.db" } }).config.storage.url).toBe(
      "sqlite://url.db",
    );
  });

  test("a database is a file or a server of either kind", () => {
    using folder = configFolder();
    for (const DATABASE_URL of [
      "sqlite:///var/x.db",
      "mysql://u:p@db/orcestator",
      "mariadb://u@db:3307/orcestator",
      "postgres://u:p%40%2F@[::1]:5433/orcestator?sslmode=verify-full&sslrootcert=ca.pem",
      "postgresql+asyncpg://u:p@db/orcestator",
    ])
      expect(folder.load({ env: { OR_API_KEY: key, DATABASE_URL } }).config.storage.url).toBe(DATABASE_URL);
  });

  test("a DATABASE_URL that cannot be used is refused without showing its password", () => {
    using folder = configFolder();
    const refused = {
      "oracle://root:canary-pw@db/x": "this one begins with oracle:",
      "canary-pw": "this is no such URL",
      "mysql://root:canary-pw@db": "a MySQL URL names no database",
      "mysql://root:canary-pw@db/a/b": "a MySQL URL names no database",
      "postgres://db/canary-pw": "a PostgreSQL URL names no user",
      "postgres://u:canary-pw%zz@db/x": "a % that encodes nothing",
      "postgres://u:canary-pw/w@db/x": "is no URL",
      "postgres://u:p@db/x?canary-pw=1": "a parameter that is not known",
      "postgres://u:canary-pw@db/x?sslmode=on": "unknown sslmode",
    };
    for (const [DATABASE_URL, reason] of Object.entries(refused)) {
      const { message, problems } = folder.fail({ env: { OR_API_KEY: key, DATABASE_URL } });
      expect(problems).toHaveLength(1);
      expect(problems[0]).toMatchObject({ path: "storage.url", origin: "env DATABASE_URL" });
      expect(message).toContain(reason);
      expect(message).not.toContain("canary-pw");
    }
  });

  test("the certificate that a database URL names must be there where a server would start", () => {
    using folder = configFolder({ "ca.pem": "" });
    const missing = { OR_API_KEY: key, DATABASE_URL: "mysql://u:canary-pw@db/x?sslrootcert=none.pem" };
    const { problems, message } = folder.fail({ env: missing, needsFiles: true });
    expect(problems).toMatchObject([{ path: "storage.url", origin: "env DATABASE_URL" }]);
    expect(message).toContain("none.pem cannot be read");
    expect(message).not.toContain("canary-pw");
    const env = { OR_API_KEY: key, DATABASE_URL: "mysql://u@db/x?sslrootcert=ca.pem" };
    expect(folder.load({ env, needsFiles: true }).config.storage.url).toBeDefined();
  });

  test("DATABASE_TYPE must be one of the engines, and the one of the URL", () => {
    using folder = configFolder();
    const refused: [Record<string, string>, string][] = [
      [{ DATABASE_TYPE: "oracle" }, "must be sqlite, mysql, mariadb, postgres or postgresql"],
      [{ DATABASE_TYPE: "mysql" }, "set DATABASE_URL too"],
      [{ DATABASE_TYPE: "Postgres", DATABASE_URL: "sqlite://x.db" }, "names postgres, but the URL is one of sqlite"],
      [{ DATABASE_TYPE: "mysql", OR_DB_PATH: "x.db" }, "names mysql, but the URL is one of sqlite"],
    ];
    for (const [env, reason] of refused) {
      const { problems } = folder.fail({ env: { OR_API_KEY: key, ...env } });
      expect(problems).toMatchObject([{ path: "storage.url", origin: "env DATABASE_TYPE" }]);
      expect(problems[0]?.message).toContain(reason);
    }
    const both = { DATABASE_TYPE: "MariaDB", DATABASE_URL: "mysql://u:p@h/x" };
    expect(folder.load({ env: { OR_API_KEY: key, ...both } }).config.storage.url).toBe("mysql://u:p@h/x");
    const { config, warnings } = folder.load({ env: { OR_API_KEY: key, DATABASE_TYPE: "SQLite" } });
    expect(config.storage).toEqual({ timeout: 5000, connections: 5, retention: usualRetention });
    expect(warnings).toEqual([]);
  });

  test("requests may be kept for longer than a timer can wait", () => {
    using folder = configFolder({ "orcestator.yaml": "storage: {retention: {maxAge: 400d, maxBytes: 1e9}}" });
    const { retention } = folder.load({ env: { OR_API_KEY: key } }).config.storage;
    expect(retention).toEqual({ ...usualRetention, maxAge: 400 * 24 * 60 * 60 * 1000, maxBytes: 1_000_000_000 });
  });

  test("REDIS_URL names the Redis that gateways share, and REDIS_ENABLED switches it off", () => {
    using folder = configFolder();
    const redisOf = (env: Record<string, string>) => folder.load({ env: { OR_API_KEY: key, ...env } }).config.redis;
    const url = "redis://:pw@127.0.0.1:6379/2";
    expect(redisOf({})).toEqual({ enabled: true, timeout: 60, prefix: "orcestator", whenDown: "local" });
    expect(redisOf({ REDIS_URL: url })).toMatchObject({ url, enabled: true });
    for (const REDIS_ENABLED of ["false", "0", "No", "OFF"])
      expect(redisOf({ REDIS_URL: url, REDIS_ENABLED }).enabled).toBe(false);
    expect(redisOf({ REDIS_URL: "", REDIS_ENABLED: "" })).toMatchObject({ enabled: true });
    for (const other of ["rediss://h", "unix:///run/redis.sock", "redis+unix:///run/redis.sock", "redis://[::1]:6379"])
      expect(redisOf({ REDIS_URL: other }).url).toBe(other);
  });

  test("a Redis URL that is none is told without its password", () => {
    using folder = configFolder();
    for (const url of [
      "canary-pw@host",
      "http://:canary-pw@host",
      "redis://:canary/pw@host",
      "redis://:canary-pw@",
      "unix://",
    ]) {
      const { message } = folder.fail({ env: { OR_API_KEY: key, REDIS_URL: url } });
      expect(message).toContain("REDIS_URL");
      expect(message).not.toContain("canary");
    }
    expect(folder.fail({ env: { OR_API_KEY: key, REDIS_URL: "redis://h/first" } }).message).toContain("no number");
  });

  test("a bad value is reported under the name of its variable", () => {
    using folder = configFolder();
    const { message } = folder.fail({ env: { OR_API_KEY: key, OR_PORT: "70000", OR_ANONYMOUS: "lopback" } });
    expect(message).toContain("OR_PORT → server.port: must be at most 65535");
    expect(message).toContain("OR_ANONYMOUS → server.anonymous: must be one of");
    expect(message).toContain("did you mean 'loopback'?");
  });
});

describe("precedence", () => {
  const yaml = "server: {host: file, port: 1, metricsPort: 1, drain: 1s}\n";
  const dotenv = `OR_API_KEY=${key}\nOR_PORT=2\nOR_METRICS_PORT=2\nOR_DRAIN=2s\n`;

  test("flags win over the environment, that over .env, that over the file, that over defaults", () => {
    using folder = configFolder({ "orcestator.yaml": yaml, ".env": dotenv });
    const { config, origins, file } = folder.load({
      env: { OR_METRICS_PORT: "3", OR_DRAIN: "3s" },
      flags: { "server.drain": "4s", "server.port": undefined },
    });
    expect(config.server).toMatchObject({ host: "file", port: 2, metricsPort: 3, drain: 4000, heartbeat: 15_000 });
    expect(file).toBe(join(folder.path, "orcestator.yaml"));
    expect(["host", "port", "metricsPort", "drain", "heartbeat"].map((name) => origins.get(`server.${name}`))).toEqual([
      "file orcestator.yaml",
      "env OR_PORT (.env)",
      "env OR_METRICS_PORT",
      "flag",
      "default",
    ]);
  });

  test("a variable that is really set wins over .env even when it is empty", () => {
    using folder = configFolder({ ".env": `OR_API_KEY=${key}` });
    expect(folder.load().config.providers["openrouter"]?.credentials).toEqual([credential(key)]);
    expect(folder.fail({ env: { OR_API_KEY: "" } }).problems[0]?.kind).toBe("missing-credential");
  });

  test(".env is read with a byte order mark, Windows line ends and in UTF-16", () => {
    const text = `\uFEFFOR_API_KEY=${key}\r\nOR_PORT=2\r\n`;
    for (const content of [Buffer.from(text), Buffer.from(text, "utf16le")]) {
      using folder = configFolder({ ".env": content });
      const { config } = folder.load();
      expect(config.server.port).toBe(2);
      expect(config.providers["openrouter"]?.credentials).toEqual([credential(key)]);
    }
  });

  test("the real environment is not changed by .env", () => {
    using folder = configFolder({ ".env": `OR_API_KEY=${key}\nORCESTATOR_TEST_ONLY=1\n` });
    folder.load({ env: process.env });
    expect(process.env["ORCESTATOR_TEST_ONLY"]).toBeUndefined();
  });
});

describe("the file", () => {
  const settings = { providers: { local: { type: "openai-compatible", baseUrl: "http://127.0.0.1:1/v1/" } } };
  const texts = {
    "orcestator.yaml": "providers:\n  local: {type: openai-compatible, baseUrl: 'http://127.0.0.1:1/v1/'}\n",
    "orcestator.yml": "providers: {local: {type: openai-compatible, baseUrl: 'http://127.0.0.1:1/v1/'}}\n",
    "orcestator.toml": '[providers.local]\ntype = "openai-compatible"\nbaseUrl = "http://127.0.0.1:1/v1/"\n',
    "orcestator.json": JSON.stringify(settings),
  };

  test.each(Object.entries(texts))("%s is found and read", (name, text) => {
    using folder = configFolder({ [name]: text });
    const { config, origins } = folder.load();
    expect(config.providers["local"]).toMatchObject({
      type: "openai-compatible",
      baseUrl: "http://127.0.0.1:1/v1",
      credentials: [],
      acceptsAnyModel: false,
      listModels: false,
    });
    expect(origins.get("providers.local.type")).toBe(`file ${name}`);
  });

  test.each(Object.entries(texts))("%s may begin with a byte order mark or be UTF-16", (name, text) => {
    for (const content of [Buffer.from(`\uFEFF${text}`), Buffer.from(`\uFEFF${text}`, "utf16le")]) {
      using folder = configFolder({ [name]: content });
      expect(folder.load().config.providers["local"]?.type).toBe("openai-compatible");
    }
  });

  test("with several files the first of yaml, yml, toml, json is read and the others are named", () => {
    using folder = configFolder({
      "orcestator.json": texts["orcestator.json"],
      "orcestator.toml": texts["orcestator.toml"],
      "orcestator.yml": texts["orcestator.yml"],
    });
    const { file, warnings } = folder.load();
    expect(file).toBe(join(folder.path, "orcestator.yml"));
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toStartWith("orcestator.toml is ignored");
    expect(warnings[1]).toStartWith("orcestator.json is ignored");
  });

  test("another file is named by --config or OR_CONFIG, relative to the working directory", () => {
    using folder = configFolder({ "conf/gateway.toml": texts["orcestator.toml"], "orcestator.yaml": "broken: [" });
    const expected = join(folder.path, "conf/gateway.toml");
    expect(folder.load({ configPath: "conf/gateway.toml" }).file).toBe(expected);
    expect(folder.load({ env: { OR_CONFIG: expected } }).file).toBe(expected);
    expect(folder.fail({ configPath: "nowhere.yaml" }).message).toContain("there is no such file");
    expect(folder.fail({ configPath: "conf" }).message).toContain(".yaml, .yml, .toml or .json");
  });

  test("an empty file and keys without a value set nothing", () => {
    for (const text of ["", "\n# nothing yet\n", "server:\nproviders:\nlogging:\n  file:\n"]) {
      using folder = configFolder({ "orcestator.yaml": text });
      expect(folder.load({ env: { OR_API_KEY: key } }).config.logging.file).toBe("logs/traffic.log");
    }
  });

  test("OR_API_KEY and OR_BASE_URL fill a declared openrouter provider, other settings stay", () => {
    using folder = configFolder({
      "orcestator.yaml": 'providers: {openrouter: {type: openrouter, retries: 5, credentials: ["${NOT_SET}"]}}',
    });
    const { config, origins } = folder.load({ env: { OR_API_KEY: key, OR_BASE_URL: "http://127.0.0.1:9/v1" } });
    expect(config.providers["openrouter"]).toMatchObject({
      credentials: [credential(key)],
      baseUrl: "http://127.0.0.1:9/v1",
      retries: 5,
      acceptsAnyModel: false,
    });
    expect(origins.get("providers.openrouter.retries")).toBe("file orcestator.yaml");
    expect(origins.get("providers.openrouter.credentials")).toBe("env OR_API_KEY");
    expect(config.models["orcestator"]?.targets[0]?.provider).toBe("openrouter");
  });

  test("OR_API_KEY adds openrouter to declared providers, unless one of that type is there", () => {
    using other = configFolder({ "orcestator.json": texts["orcestator.json"] });
    expect(Object.keys(other.load({ env: { OR_API_KEY: key } }).config.providers)).toEqual(["local", "openrouter"]);
    using named = configFolder({
      "orcestator.yaml": 'providers: {or: {type: openrouter, credentials: ["${OR_API_KEY}"]}}',
    });
    const { config, origins } = named.load({ env: { OR_API_KEY: key } });
    expect(Object.keys(config.providers)).toEqual(["or"]);
    expect(origins.get("providers.or.credentials")).toBe("file orcestator.yaml");
  });

  test("the model orcestator is added only where it is known what it should be", () => {
    using local = configFolder({ "orcestator.json": texts["orcestator.json"] });
    expect(local.load().config.models).toEqual({});
    const added = local.load({ env: { OR_DEFAULT_MODEL: "llama" } }).config.models["orcestator"];
    expect(added?.targets).toEqual([target("local", "llama")]);
    using declared = configFolder({
      "orcestator.json": JSON.stringify({
        ...settings,
        models: { orcestator: { targets: [{ provider: "local", model: "mine" }] } },
      }),
    });
    const { config, warnings } = declared.load({ env: { OR_DEFAULT_MODEL: "other" } });
    expect(config.models["orcestator"]?.targets[0]?.model).toBe("mine");
    expect(warnings.join()).toContain("OR_DEFAULT_MODEL has no effect");
  });

  test("a client's text finds only declared models and providers, nothing that every object has", () => {
    using folder = configFolder();
    const { config } = folder.load({ env: { OR_API_KEY: key } });
    for (const name of ["constructor", "toString", "__proto__", "hasOwnProperty"]) {
      expect(config.models[name]).toBeUndefined();
      expect(config.providers[name]).toBeUndefined();
    }
  });
});

/** A file with one provider at this base URL. */
function fileWith(baseUrl: string): Record<string, string> {
  return { "orcestator.json": JSON.stringify({ providers: { p: { type: "openai-compatible", baseUrl } } }) };
}

function groqAndDummy(isGroqEnabled: boolean): string {
  return `providers:
  g: {type: openai-compatible, baseUrl: 'http://127.0.0.1:1/v1', enabled: ${isGroqEnabled}, credentials: ["\${GROQ_API_KEY}"]}
  d: {type: dummy}
`;
}

describe("variables inside the file", () => {
  test("${NAME}, ${NAME:-default} and $${ are replaced", () => {
    using folder = configFolder(fileWith("http://${HOST}:${PORT:-8080}/${EMPTY:-v1}/$${x}"));
    const { config } = folder.load({ env: { HOST: "127.0.0.1", EMPTY: "" } });
    expect(config.providers["p"]?.baseUrl).toBe("http://127.0.0.1:8080/v1/${x}");
  });

  test("numbers, switches and lists may come from a variable, also one in .env", () => {
    using folder = configFolder({
      ".env": "KEYS=a,b\nPORT=81\n",
      "orcestator.yaml":
        "server: {port: '${PORT}'}\nkeys: {inbound: '${KEYS}'}\nproviders: {d: {type: dummy, enabled: '${ON:-no}'}}",
    });
    const { config } = folder.load();
    expect(config.server.port).toBe(81);
    expect(config.keys.inbound).toEqual(["a", "b"]);
    expect(config.providers["d"]?.enabled).toBe(false);
  });

  test("a variable that is not set is reported with its name and place, and only once", () => {
    using folder = configFolder(fileWith("http://${UPSTREAM_HOST}/v1"));
    const { problems, message } = folder.fail();
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ kind: "invalid", path: "providers.p.baseUrl", origin: "file orcestator.json" });
    expect(message).toContain("UPSTREAM_HOST is not set");
  });

  test.each(["http://127.0.0.1/${NAME", "http://${A:-h}/${NAME/v1", "http://127.0.0.1/v1/${"])(
    "a ${ without its } is refused with its place: %s",
    (text) => {
      using folder = configFolder(fileWith(text));
      const [problem] = folder.fail().problems;
      expect(problem).toMatchObject({ path: "providers.p.baseUrl", origin: "file orcestator.json" });
      expect(problem?.message).toContain("${ has no closing }");
    },
  );

  test("something else in ${…} is refused", () => {
    using folder = configFolder(fileWith("http://127.0.0.1/${not a name}"));
    expect(folder.fail().message).toContain("write $${ for a literal ${");
  });

  test("a missing variable for a key is a missing credential, unless the provider is switched off", () => {
    using on = configFolder({ "orcestator.yaml": groqAndDummy(true) });
    expect(on.fail().problems).toMatchObject([{ kind: "missing-credential", path: "providers.g.credentials[0]" }]);
    using off = configFolder({ "orcestator.yaml": groqAndDummy(false) });
    expect(off.load().config.providers["g"]?.enabled).toBe(false);
  });
});

describe("--demo", () => {
  test("without any credential a dummy provider serves every model", () => {
    using folder = configFolder({
      "orcestator.yaml": "providers: {gpt: {type: openai}}\nmodels: {smart: {targets: [{provider: gpt, model: x}]}}",
    });
    expect(folder.fail().problems[0]?.kind).toBe("missing-credential");
    const { config, isDemo } = folder.load({ demo: true });
    expect(isDemo).toBe(true);
    expect(config.providers).toMatchObject({ demo: { type: "dummy", acceptsAnyModel: true, baseUrl: "" } });
    expect(Object.keys(config.providers)).toEqual(["demo"]);
    expect(Object.keys(config.models)).toEqual(["orcestator", "smart"]);
    for (const model of Object.values(config.models)) expect(model.targets).toEqual([target("demo", "dummy")]);
  });

  test("with nothing at all it gives the model orcestator", () => {
    using folder = configFolder();
    const { config, isDemo, origins } = folder.load({ demo: true, flags: { "server.port": "0" } });
    expect(isDemo).toBe(true);
    expect(config.models["orcestator"]?.targets).toEqual([target("demo", "dummy")]);
    expect(config.server.port).toBe(0);
    expect(origins.get("server.port")).toBe("flag");
  });

  test("it changes nothing where a credential is configured", () => {
    using folder = configFolder();
    const env = { OR_API_KEY: key };
    expect(folder.load({ env, demo: true })).toEqual(folder.load({ env }));
    using partial = configFolder({
      "orcestator.yaml": "providers: {gpt: {type: openai}, or: {type: openrouter, credentials: [abc]}}",
    });
    expect(partial.fail({ demo: true }).problems).toMatchObject([{ path: "providers.gpt.credentials" }]);
  });

  test("it mends nothing but missing credentials", () => {
    using folder = configFolder({ "orcestator.yaml": "server: {port: x}" });
    const { problems } = folder.fail({ demo: true });
    expect(problems.map(({ path }) => path)).toEqual(["server.port", ""]);
  });
});

describe("where the server listens", () => {
  test("is known even while the file or other settings are broken", () => {
    using syntax = configFolder({ "orcestator.yaml": "server: [", ".env": "OR_PORT=7001" });
    expect(loadServerConfig({ cwd: syntax.path, env: {} }).port).toBe(7001);
    using other = configFolder({ "orcestator.yaml": "server: {port: 7002}\nprovidrs: {}\n" });
    expect(loadServerConfig({ cwd: other.path, env: {} }).port).toBe(7002);
    using server = configFolder({ "orcestator.yaml": "server: {port: many}" });
    expect(loadServerConfig({ cwd: server.path, env: {} }).port).toBe(8000);
  });
});

function configWith(provider: object, server: object = {}): string {
  const entry = { type: "openai-compatible", baseUrl: "http://127.0.0.1:9/v1", ...provider };
  return JSON.stringify({ server, providers: { p: entry } });
}

test("a variable whose name is nearly one of ours is a warning, unless the file uses it", () => {
  const names = { OR_PROT: "1", OR_LOG_FIEL: "a", ORDER_PORT: "1", OR_MINE_ENTIRELY: "1", OR_API_KEY_2: "b" };
  using folder = configFolder({
    ".env": "ORCH_INBOUND_API_KEY=x\n",
    "orcestator.yaml": 'providers: {openrouter: {type: openrouter, credentials: ["${OR_API_KEY_2:-c}"]}}',
  });
  expect(folder.load({ env: names }).warnings).toEqual([
    "OR_PROT is not read; did you mean OR_PORT?",
    "OR_LOG_FIEL is not read; did you mean OR_LOG_FILE?",
    "ORCH_INBOUND_API_KEY is not read; did you mean ORCH_INBOUND_API_KEYS?",
  ]);
});

describe("headers of a provider", () => {
  test("have names in lower case and values without blanks around them, and keep their origin", () => {
    const headers = { "HTTP-Referer": "https://a.example", "X-Title": " Größe\n", "x_odd!": "" };
    using folder = configFolder({ "orcestator.json": configWith({ headers }) });
    const { config, origins } = folder.load();
    expect(config.providers["p"]?.headers).toEqual({
      "http-referer": "https://a.example",
      "x-title": "Größe",
      "x_odd!": "",
    });
    expect(origins.get("providers.p.headers.x-title")).toBe("file orcestator.json");
  });

  test.each([
    [{ "X Name": "a" }, "this is no name of an HTTP header"],
    [{ "": "a" }, "this is no name of an HTTP header"],
    [{ "X-Имя": "a" }, "this is no name of an HTTP header"],
    [{ "x-a": "один" }, "must be one line of Latin letters"],
    [{ "x-a": "a\r\nx-b: c" }, "must be one line of Latin letters"],
    [{ "x-a": "a\0b" }, "must be one line of Latin letters"],
    [{ "X-A": "1", "x-a": "2" }, "is written twice"],
    [{ "Content-Length": "1" }, "cannot be set"],
    [{ "Transfer-Encoding": "chunked" }, "cannot be set"],
  ])("%j is refused", (headers, expected) => {
    using folder = configFolder({ "orcestator.json": configWith({ headers }) });
    const { problems } = folder.fail();
    expect(problems).toHaveLength(1);
    expect(problems[0]?.path).toStartWith("providers.p.headers");
    expect(problems[0]?.message).toContain(expected);
  });

  test("names that every object has are names as any others", () => {
    using folder = configFolder({ "orcestator.json": configWith({ headers: { valueOf: "a" } }) });
    expect(folder.load().config.providers["p"]?.headers).toEqual({ valueof: "a" });
  });
});

describe("credentials", () => {
  test("that no header can carry are refused at start, without showing them", () => {
    using folder = configFolder({ "orcestator.json": configWith({ credentials: ["ключ-canary"] }) });
    const { problems, message } = folder.fail();
    expect(problems).toMatchObject([{ path: "providers.p.credentials[0]" }]);
    expect(message).not.toContain("canary");
  });

  test("that are the documents' example are refused at start", () => {
    using folder = configFolder();
    for (const OR_API_KEY of ["sk-or-...", "gsk_..."]) {
      expect(folder.fail({ env: { OR_API_KEY } }).message).toContain("put your own API key in its place");
    }
    expect(folder.load({ env: { OR_API_KEY: "sk-or-v1-1...2" } }).warnings).toEqual([]);
  });
});

describe("durations", () => {
  test.each([
    ["server", "heartbeat", "49ms", "must be at least 50ms"],
    ["server", "heartbeat", 0, "must be at least 50ms; 0 does not switch it off"],
    ["server", "heartbeat", "51s", "must be at most 50s"],
    ["server", "bodyTimeout", "0s", "must be at least 1ms; 0 does not switch it off"],
    ["timeouts", "connect", 0, "must be at least 1ms; 0 does not switch it off"],
    ["timeouts", "firstByte", "0.4ms", "must be at least 1ms; 0 does not switch it off"],
    ["timeouts", "idle", "0ms", "must be at least 1ms; 0 does not switch it off"],
    ["timeouts", "total", "0h", "must be at least 1ms; 0 does not switch it off"],
    ["timeouts", "total", "25d", "is no duration"],
  ])("%s.%s: %p is out of bounds", (section, name, value, expected) => {
    const settings = { [name]: value };
    const text = section === "server" ? configWith({}, settings) : configWith({ timeouts: settings });
    using folder = configFolder({ "orcestator.json": text });
    expect(folder.fail().message).toContain(expected);
  });

  test("may be 0 where that means: not at all, or at once", () => {
    const server = { retryAfter: 0, drain: "0s", drainDelay: 0, heartbeat: "50s" };
    using folder = configFolder({ "orcestator.json": configWith({ timeouts: { connect: "1ms" } }, server) });
    expect(folder.load().config.server).toMatchObject({ retryAfter: 0, drain: 0, drainDelay: 0, heartbeat: 50_000 });
  });
});

test("a provider is usable when it is switched on and has the credential its type needs", () => {
  using folder = configFolder({
    "orcestator.yaml": `
providers:
  off: {type: dummy, enabled: false}
  on: {type: dummy}
  local: {type: openai-compatible, baseUrl: "http://127.0.0.1:9/v1"}
  lacking: {type: openai}
  keyed: {type: openai, credentials: abc}
`,
  });
  const { config } = folder.load({ needsCredential: false });
  const usable = Object.entries(config.providers).filter(([, provider]) => isUsable(provider));
  expect(usable.map(([name]) => name)).toEqual(["on", "local", "keyed"]);
});
