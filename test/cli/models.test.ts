import { expect, test } from "bun:test";
import { formatModels } from "../../src/cli/models-format.ts";
import { createPalette } from "../../src/cli/output.ts";
import type { ModelInfo } from "../../src/routing/offered-models.ts";
import { configFolder } from "../config/folder.ts";
import { runCli } from "./run-cli.ts";

const list = {
  object: "list",
  data: [
    {
      id: "orcestator",
      object: "model",
      created: 1,
      owned_by: "orcestator",
      provider: "openrouter",
      upstream_model: "openai/gpt-4o",
      context_length: 128_000,
      max_output_tokens: 16_384,
      capabilities: { tools: true, vision: true, reasoning: false },
      pricing: { input_per_million_usd: 2.5, output_per_million_usd: 10 },
    },
    {
      id: "vendor/free\u001B[31m",
      object: "model",
      created: 1,
      owned_by: "vendor",
      provider: "openrouter",
      upstream_model: "vendor/free",
      context_length: 1_048_576,
      pricing: { input_per_million_usd: 0, output_per_million_usd: 0 },
    },
    { id: "local-llama", object: "model", created: 1, owned_by: "local", provider: "local", upstream_model: "llama" },
  ],
};

function serveModels(key?: string): Bun.Server<undefined> {
  return Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      if (new URL(request.url).pathname !== "/v1/models") return new Response("no", { status: 404 });
      const isAllowed = key === undefined || request.headers.get("authorization") === `Bearer ${key}`;
      return isAllowed ? Response.json(list) : Response.json({ error: { message: "key" } }, { status: 401 });
    },
  });
}

test("the table of a running gateway shows upstream, context, price and capabilities", async () => {
  using server = serveModels();
  using folder = configFolder();
  const { stdout, stderr, exitCode } = await runCli(["models"], {
    cwd: folder.path,
    env: { OR_PORT: String(server.port) },
  });
  expect(exitCode).toBe(0);
  expect(stdout.split("\n").map((line) => line.split(/ {2,}/))).toEqual([
    ["MODEL", "UPSTREAM", "CONTEXT", "MAX OUT", "IN/1M", "OUT/1M", "CAPABILITIES"],
    ["orcestator", "openrouter / openai/gpt-4o", "128k", "16k", "$2.5", "$10", "tools vision"],
    ["vendor/free", "openrouter / vendor/free", "1M", "free", "free"],
    ["local-llama", "local / llama"],
    [""],
  ]);
  expect(stderr).toBe("3 models\n");
});

test("eighty columns get two tables that fit, and names of any length are cut", () => {
  const colors = createPalette(false);
  const long = { ...list.data[0], id: "x".repeat(5000), upstream_model: "y".repeat(5000) } as ModelInfo;
  const models = [...(list.data as ModelInfo[]), long];
  const narrow = formatModels(models, { width: 80, colors });
  for (const line of narrow.split("\n")) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(80);
  const [upstreams = "", facts = ""] = narrow.split("\n\n");
  expect(upstreams).toMatch(/^orcestator +openrouter \/ openai\/gpt-4o$/m);
  expect(facts).toMatch(/^orcestator +128k +16k +\$2\.5 +\$10 +tools vision$/m);
  const wide = formatModels(models, { width: Number.POSITIVE_INFINITY, colors });
  expect(wide).toContain(`${"x".repeat(59)}…  openrouter / ${"y".repeat(46)}…  `);
  expect(wide).not.toContain("\n\n");
});

test("models are chosen by text and by provider, and --json prints them whole", async () => {
  using server = serveModels();
  using folder = configFolder();
  const url = `http://127.0.0.1:${server.port}`;
  const ids = async (...args: string[]): Promise<string[]> => {
    const { stdout } = await runCli(["models", ...args, "--url", url, "--json"], { cwd: folder.path });
    return (JSON.parse(stdout) as { id: string }[]).map(({ id }) => id);
  };
  expect(await ids("GPT")).toEqual(["orcestator"]);
  expect(await ids("--provider", "local")).toEqual(["local-llama"]);
  expect(await ids("llama", "--provider", "openrouter")).toEqual([]);
});

test("the key comes from the flag or from the gateway's own configuration", async () => {
  using server = serveModels("right-key");
  using folder = configFolder();
  const env = { OR_PORT: String(server.port) };
  const refused = await runCli(["models"], { cwd: folder.path, env });
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toContain("wants a key (HTTP 401); give one with --key or ORCH_INBOUND_API_KEYS");
  const byFlag = await runCli(["models", "--key", "right-key"], { cwd: folder.path, env });
  expect(byFlag.exitCode).toBe(0);
  const byEnvironment = await runCli(["models"], {
    cwd: folder.path,
    env: { ...env, ORCH_INBOUND_API_KEYS: "right-key,b" },
  });
  expect(byEnvironment.exitCode).toBe(0);
});

test("a URL that is given must answer as a gateway", async () => {
  using server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("<html>") });
  using folder = configFolder();
  const { stderr, exitCode } = await runCli(["models", "--url", `http://127.0.0.1:${server.port}`], {
    cwd: folder.path,
  });
  expect(exitCode).toBe(1);
  expect(stderr).toContain("gave no list of models (HTTP 200)");
});

test("when no gateway runs the configuration and the upstream's list are shown", async () => {
  using upstream = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) =>
      new URL(request.url).pathname === "/api/v1/models"
        ? Response.json({
            data: [
              {
                id: "openai/gpt-4o",
                created: 1,
                context_length: 128_000,
                pricing: { prompt: "0.0000025", completion: "0.00001" },
                supported_parameters: ["tools"],
              },
            ],
          })
        : new Response(null, { status: 404 }),
  });
  const port = upstream.port;
  using folder = configFolder();
  // Port 1 is reserved: nothing listens there.
  const env = { OR_API_KEY: "sk-or-x", OR_BASE_URL: `http://127.0.0.1:${port}/api/v1`, OR_PORT: "1" };
  const { stdout, stderr, exitCode } = await runCli(["models"], { cwd: folder.path, env });
  expect(exitCode).toBe(0);
  expect(stderr).toContain("No gateway answers at http://127.0.0.1:1");
  expect(stdout).toMatch(/^orcestator +openrouter \/ openai\/gpt-4o +128k +\$2\.5 +\$10 +tools$/m);
  expect(stdout).toMatch(/^openai\/gpt-4o +/m);
});
