import { afterAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { postChat } from "../support/chat.ts";
import { connectRaw, postBytes } from "../support/raw-client.ts";
import { startRig, until } from "../support/e2e.ts";
import { deltaChunk, event } from "../support/chat-chunks.ts";
import type { Behaviour } from "../support/exchange.ts";

const { upstream, gateway, ...rig } = await startRig();
afterAll(() => rig[Symbol.asyncDispose]());

const megabytes = (pid: number) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;

/** Streams until nobody takes it any more, at most 64 MB. */
const endless: Behaviour = async (exchange) => {
  const text = event(deltaChunk(exchange.request.model, { content: "x".repeat(64_000) }));
  exchange.start({ headers: { "content-type": "text/event-stream" } });
  for (let count = 0; count < 1000 && !exchange.hasEnded(); count += 1) {
    exchange.write(text);
    await exchange.drained();
  }
};

test.if(process.platform === "linux")(
  "clients that stop reading cost bounded memory and disturb nobody",
  async () => {
    await (await postChat(gateway, { model: "vendor/warm", stream: true })).text();
    const before = megabytes(gateway.pid);
    for (let index = 0; index < 10; index += 1) upstream.set(`vendor/stalled-${index}`, endless);
    const clients = await Promise.all(
      Array.from({ length: 10 }, async (_, index) => {
        const client = await connectRaw(gateway.port);
        client.pauseReading();
        client.send(
          postBytes(
            "/v1/chat/completions",
            JSON.stringify({ model: `vendor/stalled-${index}`, stream: true, messages: [] }),
          ),
        );
        return client;
      }),
    );
    await until(() => upstream.requests.length === 11, "ten stalled streams");
    await Bun.sleep(1500);
    expect(upstream.running()).toBe(10);
    // 640 MB would come if nothing held it back.
    expect(megabytes(gateway.pid) - before).toBeLessThan(60);
    const startedAt = performance.now();
    await (await postChat(gateway, { model: "vendor/quick" })).text();
    expect(performance.now() - startedAt).toBeLessThan(500);
    for (const client of clients) client.leave();
    await until(() => upstream.running() === 0, "all upstream requests ended");
  },
  20_000,
);
