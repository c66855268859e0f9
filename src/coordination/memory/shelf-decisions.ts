import { type GetText, type PutText, textBytes, type TextFound } from "../decisions.ts";

interface Shelved {
  readonly text: string;
  readonly bytes: number;
  readonly until: number;
}

/** All have the same time, so that the first is the oldest. */
class Shelf {
  private readonly texts = new Map<string, Shelved>();
  private total = 0;

  get(id: string, now: number): string | undefined {
    const found = this.texts.get(id);
    return found === undefined || found.until <= now ? undefined : found.text;
  }

  put({ id, text, ttlMs, maxBytes }: PutText, now: number): void {
    const bytes = text === "" ? 0 : Buffer.byteLength(text) + textBytes;
    if (bytes > maxBytes) return;
    this.drop(id);
    for (const [oldest, { until }] of this.texts) {
      if (until > now && this.total + bytes <= maxBytes) break;
      this.drop(oldest);
    }
    if (text === "") return;
    this.texts.set(id, { text, bytes, until: now + ttlMs });
    this.total += bytes;
  }

  private drop(id: string): void {
    this.total -= this.texts.get(id)?.bytes ?? 0;
    this.texts.delete(id);
  }
}

/** Decisions on shelves, in memory. */
export class ShelfDecisions {
  private readonly shelves = new Map<string, Shelf>();

  put(input: PutText, now: number): void {
    let shelf = this.shelves.get(input.shelf);
    if (shelf === undefined) this.shelves.set(input.shelf, (shelf = new Shelf()));
    shelf.put(input, now);
  }

  get({ shelf, id }: GetText, now: number): TextFound {
    return { text: this.shelves.get(shelf)?.get(id, now) };
  }
}
