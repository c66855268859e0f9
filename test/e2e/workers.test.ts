import { Database } from "bun:sqlite";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { inParallel, until } from "../support/e2e.ts";
import { freePort } from "../support/database-servers.ts";
import { runCommand } from "../support/gateway.ts";
import { startRedisServer } from "../support/redis-server.ts";
import { okJson, okStream } from "../support/replies.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import {
  admin,
  adminToken,
  ask,
  childrenOf,
  enough,
  isAlive,
  metricsOf,
  startWorkers,
  waitForReplacements,
} from "../support/worker-rig.ts";

// Three processes start, on a machine that may be busy.
setDefaultTimeout(60_000);

const isLinux = process.platform === "linux";

describe.skipIf(!isLinux)("several workers", () => {
  test("are one gateway to whoever asks for its numbers and requests", async () => {
    await using rig = await startWorkers();
    const { gateway } = rig;
    const statuses: number[] = [];
    await inParallel(enough, 8, async () => void statuses.push((await ask(gateway, {})).status));
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(childrenOf(gateway.pid)).toHaveLength(2);

    // Any worker answers, with the numbers of all.
    for (let count = 0; count < 6; count += 1) {
      const value = await metricsOf(`${gateway.origin}/metrics`);
      expect(value("orcestator_requests_total")).toBe(enough);
      expect(value("orcestator_request_latency_seconds_count")).toBe(enough);
      expect(value("orcestator_active_requests")).toBe(0);
    }
    const list = await fetch(`${gateway.origin}/api/requests?limit=500`, { headers: admin, keepalive: false });
    const { data } = (await list.json()) as { data: { id: string }[] };
    expect(new Set(data.map(({ id }) => id)).size).toBe(enough);
    for (const { id } of data.slice(0, 6)) {
      const one = await fetch(`${gateway.origin}/api/requests/${id}`, { headers: admin, keepalive: false });
      expect(await one.json()).toMatchObject({ id });
    }
    expect(await gateway.trafficLines(enough)).toHaveLength(enough);
  });

  test("count failed logins together: two of them give no more tries than one", async () => {
    const password = "the-password-of-this-test";
    await using rig = await startWorkers({ env: { OR_DB_PATH: "audit.db", ADMIN_PASSWORD: password } });
    const statuses: number[] = [];
    await inParallel(enough, 8, async () => {
      const response = await fetch(`${rig.gateway.origin}/api/auth/login`, {
        method: "POST",
        body: JSON.stringify({ username: "admin", password: "a guess" }),
        keepalive: false,
      });
      statuses.push(response.status);
    });
    const guesses = statuses.filter((status) => status === 401).length;
    // One more after a second, and another after two more; each by itself they would allow twelve at once.
    expect([6, 7, 8]).toContain(guesses);
    expect(statuses.filter((status) => status === 429)).toHaveLength(enough - guesses);
  });

  test("show the same numbers at the metrics port", async () => {
    // Port 0 would be off.
    const port = freePort();
    await using rig = await startWorkers({ args: ["--metrics-port", String(port)] });
    await inParallel(enough, 8, async () => void (await ask(rig.gateway, {})));
    const value = await metricsOf(`http://127.0.0.1:${port}/metrics`);
    expect(value("orcestator_requests_total")).toBe(enough);
    expect(value("orcestator_workers")).toBe(2);
  });

  test("go on with one of them killed, and lose or repeat nothing that was written down", async () => {
    await using rig = await startWorkers({ env: { OR_DB_PATH: "audit.db" } });
    const { gateway, upstream } = rig;
    upstream.otherwise(okJson());
    const [victim = 0, other] = childrenOf(gateway.pid);
    const answered = new Map<string, number>();
    const failed: number[] = [];
    let killedAt = Number.POSITIVE_INFINITY;
    const total = 1200;
    await inParallel(total, 8, async (index) => {
      if (index === total / 2) {
        process.kill(victim, "SIGKILL");
        killedAt = performance.now();
      }
      const startedAt = performance.now();
      try {
        const response = await ask(gateway, { messages: [{ role: "user", content: `request ${index}` }] });
        await response.text();
        if (response.ok) answered.set(`request ${index}`, performance.now());
        else failed.push(startedAt);
      } catch {
        failed.push(startedAt);
      }
    });
    // Nobody is turned away who came after the worker had gone.
    expect(failed.filter((startedAt) => startedAt > killedAt + 100)).toEqual([]);
    expect(failed.length).toBeLessThan(16);
    await waitForReplacements(gateway, 1);
    expect(childrenOf(gateway.pid)).not.toContain(victim);
    expect(childrenOf(gateway.pid)).toContain(other ?? 0);

    // What the dead worker had not handed over yet may be missing: the last tenth of a second.
    const certain = [...answered].filter(([, at]) => at < killedAt - 250 || at > killedAt + 50).map(([text]) => text);
    const lines = await gateway.trafficLines(certain.length);
    const texts = lines.map(({ user }) => user);
    expect(texts).toHaveLength(new Set(texts).size);
    expect(certain.filter((text) => !texts.includes(text))).toEqual([]);

    using database = new Database(join(gateway.cwd, "audit.db"), { readonly: true });
    const stored = (): unknown =>
      database.query("SELECT count(*) AS count, count(DISTINCT user_text) AS texts FROM requests").get();
    await until(
      () => Bun.deepEquals(stored(), { count: lines.length, texts: lines.length }),
      "the database has the same",
    );
    expect(gateway.stderr()).toMatch(/Worker \d \(process \d+\) ended \(SIGKILL\); another one starts in 0\.1 s\./);
  });

  test("keep what a killed one has counted", async () => {
    await using rig = await startWorkers();
    const { gateway } = rig;
    await inParallel(enough, 8, async () => void (await ask(gateway, {})));
    const url = `${gateway.origin}/metrics`;
    expect((await metricsOf(url))("orcestator_requests_total")).toBe(enough);
    const [victim = 0] = childrenOf(gateway.pid);
    process.kill(victim, "SIGKILL");
    await waitForReplacements(gateway, 1);
    expect((await metricsOf(url))("orcestator_requests_total")).toBe(enough);
  });

  test("do without one that hangs: it is killed, and another one takes its place", async () => {
    await using rig = await startWorkers();
    const { gateway } = rig;
    const [victim = 0, other = 0] = childrenOf(gateway.pid);
    process.kill(victim, "SIGSTOP");
    await until(() => !isAlive(victim), "it is killed", 30_000).finally(
      () => isAlive(victim) && process.kill(victim, "SIGKILL"),
    );
    expect(gateway.stderr()).toMatch(/Worker \d \(process \d+\) has not answered for 10 s; it is killed\./);
    await waitForReplacements(gateway, 1);
    expect(childrenOf(gateway.pid)).toContain(other);
    const statuses: number[] = [];
    await inParallel(enough, 8, async () => void statuses.push((await ask(gateway, {})).status));
    expect(new Set(statuses)).toEqual(new Set([200]));
  });

  test("are replaced also when their executable was away for a while", async () => {
    using folder = temporaryFolder();
    const executable = join(folder.path, "orcestator");
    const away = join(folder.path, "away");
    await using rig = await startWorkers({ copyAt: executable });
    const { gateway } = rig;
    const [victim = 0] = childrenOf(gateway.pid);
    await rename(executable, away);
    process.kill(victim, "SIGKILL");
    await gateway.waitForOutput(/No process can be started for worker \d: ENOENT.+; it is tried again in 0\.2 s\./);
    await gateway.waitForOutput(/No process can be started for worker \d: ENOENT.+; it is tried again in 0\.4 s\./);
    expect((await metricsOf(`${gateway.origin}/metrics`))("orcestator_worker_restarts_total")).toBe(0);
    await rename(away, executable);
    await waitForReplacements(gateway, 1);
    const statuses: number[] = [];
    await inParallel(enough, 8, async () => void statuses.push((await ask(gateway, {})).status));
    expect(new Set(statuses)).toEqual(new Set([200]));
  });

  test("end with their parent", async () => {
    await using rig = await startWorkers();
    const { gateway } = rig;
    const workers = childrenOf(gateway.pid);
    expect(workers).toHaveLength(2);
    gateway.signal("SIGKILL");
    await gateway.exited;
    await until(() => !workers.some(isAlive), "no worker is left");
  });

  test("all finish what they do when the gateway is to stop", async () => {
    await using rig = await startWorkers();
    const { gateway, upstream } = rig;
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    upstream.otherwise(async (exchange) => {
      await released;
      await okStream()(exchange);
    });
    const running = Array.from({ length: 20 }, async () => (await ask(gateway, { stream: true })).text());
    await until(() => upstream.running() === 20, "all have reached the upstream");
    const workers = childrenOf(gateway.pid);
    // As a terminal or a service manager does it: everybody is told.
    for (const pid of workers) process.kill(pid, "SIGTERM");
    gateway.signal("SIGTERM");
    await gateway.waitForOutput(/finishing running requests/);
    release();
    for (const text of await Promise.all(running)) expect(text).toEndWith("data: [DONE]\n\n");
    expect(await gateway.exited).toBe(0);
    expect(workers.filter(isAlive)).toEqual([]);
    expect(await gateway.trafficLines(20)).toHaveLength(20);
    expect(gateway.stderr()).not.toContain("another one starts");
  });

  test("are cut at the second signal", async () => {
    await using rig = await startWorkers();
    const { gateway, upstream } = rig;
    upstream.otherwise(() => undefined);
    const running = Array.from({ length: 6 }, async () => (await ask(gateway, { stream: true })).text());
    await until(() => upstream.running() === 6, "all have reached the upstream");
    gateway.signal("SIGTERM");
    await gateway.waitForOutput(/finishing running requests/);
    gateway.signal("SIGTERM");
    await Promise.allSettled(running);
    expect(await gateway.exited).toBe(1);
  });

  test("that have just been started anew do not hold up the end", async () => {
    await using rig = await startWorkers();
    const { gateway } = rig;
    const before = childrenOf(gateway.pid);
    process.kill(before[0] ?? 0, "SIGKILL");
    await until(() => childrenOf(gateway.pid).some((pid) => !before.includes(pid)), "another one has been started");
    gateway.signal("SIGTERM");
    expect(await gateway.exited).toBe(0);
  });

  test("all say when their parent cannot write records to the file, and when it can again", async () => {
    await using rig = await startWorkers({ env: { OR_DB_PATH: "audit.db" } });
    const { gateway } = rig;
    const noticesOfAll = async (): Promise<string[][]> => {
      const found: string[][] = [];
      await inParallel(enough, 8, async () => {
        const response = await fetch(`${gateway.origin}/health/ready`, { keepalive: false });
        found.push(((await response.json()) as { notices: string[] }).notices);
      });
      return found;
    };
    expect((await noticesOfAll()).flat()).toEqual([]);
    const other = new Database(join(gateway.cwd, "audit.db"));
    other.run("BEGIN IMMEDIATE");
    await ask(gateway, {});
    const isSaid = async (): Promise<boolean> => (await noticesOfAll()).every(({ length }) => length > 0);
    await until(isSaid, "all workers say that the database cannot be used");
    for (const notices of await noticesOfAll())
      expect(notices).toEqual([expect.stringContaining("The database cannot be used")]);
    other.run("COMMIT");
    other.close();
    await until(async () => (await noticesOfAll()).flat().length === 0, "none of them says it any more");
  });

  test("share their port with nobody else", async () => {
    await using rig = await startWorkers();
    const port = String(rig.gateway.port);
    for (const workers of ["1", "2"]) {
      const second = await runCommand(
        ["serve", "--demo", "--port", port, "--metrics-port", "0", "--workers", workers],
        { OR_API_KEY: undefined },
      );
      expect(second.exitCode).toBe(1);
      expect(second.stderr).toContain(`The API cannot listen on 0.0.0.0:${port}: the port is in use.`);
      expect(second.stderr.match(/port is in use/g)).toHaveLength(1);
    }
  });

  test("that cannot start end the gateway with one message", async () => {
    const { exitCode, stderr } = await runCommand(["serve", "--port", "0", "--workers", "2"], {
      DATABASE_URL: "sqlite:///proc/nowhere/audit.db",
    });
    expect(exitCode).toBe(1);
    expect(stderr.match(/error/g)).toHaveLength(1);
  });

  test("keep conversations of /v1/responses together without a database", async () => {
    await using rig = await startWorkers({
      configText: (url) =>
        `providers: { p: { type: openai-compatible, baseUrl: "${url}", credentials: [abc] } }
models: { m: { targets: [{ provider: p, model: m }] } }`,
    });
    const respond = async (body: object): Promise<{ status: number; id: string }> => {
      const response = await fetch(`${rig.gateway.url}/responses`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model: "m", ...body }),
        keepalive: false,
      });
      const { id = "" } = (await response.json()) as { id?: string };
      return { status: response.status, id };
    };
    const { id } = await respond({ input: "one" });
    const statuses: number[] = [];
    await inParallel(20, 4, async () => {
      statuses.push((await respond({ input: "two", previous_response_id: id })).status);
    });
    expect(new Set(statuses)).toEqual(new Set([200]));
  });
});

