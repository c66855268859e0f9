import { expect, test } from "bun:test";
import { mkdir, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eventsOf, postChat } from "../support/chat.ts";
import { createFakeUpstream, type FakeUpstream } from "../support/fake-upstream.ts";
import { startGateway, type Gateway } from "../support/gateway.ts";
import { okStream } from "../support/replies.ts";

const words = (count: number): string[] => Array.from({ length: count }, (_, index) => `${index} `);

interface Rig extends AsyncDisposable {
  readonly gateway: Gateway;
  readonly first: FakeUpstream;
  readonly second: FakeUpstream;
  /** The configuration's file. */
  readonly path: string;
  /** A model `m` that this provider serves, and further text. */
  readonly configOf: (provider: "first" | "second", more?: string) => string;
  /** Who answers a request now. */
  readonly askWho: () => Promise<string>;
}

/** A gateway with two upstreams, which begins with the first. */
async function startRig(): Promise<Rig> {
  const [first, second] = await Promise.all([createFakeUpstream(), createFakeUpstream()]);
  const configOf = (provider: string, more = ""): string => `providers:
  first: {type: openai-compatible, baseUrl: "${first.url}", credentials: [canary-of-the-first]}
  second: {type: openai-compatible, baseUrl: "${second.url}", credentials: [canary-of-the-second]}
models:
  m: {targets: [{provider: ${provider}, model: upstream-model}]}
${more}`;
  const gateway = await startGateway({ configText: configOf("first"), env: { OR_API_KEY: undefined } });
  return {
    gateway,
    first,
    second,
    path: join(gateway.cwd, "orcestator.yaml"),
    configOf,
    async askWho() {
      const before = first.requests.length;
      const response = await postChat(gateway, { model: "m" });
      await response.text();
      if (response.status !== 200) return `status ${response.status}`;
      return first.requests.length > before ? "first" : "second";
    },
    async [Symbol.asyncDispose]() {
      await gateway.stop();
      await Promise.all([first.close(), second.close()]);
    },
  };
}

/** Patience for what comes with the next looks at the files. */
const slow = 60_000;

test.concurrent(
  "a stream goes on with the old configuration while the next request takes the new one",
  async () => {
    await using rig = await startRig();
    const { gateway, first, path, configOf, askWho } = rig;
    first.otherwise(okStream({ content: words(60), paceMs: 100, comments: 0 }));
    const response = await postChat(gateway, { model: "m", stream: true });
    const reading = response.text();
    await writeFile(path, configOf("second"));
    await gateway.waitForOutput(/is in force: models\.m\.targets\[0\]\.provider\n/);
    expect(first.running()).toBe(1);
    expect(await askWho()).toBe("second");
    expect(first.running()).toBe(1);
    const events = eventsOf(await reading);
    expect(events.at(-1)).toBe("[DONE]");
    expect(JSON.stringify(events)).toContain('"59 "');
    expect((await gateway.trafficLines(2)).map(({ assistant }) => assistant.slice(0, 3))).toContain("0 1");
    expect(gateway.stdout() + gateway.stderr()).not.toContain("canary");
  },
  slow,
);

test.concurrent(
  "a stop drains the requests of all configurations",
  async () => {
    await using rig = await startRig();
    const { gateway, first, second, path, configOf } = rig;
    for (const upstream of [first, second])
      upstream.otherwise(okStream({ content: words(40), paceMs: 100, comments: 0 }));
    const old = postChat(gateway, { model: "m", stream: true }).then((response) => response.text());
    await first.waitFor(() => true);
    await writeFile(path, configOf("second"));
    await gateway.waitForOutput(/is in force/);
    const young = postChat(gateway, { model: "m", stream: true }).then((response) => response.text());
    await second.waitFor(() => true);
    gateway.signal("SIGTERM");
    const texts = await Promise.all([old, young]);
    for (const text of texts) expect(text).toEndWith("data: [DONE]\n\n");
    expect(await gateway.exited).toBe(0);
    expect(await gateway.trafficLines(2)).toHaveLength(2);
  },
  slow,
);

