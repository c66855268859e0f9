import { describe, expect, test } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mergeDotenv } from "../../src/cli/init-files.ts";
import { configFolder, type ConfigFolder } from "../config/folder.ts";
import { commandOf } from "../support/gateway.ts";
import { runCli, type CliResult } from "./run-cli.ts";

const key = "sk-or-v1-good0123456789";

/** An upstream that knows one key and says what it was asked. */
function serveUpstream(): { url: string; asked: string[]; [Symbol.asyncDispose](): Promise<void> } {
  const asked: string[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      const { pathname } = new URL(request.url);
      asked.push(`${request.method} ${pathname}`);
      if (pathname === "/moved/key") return Response.redirect("http://127.0.0.1:1/stolen");
      if (request.headers.get("authorization") !== `Bearer ${key}`) return new Response("{}", { status: 401 });
      if (pathname === "/v1/key") return Response.json({ data: { label: "x", limit_remaining: 4.5 } });
      return pathname === "/v1/models" ? Response.json({ data: [] }) : new Response(null, { status: 404 });
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}/v1`,
    asked,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

function init(folder: ConfigFolder, ...args: string[]): Promise<CliResult> {
  return runCli(["init", ...args], { cwd: folder.path });
}

function read(folder: ConfigFolder, name: string): string {
  return readFileSync(join(folder.path, name), "utf8");
}

describe("without a terminal", () => {
  test("missing flags end with exit code 2 and their names", async () => {
    using folder = configFolder();
    const nothing = await init(folder);
    expect(nothing.exitCode).toBe(2);
    expect(nothing.stderr).toContain("--api-key is missing");
    const compatible = await init(folder, "--provider", "openai-compatible");
    expect(compatible.exitCode).toBe(2);
    expect(compatible.stderr).toContain("--base-url, --model are missing");
  });

  test("a tested key is written to .env for its owner only, and the gateway can start with it", async () => {
    await using upstream = serveUpstream();
    using folder = configFolder();
    const { stdout, stderr, exitCode } = await init(
      folder,
      "--api-key",
      key,
      "--base-url",
      upstream.url,
      "--model",
      "a/b",
    );
    expect(exitCode).toBe(0);
    expect(upstream.asked).toEqual(["GET /v1/key"]);
    expect(stderr).toMatch(/OpenRouter \(127\.0\.0\.1:\d+\) accepts the key\. It has \$4\.50 left\./);
    expect(stdout).toContain("orcestator serve");
    expect(stdout + stderr).not.toContain(key);
    expect(read(folder, ".env")).toBe(`OR_API_KEY=${key}\nOR_BASE_URL=${upstream.url}\nOR_DEFAULT_MODEL=a/b\n`);
    if (process.platform !== "win32") expect(statSync(join(folder.path, ".env")).mode & 0o777).toBe(0o600);
    expect(folder.load().config.models["orcestator"]?.targets).toMatchObject([
      { provider: "openrouter", model: "a/b" },
    ]);
  });

  test("a refused or untestable key writes nothing, unless --no-test", async () => {
    await using upstream = serveUpstream();
    using folder = configFolder();
    const refused = await init(folder, "--api-key", "sk-or-wrong", "--base-url", upstream.url);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toMatch(/OpenRouter \(127\.0\.0\.1:\d+\) refuses the key \(HTTP 401\)/);
    const second = await init(folder, "--api-key", `${key},sk-or-wrong`, "--base-url", upstream.url);
    expect(second.stderr).toMatch(/key 2 of 2: OpenRouter .* refuses the key/);
    const unreachable = await init(folder, "--api-key", key, "--base-url", "http://127.0.0.1:1/v1");
    expect(unreachable.exitCode).toBe(1);
    expect(unreachable.stderr).toContain("nothing listens there");
    const moved = await init(folder, "--api-key", key, "--base-url", upstream.url.replace("/v1", "/moved"));
    expect(moved.stderr).toContain("HTTP 302");
    expect(() => read(folder, ".env")).toThrow();
    const untested = await init(folder, "--api-key", key, "--base-url", "http://127.0.0.1:1/v1", "--no-test");
    expect(untested.exitCode).toBe(0);
    expect(read(folder, ".env")).toContain(`OR_API_KEY=${key}`);
  });

  test("another provider goes into orcestator.yaml and its key into .env", async () => {
    await using upstream = serveUpstream();
    using folder = configFolder();
    const args = [
      "--provider",
      "openai-compatible",
      "--base-url",
      upstream.url,
      "--api-key",
      key,
      "--model",
      "llama ${x}",
    ];
    const { exitCode } = await init(folder, ...args);
    expect(exitCode).toBe(0);
    expect(upstream.asked).toEqual(["GET /v1/models"]);
    expect(read(folder, "orcestator.yaml")).not.toContain(key);
    expect(read(folder, ".env")).toBe(`UPSTREAM_API_KEY=${key}\n`);
    const { config } = folder.load();
    expect(config.providers["upstream"]).toMatchObject({
      type: "openai-compatible",
      baseUrl: upstream.url,
      credentials: [{ key }],
      acceptsAnyModel: true,
    });
    expect(config.models["orcestator"]?.targets).toMatchObject([{ provider: "upstream", model: "llama ${x}" }]);
  });

  test("OR_BASE_URL, which the gateway will use, is where the key is tested", async () => {
    await using upstream = serveUpstream();
    using folder = configFolder();
    const options = { cwd: folder.path, env: { OR_BASE_URL: upstream.url } };
    const { exitCode, stderr } = await runCli(["init", "--api-key", key], options);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    expect(upstream.asked).toEqual(["GET /v1/key"]);
    expect(read(folder, ".env")).toContain(`OR_BASE_URL=${upstream.url}\n`);
  });

  test("what is called is named by its host, and may need no key", async () => {
    await using upstream = serveUpstream();
    using open = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => Response.json({ data: [] }) });
    using folder = configFolder();
    const common = ["--provider", "openai-compatible", "--model", "m"];
    const closed = await init(folder, ...common, "--base-url", upstream.url);
    expect(closed.stderr).toMatch(/error: 127\.0\.0\.1:\d+ wants a key \(HTTP 401\)/);
    const opened = await init(folder, ...common, "--base-url", `http://127.0.0.1:${open.port}/v1`);
    expect(opened.stderr).toContain(`127.0.0.1:${open.port} answers without a key.`);
  });

  test("a local server without a key needs no .env", async () => {
    using folder = configFolder();
    const args = [
      "--provider",
      "openai-compatible",
      "--base-url",
      "http://127.0.0.1:1/v1",
      "--model",
      "m",
      "--no-test",
    ];
    expect((await init(folder, ...args)).exitCode).toBe(0);
    expect(folder.load().config.providers["upstream"]?.credentials).toEqual([]);
    expect(() => read(folder, ".env")).toThrow();
  });

  test.each([
    ["openrouter", "yaml", "openrouter"],
    ["openai", "yaml", "openai"],
    ["openai", "env", "openrouter"],
  ])("%s as %s gives a configuration that loads", async (provider, format, name) => {
    using folder = configFolder();
    const { exitCode, stderr } = await init(
      folder,
      "--provider",
      provider,
      "--format",
      format,
      "--api-key",
      key,
      "--no-test",
    );
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const { config, warnings } = folder.load();
    expect(warnings).toEqual([]);
    expect(config.providers[name]?.credentials).toMatchObject([{ key }]);
    expect(config.providers[name]?.baseUrl).toStartWith(
      `https://${provider === "openai" ? "api.openai.com" : "openrouter.ai"}/`,
    );
  });

  test("nothing is overwritten without --force, and other lines of .env stay", async () => {
    const old = "# mine\r\nOTHER=1\r\nexport OR_API_KEY=sk-or-old\r\n\r\nLAST=2";
    using folder = configFolder({ ".env": old });
    const refused = await init(folder, "--api-key", key, "--no-test");
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain("sets OR_API_KEY to another value");
    expect(refused.stderr).not.toContain("sk-or-old");
    expect(read(folder, ".env")).toBe(old);
    expect((await init(folder, "--api-key", key, "--no-test", "--force")).exitCode).toBe(0);
    expect(read(folder, ".env")).toBe(
      `# mine\r\nOTHER=1\r\nOR_API_KEY=${key}\r\n\r\nLAST=2\r\nOR_DEFAULT_MODEL=openai/gpt-4o\r\n`,
    );
  });

  test("an existing configuration file of any format is in the way", async () => {
    using folder = configFolder({ "orcestator.toml": "" });
    const { exitCode, stderr } = await init(folder, "--provider", "openai", "--api-key", key, "--no-test");
    expect(exitCode).toBe(1);
    expect(stderr).toContain("orcestator.toml exists already");
  });

  test("a .env that cannot be read whole is not rewritten", async () => {
    using folder = configFolder();
    writeFileSync(join(folder.path, ".env"), Buffer.from([0x23, 0xcf, 0xf0, 0x0a]));
    const { exitCode, stderr } = await init(folder, "--api-key", key, "--no-test", "--force");
    expect(exitCode).toBe(1);
    expect(stderr).toContain("is not UTF-8 text");
  });

  test("a key with characters that no key has is refused before it is sent anywhere", async () => {
    using folder = configFolder();
    for (const bad of ["sk or", "sk-ключ", "sk\nx"]) {
      expect((await init(folder, "--api-key", bad)).exitCode).toBe(2);
    }
  });
});

