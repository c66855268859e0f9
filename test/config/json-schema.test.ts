import { expect, test } from "bun:test";
import { configJsonSchema, isDuration, knownKeys } from "../../src/config/json-schema.ts";
import { isPlainObject, pathText, type ConfigPath } from "../../src/config/path.ts";

function properties(node: unknown, path: ConfigPath = []): { path: ConfigPath; node: Record<string, unknown> }[] {
  if (!isPlainObject(node)) return [];
  const own = Object.entries(isPlainObject(node["properties"]) ? node["properties"] : {});
  return [
    ...own.flatMap(([key, child]) => {
      const below = properties(child, [...path, key]);
      return isPlainObject(child) ? [{ path: [...path, key], node: child }, ...below] : below;
    }),
    ...properties(node["additionalProperties"], [...path, "*"]),
    ...properties(node["items"], [...path, 0]),
    ...(Array.isArray(node["anyOf"]) ? node["anyOf"] : []).flatMap((form) => properties(form, path)),
  ];
}

function patternOf({ node }: { node: Record<string, unknown> }): RegExp | undefined {
  return typeof node["pattern"] === "string" ? new RegExp(node["pattern"], "u") : undefined;
}

test("every setting of the file is described, and sections describe what is in them", () => {
  const found = properties(configJsonSchema());
  expect(found.length).toBeGreaterThan(40);
  const silent = found.filter(({ node }) => node["description"] === undefined && node["properties"] === undefined);
  // The two halves of server.tls are what its own description says, and sections are named by their keys.
  const allowed = ["server.tls.cert", "server.tls.key", "providers"];
  expect(silent.map(({ path }) => pathText(path)).filter((path) => !allowed.includes(path))).toEqual([]);
});

test("unknown keys are forbidden, and text is allowed where a variable may stand", () => {
  const schema = JSON.parse(JSON.stringify(configJsonSchema()));
  expect(schema.additionalProperties).toBe(false);
  expect(schema.properties.server.additionalProperties).toBe(false);
  const { port, cors } = schema.properties.server.properties;
  expect(port.type).toEqual(["integer", "string"]);
  expect(["8000", "${PORT}", "${PORT:-1}"].every((text) => new RegExp(port.pattern, "u").test(text))).toBe(true);
  expect(new RegExp(port.pattern, "u").test("many")).toBe(false);
  expect(cors.type).toEqual(["array", "string"]);
  const names = new RegExp(schema.properties.providers.propertyNames.pattern, "u");
  expect(names.test("Groq.2")).toBe(true);
  expect(names.test("a b")).toBe(false);
});

test("every number and every switch may be a variable or a text that says one, and nothing else", () => {
  const found = properties(configJsonSchema());
  const typed = (type: string): typeof found =>
    found.filter(({ path, node }) => [node["type"]].flat().includes(type) && !isDuration(path));
  expect(typed("integer").length).toBeGreaterThan(20);
  for (const [type, texts, wrong] of [
    ["integer", ["8", "${N}", "${N:-1}"], ["many", "", "1.5", "8 "]],
    ["number", ["8", "0.25", "${N:-0.5}"], ["many", "", "1."]],
    ["boolean", ["true", "off", "1", "${ON:-yes}"], ["maybe", ""]],
  ] as const) {
    const nodes = typed(type);
    expect(nodes.length).toBeGreaterThan(4);
    for (const each of nodes) {
      expect([pathText(each.path), each.node["type"]]).toEqual([pathText(each.path), [type, "string"]]);
      expect(texts.filter((text) => patternOf(each)?.test(text) !== true)).toEqual([]);
      expect(wrong.filter((text) => patternOf(each)?.test(text) !== false)).toEqual([]);
    }
  }
  const priority = found.find(({ path }) => pathText(path) === 'providers["*"].priority');
  expect(priority && patternOf(priority)?.test("-1")).toBe(true);
});

test("a credential is a text or an object of known keys", () => {
  const schema = JSON.parse(JSON.stringify(configJsonSchema()));
  const { credentials } = schema.properties.providers.additionalProperties.properties;
  expect(credentials.type).toEqual(["array", "string"]);
  expect(credentials.items.anyOf).toMatchObject([
    { type: "string" },
    { type: "object", required: ["key"], additionalProperties: false },
  ]);
  expect(knownKeys(["providers", "p", "credentials", 0])).toEqual([
    "key",
    "weight",
    "enabled",
    "rpm",
    "tpm",
    "concurrency",
  ]);
});

test("known keys and durations are found by path", () => {
  expect(knownKeys([])).toContain("providers");
  expect(knownKeys(["providers", "anything"])).toContain("baseUrl");
  expect(knownKeys(["models", "constructor", "targets", 0])).toEqual(expect.arrayContaining(["provider", "model"]));
  expect(knownKeys(["server", "port", "deeper"])).toEqual([]);
  expect(isDuration(["server", "drain"])).toBe(true);
  expect(isDuration(["providers", "p", "timeouts", "idle"])).toBe(true);
  expect(isDuration(["models", "m", "hedgeAfter"])).toBe(true);
  expect(isDuration(["server", "port"])).toBe(false);
  expect(isDuration(["models", "m", "targets", 0, "weight"])).toBe(false);
  expect(isDuration(["failover", "retryShare"])).toBe(false);
});
