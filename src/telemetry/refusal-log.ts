import { printable } from "./console-line.ts";

/** A request that was refused before it reached the gateway: no key, too large, no such path. It leaves no record. */
export interface Refusal {
  /** As the client saw it; 499 when the client went away. */
  status: number;
  /** The error's code, e.g. `invalid_api_key`. */
  code: string;
  message: string;
  method: string;
  /** Without query, and without the key of a `/k/<key>` prefix. */
  path: string;
  address: string | undefined;
}

export interface RefusalLogOptions {
  write: (line: string) => void;
  /** Rings once, so many milliseconds from now. */
  after: (milliseconds: number, ring: () => void) => void;
  /** Lines a second; whatever else is refused in that second is only counted. */
  most?: number;
}

const windowMs = 1000;

function refusalLine({ status, method, path, address, code, message }: Refusal): string {
  const what = `${status} ${printable(method, 20)} ${printable(path)}`;
  return `${what} · from ${address ?? "an unknown address"} · ${code}: ${printable(message, 300)}`;
}

/** `401: 900, 404: 3`, the most frequent first. */
function countsOf(statuses: ReadonlyMap<number, number>): string {
  const sorted = [...statuses].toSorted(([, left], [, right]) => right - left);
  return sorted.map(([status, count]) => `${status}: ${count}`).join(", ");
}

/** Refusals for the person who watches the console: one who guesses keys must not fill it. */
export function createRefusalLog({ write, after, most = 10 }: RefusalLogOptions): (refusal: Refusal) => void {
  const suppressed = new Map<number, number>();
  let lines = 0;

  function endWindow(): void {
    lines = 0;
    if (suppressed.size === 0) return;
    const total = [...suppressed.values()].reduce((sum, count) => sum + count, 0);
    write(`${total} more requests were refused within a second (${countsOf(suppressed)})`);
    suppressed.clear();
  }

  return (refusal) => {
    if (lines === 0) after(windowMs, endWindow);
    if (lines >= most) {
      suppressed.set(refusal.status, (suppressed.get(refusal.status) ?? 0) + 1);
      return;
    }
    lines += 1;
    write(refusalLine(refusal));
  };
}
