import { expect, test } from "bun:test";
import { inParallel, until } from "../support/e2e.ts";
import { faultModel } from "../support/fault-upstream.ts";
import { goodText } from "../support/fault-wire.ts";
import { connectRaw, postBytes, type RawConnection } from "../support/raw-client.ts";
import { wires } from "../support/replay-wires.ts";
import { askModel, providerAt, startFaultRig } from "./rig.ts";

const hungCount = 2000;
const goodCount = 50;

test("2,000 calls that hang at one target do not hold up another, and are gone with their clients", async () => {
  const patient = { connect: "30s", firstByte: "60s", idle: "60s", total: "60s" };
  await using rig = await startFaultRig({
    config: (origin) => ({
      logging: { file: "", level: "error" },
      providers: {
        hung: providerAt(origin, "openai-chat", "hung", { timeouts: patient }),
        good: providerAt(origin, "openai-chat", "good"),
      },
      models: {
        hung: { targets: [{ provider: "hung", model: faultModel("silent") }] },
        good: { targets: [{ provider: "good", model: faultModel("good") }] },
      },
    }),
  });
  const { gateway, upstream } = rig;
  const clients: RawConnection[] = [];
  const bytes = postBytes("/v1/chat/completions", JSON.stringify({ model: "hung", stream: true, messages: [] }));
  await inParallel(hungCount, 50, async () => {
    const client = await connectRaw(gateway.port);
    client.send(bytes);
    clients.push(client);
  });
  await until(() => upstream.running() === hungCount, "all calls hang upstream");

  const startedAt = performance.now();
  await inParallel(goodCount, goodCount, async (index) => {
    const { status, text } = await askModel(gateway, "openai-chat", { model: "good", isStream: index % 2 === 0 });
    expect(status).toBe(200);
    expect(wires["openai-chat"].contentOf(text).text).toBe(goodText);
  });
  expect(performance.now() - startedAt).toBeLessThan(2000);

  for (const client of clients) client.leave("rst");
  await until(() => upstream.running() === 0, "nothing hangs any more");
}, 30_000);
