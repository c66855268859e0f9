import { expect, test } from "bun:test";
import { createPalette } from "../../src/cli/output.ts";
import { formatProvider, formatProviders } from "../../src/cli/providers-format.ts";
import { viewJson } from "../../src/telemetry/request-view.ts";
import {
  allProvidersHealthSchema,
  providerHealthSchema,
  type ProviderHealth,
} from "../../src/routing/health/view-schema.ts";
import { configFolder } from "../config/folder.ts";
import { adminToken, createTroubled, serveProviderHealth } from "../support/provider-health.ts";
import { type CliResult, runCli } from "./run-cli.ts";

const colors = createPalette(false);

function troubled(): ProviderHealth[] {
  const json: unknown = JSON.parse(viewJson({ providers: createTroubled().views() }));
  return allProvidersHealthSchema.parse(json).providers;
}

async function run(
  args: readonly string[],
  env: Record<string, string> = { AUTH_TOKEN: adminToken },
): Promise<CliResult> {
  const registry = createTroubled();
  using server = serveProviderHealth(() => registry.views());
  using folder = configFolder();
  const url = `http://127.0.0.1:${server.port}`;
  return await runCli(["providers", "--url", url, ...args], { cwd: folder.path, env });
}

test("every provider gets a line with what is wrong with it", async () => {
  const { stdout, exitCode } = await run([]);
  expect(exitCode).toBe(0);
  expect(stdout.split("\n").map((line) => line.split(/ {2,}/))).toEqual([
    ["PROVIDER", "STATUS", "TARGETS", "CIRCUIT", "ERRORS", "LATENCY", "CREDENTIALS", "REASON"],
    ["good", "healthy", "1", "closed", "0/1", "820ms", "1 ok"],
    [
      "down",
      "degraded",
      "2",
      "1 of 2 open",
      "5/5",
      "-",
      "1 ok",
      "model-b: 5 errors in a row, the last: The upstream down.test refused the connection.",
    ],
    [
      "poor",
      "degraded",
      "0",
      "closed",
      "-",
      "-",
      "1 of 3 disabled, 1 of 3 cooling",
      "#1 …a1b2: Incorrect API key provided: [credential]",
    ],
    [""],
  ]);
});

test("one provider is shown with its models and its credentials", () => {
  const [, down, poor] = troubled();
  if (down === undefined || poor === undefined) throw new Error("no provider");
  const layout = { width: Infinity, colors, now: 1_700_000_000_000 };
  const lines = (provider: ProviderHealth): string[][] =>
    formatProvider(provider, layout)
      .text.split("\n")
      .map((line) => line.split(/ {2,}/));
  expect(lines(down).slice(0, 3)).toEqual([
    ["MODEL", "STATUS", "CIRCUIT", "ERRORS", "AT WORK", "LATENCY", "REASON"],
    [
      "model-b",
      "unhealthy",
      "open for 5.00s",
      "5/5",
      "0",
      "-",
      "5 errors in a row, the last: The upstream down.test refused the connection.",
    ],
    ["model-c", "healthy", "closed", "-", "0", "-"],
  ]);
  expect(lines(poor)).toEqual([
    ["CREDENTIAL", "STATUS", "STATE", "ERRORS", "AT WORK", "REASON"],
    ["#1 …a1b2", "unhealthy", "disabled for 1h00m", "1/1", "0", "Incorrect API key provided: [credential]"],
    ["#2 …c3d4", "degraded", "cooling for 90.0s (m)", "1/1", "0", "429 for m until 2023-11-14T22:14:50Z: Slow down."],
    ["#3 …e5f6", "healthy", "ok", "-", "0"],
  ]);
});

