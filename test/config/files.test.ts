import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, loadConfig } from "../../src/config/load.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const text = `
server: {tls: {cert: cert.pem, key: key.pem}}
providers: {local: {type: openai-compatible, baseUrl: "http://127.0.0.1:1/v1", ca: ca.pem}}
models: {m: {targets: [{provider: local, model: x}]}}
`;

function pathsOf(cwd: string): string[] {
  try {
    loadConfig({ cwd, env: {}, needsFiles: true });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ path }) => path);
    throw error;
  }
}

test("certificate files that cannot be read are found before a start", () => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, "orcestator.yaml"), text);
  expect(pathsOf(folder.path)).toEqual(["server.tls.cert", "server.tls.key", "providers.local.ca"]);
  for (const file of ["cert.pem", "key.pem", "ca.pem"]) writeFileSync(join(folder.path, file), "PEM");
  expect(pathsOf(folder.path)).toEqual([]);
});
