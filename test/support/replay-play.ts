import type { Exchange } from "./exchange.ts";
import { deliver, type Delivery } from "./replay-delivery.ts";
import type { Reply } from "./replay-scenarios.ts";
import type { Script, WireProtocol } from "./wire/wire.ts";

/** One answer being played. */
export interface Stage {
  exchange: Exchange;
  wire: WireProtocol;
  isStream: boolean;
  delivery: Delivery;
}

/** A body of known length. */
export function sendWhole(
  exchange: Exchange,
  reply: { status: number; contentType: string; body: string | Uint8Array; headers?: Readonly<Record<string, string>> },
): void {
  const bytes = typeof reply.body === "string" ? Buffer.from(reply.body) : reply.body;
  exchange.start({
    status: reply.status,
    headers: { "content-type": reply.contentType, "content-length": String(bytes.length), ...reply.headers },
    framing: "length",
  });
  exchange.write(bytes);
  exchange.end();
}

/** OpenAI's items have ids that are never given twice. */
function withItemIds(text: string, { id }: Script): string {
  return text.replaceAll(/"(msg|rs|fc)_(\d+)"/g, (_, kind: string, place: string) => `"${kind}_${id}_${place}"`);
}

/** Whole answers too come in the delivery asked for. */
function bodyOf({ wire, isStream }: Stage, script: Script): { contentType: string; pieces: readonly string[] } {
  if (!isStream) {
    const { contentType, body } = wire.whole(script);
    return { contentType, pieces: [withItemIds(body, script)] };
  }
  const { contentType, events } = wire.stream(script);
  return { contentType, pieces: events.map((event) => withItemIds(event, script)) };
}

function refuse({ exchange, wire }: Stage, reply: Extract<Reply, { type: "refusal" }>): void {
  const { status, message, headers } = reply;
  sendWhole(exchange, { status, ...wire.refusal(status, message), ...(headers && { headers }) });
}

/** The first half of an answer, then what `ending` does. */
async function playHalf(
  stage: Stage,
  script: Script,
  ending: (exchange: Exchange) => Promise<void> | void,
): Promise<void> {
  const { contentType, pieces } = bodyOf(stage, script);
  const { exchange } = stage;
  exchange.start({ headers: { "content-type": contentType } });
  const half = stage.isStream ? pieces.slice(0, Math.ceil(pieces.length / 2)) : [pieces.join("").slice(0, 40)];
  for (const piece of half) exchange.write(piece);
  await ending(exchange);
}

/** Until what came before has been read, so that the failure comes in the middle: a busy machine takes its time. */
const halfwayMs = 40;

export async function play(stage: Stage, reply: Reply): Promise<void> {
  const { exchange, wire, isStream, delivery } = stage;
  if (reply.type === "refusal") return refuse(stage, reply);
  if (reply.type === "answer") {
    const { contentType, pieces } = bodyOf(stage, reply.script);
    exchange.start({ headers: { "content-type": contentType } });
    return deliver(exchange, pieces, delivery);
  }
  if (reply.type === "cut") {
    return playHalf(stage, reply.script, async () => {
      await exchange.pause(halfwayMs);
      exchange.cut("fin");
    });
  }
  if (reply.type === "hang") return isStream ? playHalf(stage, reply.script, () => undefined) : undefined;
  if (!isStream) return refuse(stage, { type: "refusal", status: 500, message: reply.message });
  return playHalf(stage, reply.script, async () => {
    await exchange.pause(halfwayMs);
    exchange.write(wire.failureInStream(reply.message));
    exchange.end();
  });
}
