import type { Random } from "../lib/seeded.ts";

/** What has a meaning in every protocol's streams, or in none. */
const anyFragments = [
  '"',
  "\\",
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  "\n",
  "\r",
  "\r\n",
  "\n\n",
  "\r\n\r\n",
  "data:",
  "data: [DONE]\n\n",
  ": comment\n\n",
  "null",
  "1e999",
  '"error":[],',
  '"__proto__":{"type":"error"},',
  "[".repeat(1500),
  '{"a":'.repeat(1500),
  "\u0000",
  "\u00ff\u00fe",
  "\\ud800",
];

export interface DamageOptions {
  /** Streams (latin1); pieces of them get into others. */
  readonly samples: readonly string[];
  /** Of the protocol, put anywhere. */
  readonly fragments: readonly string[];
  /** Most characters that are lost, or doubled, at once. */
  readonly reach?: number;
}

function shuffled(stream: string, random: Random): string {
  return stream
    .split("\n\n")
    .toSorted(() => random.below(3) - 1)
    .join("\n\n");
}

/** Makes what gives a stream (default: any sample) one to four wounds: cut, doubled, shuffled, or something else in its middle. */
export function damageOf({
  samples,
  fragments,
  reach = 40,
}: DamageOptions): (random: Random, stream?: string) => string {
  const all = [...anyFragments, ...fragments];
  function wounded(stream: string, random: Random): string {
    const at = random.below(stream.length + 1);
    const [before, after] = [stream.slice(0, at), stream.slice(at)];
    const wounds = [
      () => before + random.pick(all) + after,
      () => before + after.slice(random.below(reach)),
      () => before + after.slice(0, random.below(reach)) + after,
      () => before + String.fromCharCode(random.below(256)) + after.slice(1),
      () => {
        const other = random.pick(samples);
        return before + other.slice(random.below(other.length));
      },
      () => shuffled(stream, random),
    ];
    return random.pick(wounds)();
  }
  return (random, stream = random.pick(samples)) => {
    let damaged = stream;
    for (let wound = random.below(4); wound >= 0; wound -= 1) damaged = wounded(damaged, random);
    return damaged;
  };
}
