import type { Exchange } from "./exchange.ts";
import { createRandom } from "./random.ts";

/** How the bytes of an answer leave: `events` = one write for each event of the protocol. */
export type Delivery =
  | { mode: "events" }
  | { mode: "whole" }
  | { mode: "bytes" }
  | { mode: "split"; seed: number }
  /** The connection is closed after so many bytes. */
  | { mode: "cut"; bytes: number };

/** What a model's name says behind `--`: `whole`, `bytes`, `split-SEED`, `cut-BYTES`. */
export function deliveryOf(suffix: string | undefined): Delivery {
  const [mode, number] = (suffix ?? "events").split("-");
  const value = Number(number ?? 0);
  if (mode === "whole" || mode === "bytes") return { mode };
  if (mode === "split") return { mode, seed: value };
  if (mode === "cut") return { mode, bytes: value };
  return { mode: "events" };
}

function pieces(bytes: Buffer, nextLength: () => number): Buffer[] {
  const found: Buffer[] = [];
  for (let offset = 0; offset < bytes.length;) {
    const length = nextLength();
    found.push(bytes.subarray(offset, offset + length));
    offset += length;
  }
  return found;
}

function piecesOf(events: readonly string[], delivery: Delivery): Buffer[] {
  if (delivery.mode === "events") return events.map((event) => Buffer.from(event));
  const bytes = Buffer.from(events.join(""));
  if (delivery.mode === "whole") return [bytes];
  if (delivery.mode === "cut") return [bytes.subarray(0, delivery.bytes)];
  if (delivery.mode === "bytes") return pieces(bytes, () => 1);
  const random = createRandom(delivery.seed);
  // Mostly small, so that characters and escapes are cut too; at times several events at once.
  return pieces(bytes, () => 1 + Math.floor(random() ** 3 * 180));
}

function turnOfLoop(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setImmediate(resolve);
  return promise;
}

/** Writes a body piece by piece and, unless the delivery cuts it, ends it. Returns early when the other side leaves. */
export async function deliver(exchange: Exchange, events: readonly string[], delivery: Delivery): Promise<void> {
  for (const piece of piecesOf(events, delivery)) {
    if (exchange.hasEnded()) return;
    exchange.write(piece);
    // A write of its own only where the loop turns in between.
    await turnOfLoop();
  }
  if (delivery.mode !== "cut") return exchange.end();
  await exchange.pause(20);
  exchange.cut("fin");
}