/** A configuration whose only provider is the fake upstream; `limits` are those of all requests together. */
function configOf(limits: string, model = "m"): (url: string) => string {
  return (url) => `limits: { total: { ${limits} }, queue: { wait: 5s, size: 100 } }
admin: { token: ${adminToken} }
providers: { p: { type: openai-compatible, baseUrl: "${url}", credentials: [abc] } }
models: { orcestator: { targets: [{ provider: p, model: ${model} }] } }`;
}

describe.skipIf(!isLinux)("the limits of several workers", () => {
  test("a limit by the minute holds for all together, exactly", async () => {
    await using rig = await startWorkers({ configText: configOf("rpm: 50") });
    const statuses: number[] = [];
    await inParallel(200, 16, async () => void statuses.push((await ask(rig.gateway, {})).status));
    expect(statuses.filter((status) => status === 200)).toHaveLength(50);
    expect(statuses.filter((status) => status === 429)).toHaveLength(150);
    expect(rig.upstream.requests).toHaveLength(50);
  });

  test("with Redis a limit holds for all workers of all gateways, exactly", async () => {
    const redis = await startRedisServer();
    if (redis === undefined) return;
    // A busy machine may take longer than the usual 75 ms.
    const configText = (url: string): string =>
      `${configOf("rpm: 50")(url)}\nredis: { url: "${redis.url}", timeout: 1s }`;
    try {
      await using first = await startWorkers({ configText });
      await using second = await startWorkers({ configText });
      const statuses: number[] = [];
      await inParallel(200, 16, async (index) => {
        const { gateway } = index % 2 === 0 ? first : second;
        statuses.push((await ask(gateway, {})).status);
      });
      expect(statuses.filter((status) => status === 200)).toHaveLength(50);
      expect(statuses.filter((status) => status === 429)).toHaveLength(150);
    } finally {
      await redis.stop();
    }
  });

  test("places are shared, and those that a killed worker had are free at once", async () => {
    await using rig = await startWorkers({ configText: configOf("concurrency: 4") });
    const { gateway, upstream } = rig;
    upstream.otherwise(() => undefined);
    const running = Array.from({ length: 12 }, () => ask(gateway, { stream: true }).catch(() => undefined));
    await until(() => upstream.running() === 4, "four have a place");
    await until(
      async () => (await metricsOf(`${gateway.origin}/metrics`))("orcestator_queue_waiting") === 8,
      "eight wait",
    );
    expect(upstream.running()).toBe(4);

    for (const [count, victim] of childrenOf(gateway.pid).entries()) {
      process.kill(victim, "SIGKILL");
      await waitForReplacements(gateway, count + 1);
    }
    await Promise.all(running);
    upstream.otherwise(okJson());
    // Leases that nobody ended would last for half a minute, and a request waits for five seconds at most.
    const statuses = await Promise.all(Array.from({ length: 4 }, async () => (await ask(gateway, {})).status));
    expect(statuses).toEqual([200, 200, 200, 200]);
  });

  test("a changed configuration reaches all of them, and a refused one none", async () => {
    await using rig = await startWorkers({ configText: configOf("rpm: 10000") });
    const { gateway, upstream } = rig;
    const path = join(gateway.cwd, "orcestator.yaml");
    const served = async (): Promise<Set<string>> => {
      upstream.clear();
      await inParallel(enough, 8, async () => void (await ask(gateway, {})));
      return new Set(upstream.requests.map(({ model }) => model));
    };
    expect(await served()).toEqual(new Set(["m"]));
    await Bun.write(path, configOf("rpm: 10000", "other")(upstream.url));
    await gateway.waitForOutput(/The configuration has changed and is in force/);
    await until(async () => (await served()).size === 1 && upstream.requests[0]?.model === "other", "all follow");
    // Each of them has told by now, and their parent too.
    expect(
      `${gateway.stdout()}${gateway.stderr()}`.match(/The configuration has changed and is in force/g),
    ).toHaveLength(1);

    await Bun.write(path, "models: [this is no configuration]");
    await gateway.waitForOutput(/is not used, the last good one stays in force/);
    expect(await served()).toEqual(new Set(["other"]));
    const ready = await fetch(`${gateway.origin}/health/ready`);
    expect(await ready.json()).toMatchObject({ status: "ready", notices: [expect.stringContaining("is refused")] });

    // One that starts now serves the last good one too, and knows that there is another.
    process.kill(childrenOf(gateway.pid)[0] ?? 0, "SIGKILL");
    await waitForReplacements(gateway, 1);
    expect(await served()).toEqual(new Set(["other"]));
    const value = await metricsOf(`${gateway.origin}/metrics`);
    // It has not read for itself what its parent does not serve, and been replaced for that.
    expect(value("orcestator_worker_restarts_total")).toBe(1);
    expect(gateway.stderr()).not.toContain("cannot use the configuration");
    expect(value("orcestator_config_reloads_total", { outcome: "ok" })).toBe(1);
    expect(value("orcestator_config_is_current")).toBe(0);
  });
});

test.skipIf(isLinux)("several workers are refused where they cannot share a port", async () => {
  const { exitCode, stderr } = await runCommand(["serve", "--demo", "--workers", "2"], { OR_API_KEY: undefined });
  expect(exitCode).toBe(1);
  expect(stderr).toContain("Several workers on one port are for Linux");
});

test("a number of workers that makes no sense is named", async () => {
  for (const workers of ["0", "many"]) {
    const { exitCode, stderr } = await runCommand(["serve", "--workers", workers]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`--workers ${workers}:`);
  }
});
