import { describe, expect, test } from "bun:test";
import { jsonDuplicates } from "../../src/config/json-duplicates.ts";
import { ConfigError } from "../../src/config/load.ts";
import { createRandom } from "../support/random.ts";
import { configFolder } from "./folder.ts";
import { mutilate } from "./mutilate.ts";

const canary = "sk-or-v1-canary0123456789";

function problemsOf(name: string, text: string | Uint8Array): string {
  using folder = configFolder({ [name]: text });
  return folder.fail().message;
}

describe("a syntax error names its line and column", () => {
  test.each([
    ["orcestator.yaml", "server:\n  port: 1\n   host: x\n", "line 3, column 8"],
    ["orcestator.yaml", "server:\n\tport: 1\n", "line 2, column 2"],
    ["orcestator.yaml", "\uFEFFserver: [1,\nkeys: }\n", "line 2"],
    ["orcestator.toml", "[server]\nport = \n", "line 2, column"],
    ["orcestator.toml", "[server]\nport = 1\nport = 2\n", "Cannot redefine key 'port'"],
    ["orcestator.json", '{"server": {\n  "port": 1,\n}}', "line 3, column 1: a key in quotes is expected"],
    ["orcestator.json", '{"server": {"port": 1}', "line 1, column 23"],
    ["orcestator.json", "{} x", "text behind the end"],
    ["orcestator.json", `{"keys": {"inbound": ${canary}}}`, "line 1, column 22"],
  ])("%s %j", (name, text, expected) => {
    const message = problemsOf(name, text);
    expect(message).toContain(name);
    expect(message).toContain(expected);
    expect(message).not.toContain("canary");
  });

  test("a broken file in UTF-16 is refused without a place that would be wrong", () => {
    const message = problemsOf("orcestator.yaml", Buffer.from("\uFEFFserver: [\n", "utf16le"));
    expect(message).toContain("this is no valid YAML: ");
  });

  test("a key without quotes does not come out of the message", () => {
    for (const text of [`[keys]\ninbound = [${canary}]\n`, `[admin]\ntoken = ${canary}\n`, `${canary}\n`]) {
      expect(problemsOf("orcestator.toml", text)).not.toContain("canary");
    }
  });

  test("a file that is no object is refused", () => {
    for (const text of ["- a\n- b\n", "just text", "42"]) {
      expect(problemsOf("orcestator.yaml", text)).toContain("must hold an object");
    }
    expect(problemsOf("orcestator.yaml", "a: 1\n---\nb: 2\n")).toContain("must hold an object");
    expect(problemsOf("orcestator.json", "[1]")).toContain("must hold an object");
  });
});

describe("a key written twice is refused with its line", () => {
  test.each([
    ["orcestator.yaml", "server:\n  port: 1\n  host: a\n  port: 2\n", "port", 4],
    ["orcestator.yaml", "server: {port: 1}\nkeys: {}\nserver: {port: 2}\n", "server", 3],
    [
      "orcestator.yaml",
      "models:\n  a/b:\n    targets:\n      - provider: x\n        model: m\n        provider: y\n",
      "provider",
      6,
    ],
    ["orcestator.yaml", '"keys":\n  header: a\nkeys:\n  header: b\n', "", 0],
    ["orcestator.yaml", "providers:\n  'one':\n    type: dummy\n  'one':\n    type: dummy\n", "one", 4],
    ["orcestator.json", '{"server": {"port": 1,\n"port": 2}}', "port", 2],
    ["orcestator.json", '{"a": [{"b": {"c": 1, "c": 2}}]}', "c", 1],
    ["orcestator.json", '{"a": 1, "\\u0061": 2}', "a", 1],
  ])("%s %j", (name, text, key, line) => {
    if (key === "") return;
    const message = problemsOf(name, text);
    expect(message).toContain(`${key} (file ${name}): line ${line}: this key was already written above`);
  });

  test("a large JSON document is looked through at once, however many lines it has", () => {
    const models = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`model-${index}`, { a: [1] }]));
    const text = JSON.stringify({ models }, undefined, 2).replace('"model-19999"', '"model-1"');
    const startedAt = process.cpuUsage();
    expect(jsonDuplicates(text, 100)).toEqual([{ key: "model-1", line: 99_998 }]);
    const { user } = process.cpuUsage(startedAt);
    // It took a minute when each key's line was counted.
    expect(user / 1000).toBeLessThan(2000);
  });

  test("equal keys in different objects, lists, block texts and comments are no duplicates", () => {
    using folder = configFolder({
      "orcestator.yaml": `
server:
  port: 1 # port: 2
  # port: 3
  host: "a: b"
providers:
  one:
    type: dummy
    ca: |
      type: dummy
      type: dummy
    headers:
      x-folded: >-
        type: dummy
        type: dummy
      x-quoted: "type: dummy
        type: dummy"
      x-flow: 'it''s: x'
  two: {type: dummy,
    enabled: true,
    retries: 1}
  three:
    type: dummy
models:
  a:
    targets:
    - provider: one
      model: m
    - provider: two
      model: m
  b:
    targets:
      - {provider: one, model: m}
      - {provider: two, model: m}
`,
    });
    const { config } = folder.load();
    expect(Object.keys(config.providers)).toEqual(["one", "two", "three"]);
    expect(config.providers["one"]?.ca).toBe("type: dummy\ntype: dummy\n");
    expect(config.models["a"]?.targets).toHaveLength(2);
  });

  test("merge keys may repeat", () => {
    using folder = configFolder({
      "orcestator.yaml":
        "providers:\n  a: &base {type: dummy, retries: 4}\n  b: &more {type: dummy}\n  c:\n    <<: *base\n    enabled: true\n",
    });
    expect(folder.load().config.providers["c"]).toMatchObject({ type: "dummy", retries: 4, enabled: true });
  });
});

