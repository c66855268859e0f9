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
  ];
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

test("known keys and durations are found by path", () => {
  expect(knownKeys([])).toContain("providers");
  expect(knownKeys(["providers", "anything"])).toContain("baseUrl");
  expect(knownKeys(["models", "constructor", "targets", 0])).toEqual(expect.arrayContaining(["provider", "model"]));
  expect(knownKeys(["server", "port", "deeper"])).toEqual([]);
  expect(isDuration(["server", "drain"])).toBe(true);
  expect(isDuration(["providers", "p", "timeouts", "idle"])).toBe(true);
  expect(isDuration(["server", "port"])).toBe(false);
});
