import { afterAll, describe, expect, test } from "bun:test";
import { perConnection, type FaultPlace } from "../support/fault-connections.ts";
import { goodText, scriptOf } from "../support/fault-wire.ts";
import type { Exchange } from "../support/exchange.ts";
import { startGateway } from "../support/gateway.ts";
import { wires } from "../support/replay-wires.ts";
import { askModel, indifferent, providerAt } from "./rig.ts";
import { limits } from "./row.ts";

const protocol = "openai-chat";

function answerWell(exchange: Exchange): void {
  const { model, json } = exchange.request;
  const script = scriptOf(protocol, model, "good");
  const isStream = json?.["stream"] === true;
  const stream = wires[protocol].stream(script);
  const whole = wires[protocol].whole(script);
  exchange.start({ headers: { "content-type": isStream ? stream.contentType : whole.contentType } });
  for (const piece of isStream ? stream.events : [whole.body]) exchange.write(piece);
  exchange.end();
}

/** What a server does with the second request on a connection; it has answered the first. */
const seconds = {
  rst: (exchange: Exchange) => exchange.cut("rst"),
  fin: (exchange: Exchange) => exchange.cut("fin"),
  late: (exchange: Exchange) => {
    exchange.writeRaw("HTTP/1.1 200 OK\r\ncontent-ty");
    exchange.cut("rst");
  },
  dead: () => undefined,
} satisfies Record<string, (exchange: Exchange) => void>;
type Second = keyof typeof seconds;

const totalMs = 1200;
const forms = [true, false];
const names = (Object.keys(seconds) as Second[]).flatMap((second) => forms.map((form) => `${second}-${form}`));

const places = new Map<string, FaultPlace>();
const providers: Record<string, unknown> = {};
for (const name of names) {
  const second = seconds[name.split("-")[0] as Second];
  const place = await perConnection((exchange, number) => (number === 0 ? answerWell(exchange) : second(exchange)));
  places.set(name, place);
  // Sending once more what nobody has answered a byte of is no retry.
  const retries = second === seconds.dead ? 1 : 0;
  const timeouts = { connect: "200ms", firstByte: `${limits.firstByte}ms`, total: `${totalMs}ms` };
  providers[name] = providerAt(place.origin, protocol, name, { retries, timeouts });
}
const models = Object.fromEntries(names.map((name) => [name, { targets: [{ provider: name, model: "m" }] }]));
const configText = JSON.stringify({ health: indifferent, providers, models });
const gateway = await startGateway({ configText, env: { OR_API_KEY: undefined } });
afterAll(async () => {
  await gateway.stop();
  for (const place of places.values()) await place[Symbol.asyncDispose]();
});

describe.each(forms)("a kept connection, streaming: %p", (isStream) => {
  const ask = (second: Second) => askModel(gateway, protocol, { model: `${second}-${isStream}`, isStream });

  test.each(["rst", "fin"] as const)("that dies (%s) without a byte costs the client nothing", async (how) => {
    for (let request = 0; request < 6; request += 1) {
      const { status, text } = await ask(how);
      expect({ status, text: status === 200 ? "" : text }).toEqual({ status: 200, text: "" });
      expect(wires[protocol].contentOf(text).text).toBe(goodText);
    }
    // Every request but the first found a dead one and went on to a new one.
    expect(places.get(`${how}-${isStream}`)?.attempts()).toBe(6);
  });

  test("that dies behind the first byte of an answer is a failure", async () => {
    expect((await ask("late")).status).toBe(200);
    expect((await ask("late")).status).toBe(503);
  });

  test("that is dead without saying so is given up at the deadline, and a new one answers", async () => {
    expect((await ask("dead")).status).toBe(200);
    const { status, elapsedMs } = await ask("dead");
    // An answer in one piece may take all of the time; a stream must have begun before.
    expect(status).toBe(isStream ? 200 : 503);
    const limit = isStream ? limits.firstByte : totalMs;
    expect(elapsedMs).toBeGreaterThan(limit - 20);
    expect(elapsedMs).toBeLessThan(limit + 700);
  });
});