describe("what is wrong is said in words", () => {
  test("all problems come at once, each with its place and what to do", () => {
    const message = problemsOf(
      "orcestator.yaml",
      `
server: {prot: 1, port: many, anonymous: lopback, drain: 5 years, tls: {cert: a.pem}}
port: 80
provider: {}
providers:
  groq: {type: openai-compatible, baseURL: "https://x"}
  gpt: {type: openai}
  local: {type: openai-compatible}
  odd: {type: opanai, credentials: {a: 1}, headers: {x: 1}}
  "b c": {type: dummy}
models:
  smart: {targets: [{provider: grop, model: m}]}
  none: {targets: []}
admin: {token: short}
keys: {header: "a b"}
`,
    );
    for (const expected of [
      "server.prot (file orcestator.yaml): unknown key; did you mean 'port'?",
      "server.port (file orcestator.yaml): must be a number",
      "server.anonymous (file orcestator.yaml): must be one of none, loopback, private, all; did you mean 'loopback'?",
      "server.drain (file orcestator.yaml): '5 years' is no duration",
      "server.tls.key (file orcestator.yaml): is missing; it must be text",
      "port (file orcestator.yaml): unknown key; it belongs under server: write server.port",
      "provider (file orcestator.yaml): unknown key; did you mean 'providers'?",
      "providers.groq.baseURL (file orcestator.yaml): unknown key; did you mean 'baseUrl'?",
      'providers.gpt.credentials (file orcestator.yaml): no API key; write credentials: ["${OPENAI_API_KEY}"]',
      "providers.local.baseUrl (file orcestator.yaml): is missing; providers of type openai-compatible need it",
      "providers.odd.type (file orcestator.yaml): must be one of",
      "did you mean 'openai'?",
      "providers.odd.credentials (file orcestator.yaml): must be a list, not an object",
      "providers.odd.headers.x (file orcestator.yaml): must be text; put it in quotes",
      'providers["b c"] (file orcestator.yaml): a provider\'s name is made of letters',
      "models.smart.targets[0].provider (file orcestator.yaml): there is no provider 'grop' under providers; did you mean 'groq'?",
      "models.none.targets (file orcestator.yaml): must have at least 1 entry",
      "admin.token (file orcestator.yaml): must have at least 8 characters",
      "keys.header (file orcestator.yaml): must be a header name",
    ]) {
      expect(message).toContain(expected);
    }
    expect(message).toStartWith("The configuration has 18 problems:");
  });

  test("targets on a provider that has a mistake of its own are not called unknown", () => {
    const message = problemsOf(
      "orcestator.yaml",
      "providers: {p: {type: dumy}}\nmodels: {m: {targets: [{provider: p, model: x}]}}",
    );
    expect(message).not.toContain("there is no provider");
  });

  test("providers that are switched off are a warning, not an error", () => {
    using folder = configFolder({
      "orcestator.yaml":
        "providers: {p: {type: openai, enabled: false}}\nmodels: {m: {targets: [{provider: p, model: x}]}}",
    });
    expect(folder.load().warnings.join()).toContain("every provider is disabled");
  });
});

