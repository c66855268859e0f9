import { describe, expect, test } from "bun:test";
import { loadOverlaid } from "../../src/config/load-overlaid.ts";
import type { Overlay } from "../../src/config/overlay.ts";
import { configFolder } from "./folder.ts";

const file = `
providers:
  groq:
    type: openai-compatible
    baseUrl: "https://groq.example/v1"
    credentials: ["\${GROQ_KEY}"]
    timeouts: { idle: 20s, total: 5m }
limits: { queue: { size: 5, wait: 3s }, total: { rpm: 100 } }
routes: [{ when: { model: [a] }, use: b }]
models: { b: { targets: [{ provider: groq, model: x }] } }
`;
const env = { GROQ_KEY: "groq-key-of-the-environment" };

const provider = (fields: object, name = "groq"): Overlay[number] => ({
  kind: "provider",
  name,
  fields: { ...fields },
});

function model(name: string, to: string): Overlay[number] {
  return { kind: "model", name, fields: { targets: [{ provider: to, model: "x" }] } };
}

describe("changes", () => {
  test("lie over the file field by field, and each tells where it comes from", () => {
    using folder = configFolder({ "orcestator.yaml": file });
    const { config, origins, written } = folder.load({
      env,
      overlay: [provider({ rpm: 5, timeouts: { idle: "7s" } })],
    });
    expect(config.providers["groq"]).toMatchObject({
      rpm: 5,
      timeouts: { idle: 7000, total: 600_000 },
      credentials: [{ key: env.GROQ_KEY }],
    });
    expect([origins.get("providers.groq.rpm"), origins.get("providers.groq.timeouts.idle")]).toEqual([
      "overlay",
      "overlay",
    ]);
    expect([origins.get("providers.groq.type"), origins.get("providers.groq.timeouts.total")]).toEqual([
      "file orcestator.yaml",
      "default",
    ]);
    expect(written.beneath).toMatchObject({ providers: { groq: { timeouts: { idle: "20s" } } } });
    expect(JSON.stringify(written.beneath)).not.toContain('rpm":5');
  });

  test("take a field away by null, and a whole section is one field", () => {
    using folder = configFolder({ "orcestator.yaml": file });
    const overlay: Overlay = [
      provider({ timeouts: null }),
      { kind: "setting", name: "routes", fields: { value: [] } },
      { kind: "setting", name: "limits", fields: { queue: { size: 9 } } },
    ];
    const { config } = folder.load({ env, overlay });
    expect(config.providers["groq"]?.timeouts.idle).toBe(120_000);
    expect(config.routes).toEqual([]);
    expect(config.limits).toMatchObject({ queue: { size: 9 }, total: { rpm: 100 } });
    expect(
      folder.load({ env, overlay: [{ kind: "setting", name: "routes", fields: { value: null } }] }).config.routes,
    ).toEqual([]);
  });

  test("lie over the environment, and beneath flags", () => {
    using folder = configFolder();
    const own = { OR_API_KEY: "sk-or-environment", OR_BASE_URL: "https://env.example/v1" };
    const overlay = [provider({ credentials: ["sk-or-overlay"] }, "openrouter")];
    const { config, origins } = folder.load({ env: own, overlay, flags: { "server.port": "9" } });
    expect(config.providers["openrouter"]).toMatchObject({
      baseUrl: "https://env.example/v1",
      credentials: [{ key: "sk-or-overlay" }],
    });
    expect(origins.get("providers.openrouter.credentials")).toBe("overlay");
    expect(origins.get("server.port")).toBe("flag");
  });

  test("are literal: a variable's name is a text", () => {
    using folder = configFolder({ "orcestator.yaml": file });
    const { config } = folder.load({ env, overlay: [provider({ headers: { "x-a": "${GROQ_KEY}" } })] });
    expect(config.providers["groq"]?.headers).toEqual({ "x-a": "${GROQ_KEY}" });
  });

  test("may bring the first provider, which then serves the default model", () => {
    using folder = configFolder();
    const own = { OR_DEFAULT_MODEL: "some/model", OR_DB_PATH: "x.db", AUTH_TOKEN: "admin-token-1" };
    expect(folder.load({ env: own }).config.models["orcestator"]).toBeUndefined();
    const { config } = folder.load({ env: own, overlay: [provider({ type: "dummy" }, "mine")] });
    expect(config.models["orcestator"]?.targets).toMatchObject([{ provider: "mine", model: "some/model" }]);
  });

  test("are not changed by what is laid over them", () => {
    using folder = configFolder({ "orcestator.yaml": file });
    const overlay = [provider({ timeouts: { idle: "7s" } })];
    const before = JSON.stringify(overlay);
    folder.load({ env, overlay, flags: { "providers.groq.timeouts.idle": "1s" } });
    expect(JSON.stringify(overlay)).toBe(before);
  });

  test("that do not fit are refused with their place and origin", () => {
    using folder = configFolder({ "orcestator.yaml": file });
    const overlay: Overlay = [provider({ rpm: 0 }), { kind: "model", name: "a/b", fields: { targets: [] } }];
    expect(folder.fail({ env, overlay }).problems).toMatchObject([
      { path: "providers.groq.rpm", origin: "overlay" },
      { path: 'models["a/b"].targets', origin: "overlay" },
    ]);
  });
});

describe("changes that do not fit any more", () => {
  test("are left out, and what stands on them too, with a warning each", () => {
    using folder = configFolder({ "orcestator.yaml": file });
    const overlay = [provider({ type: "nonsense" }, "mine"), model("one", "mine"), model("two", "groq")];
    const { loaded, leftOut } = loadOverlaid((fitting) => folder.load({ env, overlay: fitting }), overlay);
    expect(leftOut.map(({ name }) => name).sort()).toEqual(["mine", "one"]);
    expect(Object.keys(loaded.config.models).sort()).toEqual(["b", "two"]);
    expect(loaded.warnings.join("\n")).toMatch(/providers\.mine\.type.*\n?.*models\.one\.targets/s);
  });

  test("hide no mistake of the file", () => {
    using folder = configFolder({ "orcestator.yaml": `${file}\nserver: { prot: 1 }` });
    const load = () => loadOverlaid((overlay) => folder.load({ env, overlay }), [provider({ rpm: 0 })]);
    expect(load).toThrow(/server\.prot/);
  });
});

describe("without any provider", () => {
  test("a gateway with a database and an admin starts, for they may be there; any other says what is missing", () => {
    using folder = configFolder();
    const { config, warnings } = folder.load({ env: { OR_DB_PATH: "x.db", AUTH_TOKEN: "admin-token-1" } });
    expect(Object.keys(config.providers)).toEqual([]);
    expect(warnings.join("\n")).toContain("POST /api/providers");
    for (const env of [{}, { OR_DB_PATH: "x.db" }, { AUTH_TOKEN: "admin-token-1" }])
      expect(folder.fail({ env }).message).toContain("OR_API_KEY is not set");
    expect(folder.load({ env: { OR_DB_PATH: "x.db" }, demo: true }).isDemo).toBe(true);
    using filed = configFolder({ "orcestator.yaml": 'storage: { url: "sqlite://x.db" }' });
    expect(filed.load({ env: {} }).warnings.join("\n")).toContain("POST /api/providers");
  });
});