test("a refused credential whose time is over is no longer called disabled", () => {
  const poor = troubled()[2];
  if (poor === undefined) throw new Error("no provider");
  const credentials = poor.credentials.map((one) => ({ ...one, circuit: "half_open" as const }));
  const { text } = formatProvider({ ...poor, credentials }, { width: Infinity, colors, now: 0 });
  expect(text).toMatch(/^#1 …a1b2 .* to be tried again /m);
});

test("a model that is forbidden is called blocked, whatever else cools", () => {
  const registry = createTroubled();
  const poor = registry.views().find(({ provider }) => provider === "poor");
  const credential = poor?.credentials[1];
  if (poor === undefined || credential === undefined) throw new Error("no provider");
  const { coolingUntil } = credential;
  const now = 1_700_000_000_000;
  const one = { ...credential, coolingUntil: { ...coolingUntil, forb: now + 60_000 }, refusedModels: ["forb"] };
  const provider = providerHealthSchema.parse(JSON.parse(viewJson({ ...poor, credentials: [one, credential] })));
  const layout = { width: Infinity, colors, now };
  expect(formatProvider(provider, layout).text).toMatch(/^#2 …c3d4 +degraded +blocked for 60.0s \(forb\) /m);
  expect(formatProviders([provider], layout)).toContain("1 of 2 blocked, 1 of 2 cooling");
});

test("a probe is told below a provider", () => {
  const [good] = troubled();
  if (good === undefined) throw new Error("no provider");
  const layout = { width: Infinity, colors, now: 1_700_000_060_000 };
  const noteOf = (probe: ProviderHealth["probe"]): string => formatProvider({ ...good, probe }, layout).note;
  expect(noteOf(null)).toBe("Its list of models has not been asked for yet (health.probes).");
  expect(noteOf({ at: 1_700_000_000_000, ok: true, ms: 120 })).toBe(
    "Probed 60.0s ago: its list of models came after 120ms",
  );
  expect(noteOf({ at: 1_700_000_000_000, ok: false, ms: 1, message: "Nobody there." })).toBe(
    "Probed 60.0s ago: Nobody there.",
  );
});

test("eighty columns are enough, whatever names and reasons there are", () => {
  const long = troubled().map((provider) => ({
    ...provider,
    provider: `${provider.provider}-${"x".repeat(200)}`,
    targets: provider.targets.map((target) => ({
      ...target,
      model: `vendor/${target.model}-${"z".repeat(200)}`,
      reason: "y\u001b[31m".repeat(100),
    })),
    credentials: provider.credentials.map((one) => ({ ...one, coolingUntil: { ["m".repeat(200)]: 1e13 } })),
  }));
  const layout = { width: 80, colors, now: 1_700_000_000_000 };
  const texts = [formatProviders(long, layout), ...long.map((provider) => formatProvider(provider, layout).text)];
  for (const line of texts.join("\n").split("\n")) {
    expect(Bun.stringWidth(line)).toBeLessThanOrEqual(80);
    expect(line).not.toContain("\u001b");
  }
  expect(texts[0]).toMatch(/^PROVIDER +REASON$/m);
});

test("--json prints what the gateway told, of all or of one", async () => {
  const all = await run(["--json"]);
  expect(JSON.parse(all.stdout)).toMatchObject({ providers: [{ provider: "good" }, {}, {}] });
  const one = await run(["poor", "--json"]);
  expect(JSON.parse(one.stdout)).toMatchObject({ provider: "poor", credentials: [{ label: "#1 …a1b2" }, {}, {}] });
});

test("a name that is none says which there are", async () => {
  const { stderr, exitCode } = await run(["pooor"]);
  expect([exitCode, stderr]).toEqual([
    1,
    expect.stringContaining("there is no provider pooor; there are good, down, poor"),
  ]);
});

test("without a token nothing is asked, and it is said where to get one", async () => {
  const { stderr, exitCode } = await run([], {});
  expect([exitCode, stderr]).toEqual([
    1,
    expect.stringMatching(
      /pass the gateway's admin token with --token, or set AUTH_TOKEN.*; the accessToken of a login/,
    ),
  ]);
});

test("a token that is not accepted is not shown", async () => {
  const { stderr, exitCode } = await run(["--token", "wrong-token"]);
  expect(exitCode).toBe(1);
  expect(stderr).toContain("does not accept this admin token (HTTP 401): This needs the admin token");
  expect(stderr).not.toContain("wrong-token");
});

test("a gateway that has no admin token says so", async () => {
  using server = serveProviderHealth(() => [], []);
  using folder = configFolder();
  const env = { AUTH_TOKEN: adminToken, OR_PORT: String(server.port) };
  const { stderr, exitCode } = await runCli(["providers"], { cwd: folder.path, env });
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining("none is set")]);
});

test("the configured gateway is asked with the configured token", async () => {
  const registry = createTroubled();
  using server = serveProviderHealth(() => registry.views());
  const config = `server: {port: ${server.port}}\nadmin: {token: ${adminToken}}\n`;
  using folder = configFolder({ "orcestator.yaml": config });
  const here = await runCli(["providers"], { cwd: folder.path });
  expect([here.exitCode, here.stdout]).toEqual([0, expect.stringContaining("model-b")]);
  const elsewhere = await runCli(["providers", "--url", `http://127.0.0.1:${server.port}`], { cwd: folder.path });
  expect([elsewhere.exitCode, elsewhere.stderr]).toEqual([1, expect.stringContaining("--token")]);
});

test("nobody there, and somebody else there, are told apart", async () => {
  using folder = configFolder();
  const env = { AUTH_TOKEN: adminToken };
  const nobody = await runCli(["providers", "--url", "http://127.0.0.1:1"], { cwd: folder.path, env });
  expect([nobody.exitCode, nobody.stderr]).toEqual([
    1,
    expect.stringContaining(
      "http://127.0.0.1:1 cannot be reached: nothing listens there; is the gateway running there?",
    ),
  ]);
  using server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("<html>") });
  const other = await runCli(["providers", "--url", `http://127.0.0.1:${server.port}`], { cwd: folder.path, env });
  expect([other.exitCode, other.stderr]).toEqual([1, expect.stringContaining("tells nothing of providers (HTTP 200)")]);
});

test("a gateway without providers says so", async () => {
  using server = serveProviderHealth(() => []);
  using folder = configFolder();
  const env = { AUTH_TOKEN: adminToken };
  const { stdout } = await runCli(["providers", "--url", `http://127.0.0.1:${server.port}`], { cwd: folder.path, env });
  expect(stdout).toBe("No provider is in use.\n");
});