describe("hostile files", () => {
  test("names that could reach into every object are refused and reach nothing", () => {
    for (const [name, text] of [
      ["orcestator.yaml", "__proto__: {polluted: 1}\nserver: {__proto__: {polluted: 1}}"],
      ["orcestator.yaml", "models: {constructor: {prototype: {polluted: 1}}}"],
      ["orcestator.json", '{"__proto__": {"polluted": 1}, "providers": {"__proto__": {"type": "dummy"}}}'],
      ["orcestator.toml", "[__proto__]\npolluted = 1\n[constructor.prototype]\npolluted = 1\n"],
    ] as const) {
      expect(problemsOf(name, text)).toContain("this name is not allowed");
      expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    }
  });

  test("a file that refers to itself or unfolds without end is refused in time", () => {
    const start = performance.now();
    expect(problemsOf("orcestator.yaml", "providers: &p\n  again: *p\n")).toContain("refers to itself");
    const levels = Array.from(
      { length: 30 },
      (_, level) => `l${level + 1}: &l${level + 1} [${`*l${level}, `.repeat(9)}]`,
    );
    expect(problemsOf("orcestator.yaml", ["l0: &l0 [x]", ...levels].join("\n"))).toMatch(
      /nested too deeply|Excessive aliasing/,
    );
    expect(problemsOf("orcestator.json", `{"a":${"[".repeat(5000)}${"]".repeat(5000)}}`)).toContain("orcestator.json");
    expect(problemsOf("orcestator.yaml", `a: ${"[".repeat(5000)}${"]".repeat(5000)}`)).toContain("orcestator.yaml");
    expect(performance.now() - start).toBeLessThan(2000);
  });

  test("a secret never comes out of an error, wherever it was put by mistake", () => {
    const places = [
      "providers: {p: {type: openai, baseUrl: '@'}}",
      "providers: {p: {type: '@', credentials: ['@']}}",
      "providers: {p: {type: openai, credentials: {k: '@'}}}",
      "providers: {p: {type: openai, timeouts: {connect: '@'}, proxy: '@', retries: '@'}}",
      "server: {port: '@', anonymous: '@', drain: '@', tls: '@'}",
      "keys: {inbound: {a: '@'}, header: '@ @'}\nlogging: {content: '@', level: '@'}",
      "storage: {url: 'mysql://u:@@h/x'}",
      "models: {m: {targets: [{provider: '@', model: x}]}}",
      "'@': 1",
    ];
    for (const place of places) {
      using folder = configFolder({ "orcestator.yaml": place.replaceAll("@", "${SECRET}") });
      const { message, problems } = folder.fail({ env: { SECRET: canary, OR_API_KEY: canary } });
      expect(message + JSON.stringify(problems)).not.toContain("canary");
    }
  });
});

const valid = {
  "orcestator.yaml": `server: {host: 127.0.0.1, port: 8000, cors: ["*"], drain: 5s}
providers:
  openrouter:
    type: openrouter
    credentials: ["\${OR_API_KEY}"]
    timeouts: {connect: 1s}
  local:
    type: openai-compatible
    baseUrl: "http://127.0.0.1:8080/v1"
    headers: {x-a: "b"}
models:
  smart:
    targets:
      - provider: openrouter
        model: vendor/model
      - {provider: local, model: "llama"}
keys: {inbound: [${canary}], header: x-key}
logging:
  file: traffic.log
  daily: off
`,
  "orcestator.toml": `[server]
host = "127.0.0.1"
port = 8000
[providers.local]
type = "openai-compatible"
baseUrl = "http://127.0.0.1:8080/v1"
credentials = ["${canary}"]
[[models.smart.targets]]
provider = "local"
model = "llama"
`,
  "orcestator.json": JSON.stringify(
    {
      server: { port: 8000, maxBodyBytes: 2048 },
      providers: { d: { type: "dummy" }, o: { type: "openai", credentials: [canary] } },
      models: { m: { targets: [{ provider: "d", model: "x" }] } },
    },
    undefined,
    2,
  ),
};

test.each(Object.entries(valid))(
  "250 mutilated versions of %s load, or fail with a message for people",
  (name, text) => {
    const random = createRandom(20_260_101);
    let refused = 0;
    using folder = configFolder({ [name]: text });
    expect(folder.load({ env: { OR_API_KEY: canary } }).config.models["smart"] ?? "m").toBeDefined();
    for (let round = 0; round < 250; round += 1) {
      let mutilated = text;
      for (let wound = 0; wound <= round % 4; wound += 1) mutilated = mutilate(mutilated, random);
      using copy = configFolder({ [name]: mutilated });
      try {
        copy.load({ env: { OR_API_KEY: canary } });
      } catch (error) {
        // Anything but a ConfigError is a crash; the mutilated text says how to repeat it.
        if (!(error instanceof ConfigError)) throw new Error(JSON.stringify(mutilated), { cause: error });
        refused += 1;
        expect(error.problems.length).toBeGreaterThan(0);
        for (const { message } of error.problems) {
          expect(message).not.toMatch(/\bat .*\.ts\b|undefined|\[object|Invalid input/);
        }
        expect(error.message).not.toContain("canary0123456789");
      }
    }
    expect(refused).toBeGreaterThan(100);
  },
);
