import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { ResolvedConfig } from "../../src/config/resolve.ts";
import { draining } from "../../src/http/errors.ts";
import { createListener } from "../../src/http/listener.ts";
import { compose, type House } from "../../src/runtime/compose.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { configFolder } from "../config/folder.ts";
import { eventsOf, postChat } from "../support/chat.ts";
import { createFakeUpstream } from "../support/fake-upstream.ts";
import { okStream } from "../support/replies.ts";

const upstream = await createFakeUpstream();
afterAll(() => upstream.close());
beforeEach(() => upstream.clear());

/** The model `m`, which the upstream knows as `name`. */
function configOf(name: string, more: object = {}): ResolvedConfig {
  using folder = configFolder({
    "orcestator.json": JSON.stringify({
      logging: { file: "", level: "silent" },
      providers: { p: { type: "openai-compatible", baseUrl: upstream.url, credentials: ["abc"], ...more } },
      models: {
        m: { targets: [{ provider: "p", model: name }] },
        [name]: { targets: [{ provider: "p", model: name }] },
      },
    }),
  });
  return folder.load().config;
}

interface Rig extends AsyncDisposable {
  readonly house: House;
  readonly url: string;
  /** Lets so much time pass for whatever looks at the house's clock. */
  pass(milliseconds: number): void;
}

function startHouse(config: ResolvedConfig): Rig {
  let time = 0;
  const house = compose({
    config,
    logger: createLogger("silent"),
    idleSeconds: 60,
    isDraining: () => false,
    now: () => time,
  });
  const server = createListener({
    hostname: "127.0.0.1",
    port: 0,
    idleSeconds: 60,
    app: house.app,
    connections: house.lasting.connections,
    cors: house.cors,
    isClosed: () => false,
  });
  house.start();
  return {
    house,
    url: `http://127.0.0.1:${server.port}/v1`,
    pass: (milliseconds) => (time += milliseconds),
    async [Symbol.asyncDispose]() {
      await server.stop(true);
      await house.lasting.close();
    },
  };
}

const longerThanBodiesTake = 121_000;

test("requests stay with the generation they began in, which is dropped when its last one has ended", async () => {
  await using rig = startHouse(configOf("model-0"));
  const { house } = rig;
  upstream.otherwise(okStream({ content: ["a ", "b ", "c "], paceMs: 40, comments: 0 }));
  const streams: Promise<string>[] = [];
  for (let number = 1; number <= 10; number += 1) {
    streams.push(postChat(rig, { model: "m", stream: true }).then((response) => response.text()));
    await upstream.waitFor(({ model }) => model === `model-${number - 1}`);
    house.swap(configOf(`model-${number}`));
  }
  expect(house.active()).toBeGreaterThan(0);
  expect(house.generations()).toBe(11);
  for (const text of await Promise.all(streams)) expect(eventsOf(text).at(-1)).toBe("[DONE]");
  expect(upstream.requests.map(({ model }) => model)).toEqual(
    Array.from({ length: 10 }, (_, number) => `model-${number}`),
  );
  expect(house.active()).toBe(0);
  // A body may still be on its way to one of them.
  house.swap(configOf("model-11"));
  expect(house.generations()).toBe(12);
  rig.pass(longerThanBodiesTake);
  house.swap(configOf("model-12"));
  expect(house.generations()).toBe(2);
});

test("one with a running stream is kept however long it takes, and a stop reaches it", async () => {
  await using rig = startHouse(configOf("slow"));
  const { house } = rig;
  upstream.otherwise(okStream({ content: Array.from({ length: 500 }, () => "x "), paceMs: 20, comments: 0 }));
  const reading = postChat(rig, { model: "m", stream: true }).then((response) => response.text());
  await upstream.waitFor(({ model }) => model === "slow");
  house.swap(configOf("second"));
  rig.pass(longerThanBodiesTake);
  const other = postChat(rig, { model: "m", stream: true }).then((response) => response.text());
  await upstream.waitFor(({ model }) => model === "second");
  house.swap(configOf("third"));
  expect(house.generations()).toBe(3);
  expect(house.active()).toBe(2);
  house.stop(draining());
  // Before its first content a stream can still be refused as a whole.
  for (const text of await Promise.all([reading, other])) expect(text).toMatch(/"finish_reason":"error"|"draining"/);
  expect(house.active()).toBe(0);
});

describe("what lasts", () => {
  test("numbers are counted on, and the names of new models have labels", async () => {
    await using rig = startHouse(configOf("before"));
    await (await postChat(rig, { model: "before" })).text();
    rig.house.swap(configOf("after"));
    await (await postChat(rig, { model: "after" })).text();
    const text = await rig.house.lasting.metrics.text();
    for (const name of ["before", "after"]) expect(text).toMatch(new RegExp(`orcestator_requests_total\\{.*"${name}"`));
  });
});

test("a configuration that cannot be made changes nothing", async () => {
  await using rig = startHouse(configOf("good"));
  const broken = configOf("bad", { ca: join(import.meta.dir, "there-is-no-such.pem") });
  expect(() => rig.house.swap(broken)).toThrow("there-is-no-such.pem");
  expect(rig.house.generations()).toBe(1);
  expect((await postChat(rig, { model: "m" })).status).toBe(200);
  expect(upstream.requests.at(-1)?.model).toBe("good");
});
