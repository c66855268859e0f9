import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createUpstream } from "../../src/routing/upstream.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { configured, openaiCompatibleAt } from "./configured.ts";
import { createScene } from "./health/scene.ts";

function upstreamWith(fields: object) {
  const config = configured({ providers: { p: openaiCompatibleAt("http://host.test/v1/", fields) } }).providers["p"];
  if (config === undefined) throw new Error("no provider");
  return createUpstream("p", config, createScene().registry);
}

test("an upstream has its provider, its credentials and its configuration", () => {
  const upstream = upstreamWith({ credentials: ["a", "b"] });
  expect(upstream.provider.id).toBe("openai-compatible");
  expect(upstream.config.baseUrl).toBe("http://host.test/v1");
  expect(upstream.credentials.inTurn("m").map(({ key }) => key)).toEqual(["a", "b"]);
  expect(upstream.ca).toBeUndefined();
});

test("an upstream has a scope where its provider has limits", () => {
  expect(upstreamWith({}).scope).toBeUndefined();
  expect(upstreamWith({ concurrency: 1, tpm: 1000 }).scope).toEqual({
    kind: "provider",
    id: "p",
    limits: { rpm: undefined, tpm: 1000, concurrency: 1 },
  });
});

test("an upstream's certificate authorities are read when it is made", () => {
  using folder = temporaryFolder();
  const file = join(folder.path, "ca.pem");
  writeFileSync(file, "PEM TEXT");
  expect(upstreamWith({ ca: file }).ca).toBe("PEM TEXT");
  expect(() => upstreamWith({ ca: join(folder.path, "missing.pem") })).toThrow("missing.pem");
});
