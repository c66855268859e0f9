import { afterAll, describe, expect, test } from "bun:test";
import { eventsOf, postChat } from "../support/chat.ts";
import { createFakeUpstream } from "../support/fake-upstream.ts";
import { runCommand, startGateway, type Gateway } from "../support/gateway.ts";
import { until } from "../support/e2e.ts";
import { deltaChunk, event } from "../support/chat-chunks.ts";
import { okStream, streamOf } from "../support/replies.ts";

const upstream = await createFakeUpstream();
afterAll(() => upstream.close());

const env = { OR_BASE_URL: upstream.url };
const words = (count: number) => Array.from({ length: count }, (_, index) => `${index} `);

/** Starts a stream of about 100 ms a word and waits until it runs. */
async function startStream(gateway: Gateway, model: string, count: number): Promise<Response> {
  upstream.set(model, okStream({ content: words(count), paceMs: 100, comments: 0 }));
  return postChat(gateway, { model, stream: true });
}
const refuses = (gateway: Gateway) =>
  fetch(`${gateway.origin}/health`, { headers: { connection: "close" } }).then(
    () => false,
    () => true,
  );
const readiness = async (gateway: Gateway) => (await fetch(`${gateway.origin}/health/ready`)).status;

describe("a stop signal", () => {
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    test(`${name}: the running stream ends well, new connections are refused, exit code 0`, async () => {
      await using gateway = await startGateway({ env });
      const response = await startStream(gateway, `vendor/${name}`, 8);
      gateway.signal(name);
      await until(() => refuses(gateway), "new connections are refused");
      const events = eventsOf(await response.text());
      expect(events.at(-1)).toBe("[DONE]");
      expect(JSON.stringify(events)).toContain(`"7 "`);
      expect(await gateway.exited).toBe(0);
      const lines = await gateway.trafficLines(1);
      expect(lines).toHaveLength(1);
      expect(lines[0]?.assistant).toContain("0 1 2 3");
    });
  }

  test("--drain-delay: not ready at once, but still serving until it is over", async () => {
    await using gateway = await startGateway({ env, args: ["--drain-delay", "600ms"] });
    expect(await readiness(gateway)).toBe(200);
    const startedAt = performance.now();
    gateway.signal("SIGTERM");
    await until(async () => (await readiness(gateway)) === 503, "not ready");
    expect(performance.now() - startedAt).toBeLessThan(300);
    expect((await fetch(`${gateway.origin}/health/live`)).status).toBe(200);
    const response = await postChat(gateway, { model: "vendor/late" });
    expect(response.status).toBe(200);
    await response.text();
    expect(await gateway.exited).toBe(0);
    expect(performance.now() - startedAt).toBeGreaterThan(550);
    expect(performance.now() - startedAt).toBeLessThan(2500);
  });

  test("--drain: a stream that takes longer is ended in the error form, and recorded", async () => {
    await using gateway = await startGateway({ env, args: ["--drain", "300ms"] });
    const response = await startStream(gateway, "vendor/too-long", 100);
    const reading = response.text();
    const startedAt = performance.now();
    gateway.signal("SIGTERM");
    const text = await reading.catch((error: unknown) => `cut: ${String(error)}`);
    expect(performance.now() - startedAt).toBeLessThan(1500);
    expect(text).toContain(`"finish_reason":"error"`);
    expect(text).toEndWith("data: [DONE]\n\n");
    await gateway.exited;
    const [line] = await gateway.trafficLines(1);
    expect(line?.assistant).toMatch(/^\[5\d\d /);
  });

  test("a second signal ends it now", async () => {
    await using gateway = await startGateway({ env });
    const response = await startStream(gateway, "vendor/second", 100);
    const reading = response.text().catch(() => "cut");
    gateway.signal("SIGTERM");
    await until(() => refuses(gateway), "new connections are refused");
    const startedAt = performance.now();
    gateway.signal("SIGTERM");
    await gateway.exited;
    expect(performance.now() - startedAt).toBeLessThan(1000);
    await reading;
  });

  test("an idle gateway ends at once, also with idle kept-alive connections", async () => {
    await using gateway = await startGateway({ env });
    await (await postChat(gateway, { model: "vendor/a" })).text();
    const startedAt = performance.now();
    gateway.signal("SIGTERM");
    expect(await gateway.exited).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });
});

describe("what keeps it from starting", () => {
  test("no OR_API_KEY: says what to do, exit code not 0", async () => {
    for (const value of [undefined, "", " ", ","]) {
      const { exitCode, stderr, stdout } = await runCommand(["serve", "--port", "0"], { OR_API_KEY: value });
      expect(exitCode).not.toBe(0);
      expect(stderr + stdout).toContain("OR_API_KEY");
      expect(stderr + stdout).toContain("--demo");
      expect(stderr + stdout).not.toMatch(/\n\s+at /);
    }
  });

  test("a busy port: names it, exit code not 0", async () => {
    await using gateway = await startGateway({ env });
    const args = ["serve", "--host", "127.0.0.1", "--port", String(gateway.port), "--metrics-port", "0"];
    const { exitCode, stderr, stdout } = await runCommand(args, env);
    expect(exitCode).not.toBe(0);
    expect(stderr + stdout).toContain(String(gateway.port));
    expect(stderr + stdout).toMatch(/in use|busy|taken/i);
    expect(stderr + stdout).not.toMatch(/\n\s+at /);
  });

  test("a busy metrics port is a warning only", async () => {
    const blocker = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
    await using gateway = await startGateway({ env, args: ["--metrics-port", String(blocker.port)] });
    await gateway.waitForOutput(new RegExp(`${blocker.port}`));
    expect((await postChat(gateway, { model: "vendor/a" })).status).toBe(200);
    await blocker.stop(true);
  });

  test("a broken configuration: says where, exit code not 0", async () => {
    const broken = [
      "server: {prot: 80}",
      "server: {drain: sometime}",
      "providers: {a: {type: nonsense}}",
      "server: [",
      "models: {a: {targets: [{provider: none, model: x}]}}",
    ];
    // Together: each is a process that has to start.
    const failures = broken.map((text) =>
      startGateway({ env, configText: text }).then(
        (gateway) => gateway.stop().then(() => "started"),
        (error: unknown) => String(error),
      ),
    );
    for (const failure of await Promise.all(failures)) {
      expect(failure).toContain("the process ended");
      expect(failure).toContain("orcestator.yaml");
      expect(failure).not.toMatch(/\n\s+at \w+ \(/);
    }
  });
});

test("serve says what is served where", async () => {
  await using gateway = await startGateway({ env });
  const output = gateway.stdout() + gateway.stderr();
  expect(output).toContain(`${gateway.origin}/v1`);
  expect(output).toMatch(/\/swagger|\/docs/);
  expect(output).toContain(upstream.url);
  expect(output).not.toContain("sk-or-test");
});

test("a stream in flight when the upstream goes away ends in the error form", async () => {
  const other = await createFakeUpstream();
  await using gateway = await startGateway({ env: { OR_BASE_URL: other.url } });
  other.set(
    "vendor/a",
    streamOf((model) => [event(deltaChunk(model, { content: "Partial" }))], { ending: "hang" }),
  );
  const response = await postChat(gateway, { model: "vendor/a", stream: true });
  await other.close();
  expect(await response.text()).toContain(`"finish_reason":"error"`);
});