test("merging .env keeps comments, order and spelling of everything else", () => {
  const merged = mergeDotenv("A=1\n#B=2\nB=2\nB=3\n\n", [
    ["B", "x y"],
    ["C", 'q"\\'],
  ]);
  expect(merged).toBe('A=1\n#B=2\nB="x y"\nC="q\\"\\\\"\n');
  expect(mergeDotenv("", [["A", "1"]])).toBe("A=1\n");
});

/** Types an answer whenever the screen shows the text it waits for. */
async function converse(
  cwd: string,
  steps: readonly (readonly [string, string])[],
): Promise<{ screen: string; exitCode: number }> {
  let screen = "";
  let shown = 0;
  const waiting = [...steps];
  const child = Bun.spawn({
    cmd: [...commandOf(), "init", "--base-url", steps[0]?.[0] ?? ""],
    cwd,
    env: { PATH: process.env["PATH"] ?? "", TERM: "xterm" },
    terminal: {
      cols: 120,
      data(terminal, bytes) {
        screen += Bun.stripANSI(new TextDecoder().decode(bytes));
        for (;;) {
          const [text, answer] = waiting[1] ?? [];
          const at = text === undefined ? -1 : screen.indexOf(text, shown);
          if (text === undefined || answer === undefined || at === -1) return;
          shown = at + text.length;
          waiting.splice(1, 1);
          terminal.write(answer);
        }
      },
    },
  });
  const timer = setTimeout(() => child.kill(), 8000);
  const exitCode = await child.exited;
  clearTimeout(timer);
  return { screen, exitCode };
}