test.concurrent(
  "a bad configuration is not used, and the log says what is wrong and where",
  async () => {
    await using rig = await startRig();
    const { gateway, path, configOf, askWho } = rig;
    const ready = async (): Promise<[number, unknown]> => {
      const response = await fetch(`${gateway.origin}/health/ready`);
      return [response.status, await response.json()];
    };
    const metrics = async (): Promise<string[]> => {
      const text = await (await fetch(`${gateway.origin}/metrics`)).text();
      return text.split("\n").filter((line) => line.startsWith("orcestator_config_"));
    };
    expect(await ready()).toEqual([200, { status: "ready", reasons: [], notices: [] }]);

    await writeFile(path, configOf("second").replace("[{provider", "[{{provider"));
    await gateway.waitForOutput(/last good one stays in force.*\n.*orcestator\.yaml: this is no valid YAML, line 5/);
    expect(await askWho()).toBe("first");
    const since = String.raw`^The configuration on disk is refused since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`;
    const notice = expect.stringMatching(new RegExp(since));
    expect(await ready()).toEqual([200, { status: "ready", reasons: [], notices: [notice] }]);
    expect(await metrics()).toEqual([
      'orcestator_config_reloads_total{outcome="ok"} 0',
      'orcestator_config_reloads_total{outcome="refused"} 1',
      "orcestator_config_is_current 0",
    ]);

    await writeFile(path, configOf("second", "server: {prot: 1}\n").replace("provider: second", "provider: secnd"));
    await gateway.waitForOutput(/server\.prot \(file orcestator\.yaml\): unknown key; did you mean 'port'\?/);
    await gateway.waitForOutput(/models\.m\.targets\[0\]\.provider .*: there is no provider 'secnd'/);
    expect(await askWho()).toBe("first");

    await unlink(path);
    await gateway.waitForOutput(/orcestator\.yaml: the file is gone/);
    expect(await askWho()).toBe("first");

    await writeFile(path, configOf("first"));
    await gateway.waitForOutput(/sound again/);
    expect(await ready()).toEqual([200, { status: "ready", reasons: [], notices: [] }]);
    expect(await metrics()).toEqual([
      'orcestator_config_reloads_total{outcome="ok"} 1',
      'orcestator_config_reloads_total{outcome="refused"} 3',
      "orcestator_config_is_current 1",
    ]);
    const complaints = gateway.stderr().match(/last good one stays/g) ?? [];
    // Once for each version of the file.
    expect(complaints).toHaveLength(3);
    expect(gateway.stdout() + gateway.stderr()).not.toContain("canary");
  },
  slow,
);

test.concurrent(
  "editors and orchestrators may put another file in its place",
  async () => {
    await using rig = await startRig();
    const { gateway, path, configOf, askWho } = rig;
    await writeFile(`${path}~`, configOf("second"));
    await rename(`${path}~`, path);
    await gateway.waitForOutput(/is in force/);
    expect(await askWho()).toBe("second");
    if (process.platform === "win32") return;
    // As Kubernetes does it: a link to a folder changes, the file's own name never.
    for (const [folder, provider] of [
      ["v1", "second"],
      ["v2", "first"],
    ] as const) {
      await mkdir(join(gateway.cwd, folder));
      await writeFile(join(gateway.cwd, folder, "orcestator.yaml"), configOf(provider));
    }
    await symlink("v1", join(gateway.cwd, "data"));
    await rm(path);
    await symlink("data/orcestator.yaml", path);
    await symlink("v2", join(gateway.cwd, "data-new"));
    await rename(join(gateway.cwd, "data-new"), join(gateway.cwd, "data"));
    await gateway.waitForOutput(/is in force[\s\S]*is in force/);
    expect(await askWho()).toBe("first");
  },
  slow,
);

test.concurrent(
  "keys, origins and limits of the door change too; what needs a restart is named and stays",
  async () => {
    await using rig = await startRig();
    const { gateway, path, configOf } = rig;
    await writeFile(
      path,
      configOf(
        "first",
        'keys: {inbound: [key-canary-1234]}\nserver: {port: 9, cors: ["https://a.example"]}\nlogging: {file: x.log}\n',
      ),
    );
    await gateway.waitForOutput(/is in force: .*keys\.inbound/);
    await gateway.waitForOutput(/at the next start of the gateway only: .*logging\.file/);
    expect((await postChat(gateway, { model: "m" })).status).toBe(401);
    const headers = { authorization: "Bearer key-canary-1234", origin: "https://a.example" };
    const response = await postChat(gateway, { model: "m" }, { headers });
    expect(response.status).toBe(200);
    expect(response.headers.get("access-control-allow-origin")).toBe("https://a.example");
    await response.text();
    expect(await gateway.trafficLines(1)).toHaveLength(1);
    // The port was given as a flag, which wins over the file: nothing about it is said.
    expect(gateway.stderr()).not.toContain("server.port");
    expect(gateway.stdout() + gateway.stderr()).not.toContain("canary");
  },
  slow,
);

test.concurrent(
  "server.watch: false is obeyed",
  async () => {
    await using rig = await startRig();
    const { gateway, path, configOf, askWho } = rig;
    await writeFile(path, configOf("first", "server: {watch: false}\n"));
    await gateway.waitForOutput(/server\.watch is off/);
    expect(await askWho()).toBe("first");
  },
  slow,
);
