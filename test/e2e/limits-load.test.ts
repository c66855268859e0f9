import { expect, test } from "bun:test";
import { connectRaw } from "../support/raw-client.ts";
import { at, startRoutingRig } from "./routing-rig.ts";

test("a request counts as at work while its body is still coming", async () => {
  await using rig = await startRoutingRig({
    providers: { one: {} },
    models: { m: { targets: [at("one", "m1")] } },
    config: { limits: { maxRequests: 2 } },
  });
  const body = JSON.stringify({ model: "m", messages: [{ role: "user", content: "Hi" }] });
  const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
  const clients = await Promise.all(Array.from({ length: 6 }, () => connectRaw(rig.gateway.port)));
  for (const client of clients) client.send(head + body.slice(0, 9));
  // Four of them are told at once, without being read.
  const refusals = clients.map((client) => client.waitFor(/HTTP\/1\.1 503/).then(() => client));
  const refused = [await Promise.race(refusals)];
  while (refused.length < 4)
    refused.push(await Promise.race(refusals.filter((_, index) => !refused.includes(clients[index] as never))));
  expect(refused[0]?.received()).toMatch(/retry-after: \d/i);
  const accepted = clients.filter((client) => !refused.includes(client));
  for (const client of accepted) client.send(body.slice(9));
  for (const client of accepted) await client.waitFor(/HTTP\/1\.1 200/);
  expect(rig.upstream.requests).toHaveLength(2);
  for (const client of clients) client.leave();
});