describe.skipIf(process.platform === "win32")("at a terminal", () => {
  test("it asks for what the flags do not say, and writes after a successful test", async () => {
    await using upstream = serveUpstream();
    using folder = configFolder();
    const { screen, exitCode } = await converse(folder.path, [
      [upstream.url, ""],
      ["Where do your models come from?", "\r"],
      ["API key of OpenRouter", "\r"],
      ["the key is needed", ""],
      ["API key of OpenRouter", key],
      ["", "\r"],
      ["sk-or-…6789", ""],
      ["Upstream model behind the name", "vendor/model\r"],
      ["What shall be written?", "\r"],
    ]);
    expect(screen).toMatch(/OpenRouter \(127\.0\.0\.1:\d+\) accepts the key\./);
    expect(screen).not.toContain(key);
    expect(exitCode).toBe(0);
    expect(read(folder, ".env")).toBe(
      `OR_API_KEY=${key}\nOR_BASE_URL=${upstream.url}\nOR_DEFAULT_MODEL=vendor/model\n`,
    );
  });

  test("Ctrl+C writes nothing and says so", async () => {
    await using upstream = serveUpstream();
    using folder = configFolder();
    const { screen, exitCode } = await converse(folder.path, [
      [upstream.url, ""],
      ["Where do your models come from?", "\r"],
      ["API key of OpenRouter", "\u0003"],
    ]);
    expect(exitCode).toBe(1);
    expect(screen).toContain("cancelled; nothing was written");
    expect(() => read(folder, ".env")).toThrow();
  });
});
