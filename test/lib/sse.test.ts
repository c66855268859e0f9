import { describe, expect, test } from "bun:test";
import { createEventSplitter, dataOf } from "../../src/lib/sse.ts";
import { cutAtRandom, forSeeds, quickest, type Random } from "./seeded.ts";

/** Events of a stream given in pieces, and what is left behind the last one. */
function split(pieces: readonly string[]): { events: string[]; rest: string } {
  const splitter = createEventSplitter();
  const events = pieces.flatMap((piece) => splitter.push(piece));
  return { events, rest: splitter.rest() };
}

/** What a browser's parser makes of a stream: the data of each event, by the HTML standard's own words. */
function dataByTheStandard(stream: string): string[] {
  const found: string[] = [];
  let lines: string[] = [];
  const ended = stream.split(/\r\n|\n|\r/).slice(0, -1);
  for (const line of ended) {
    if (line === "") {
      if (lines.length > 0) found.push(lines.join("\n"));
      lines = [];
    }
    const match = /^data(?::[ ]?(.*))?$/.exec(line);
    if (match !== null) lines.push(match[1] ?? "");
  }
  return found;
}

function dataOfAll(stream: string): string[] {
  return split([stream]).events.flatMap((event) => dataOf(event)?.text ?? []);
}

const blocks = [
  ['data: {"a":1}'],
  ["data:{}"],
  ["data:  two spaces"],
  ["data:"],
  ["data: [DONE]"],
  [": OPENROUTER PROCESSING"],
  [":"],
  ["event: error", "data: {}"],
  ["data: one", "data: two", "data:three"],
  ["id: 7", "retry: 10", "data: x", ": comment", "data: y"],
  ["data: text with data: inside and \u00c3\u00a9"],
  ["event: ping"],
  ["field without colon", "data: z"],
] as const;

/** Events with one kind of line end each, or the same one for all. */
function randomStream(random: Random, ends: readonly string[]): string {
  const common = random.chance(0.5) ? random.pick(ends) : undefined;
  return Array.from({ length: 1 + random.below(6) }, () => {
    const end = common ?? random.pick(ends);
    const gap = end.repeat(random.chance(0.2) ? 2 : 1);
    return random.pick(blocks).join(end) + end + gap;
  }).join("");
}

describe("splitting", () => {
  for (const [name, ends] of [
    ["LF", ["\n"]],
    ["CRLF", ["\r\n"]],
    ["CR", ["\r"]],
    ["mixed line ends", ["\n", "\r\n", "\r"]],
  ] as const) {
    test(`gives the same events for every place a stream with ${name} is cut at`, () => {
      forSeeds(60, (random) => {
        const stream = randomStream(random, ends) + random.pick(["", "data: cut", "data: cut\r"]);
        const whole = split([stream]);
        expect(whole.events.join("") + whole.rest).toBe(stream);
        for (let at = 0; at <= stream.length; at += 1)
          expect(split([stream.slice(0, at), stream.slice(at)])).toEqual(whole);
      });
    });

    test(`gives the same events for any pieces of a stream with ${name}`, () => {
      forSeeds(1500, (random) => {
        const stream = randomStream(random, ends);
        const pieces = cutAtRandom(stream, random, random.pick([1, 2, 5, 40]));
        expect(split(pieces)).toEqual(split([stream]));
      });
    });

    test(`finds the data that the standard finds in a stream with ${name}`, () => {
      forSeeds(1500, (random) => {
        const stream = randomStream(random, ends);
        expect(dataOfAll(stream)).toEqual(dataByTheStandard(stream));
      });
    });
  }

  test("ends an event at a blank line that ends otherwise than the line before", () => {
    for (const [end, blank] of [
      ["\n", "\r\n"],
      ["\r", "\r\n"],
      ["\r\n", "\n"],
    ] as const) {
      const stream = `data: a${end}${blank}data: b${end}data: c${end}${blank}`;
      expect(dataOfAll(stream)).toEqual(dataByTheStandard(stream));
      for (let at = 0; at <= stream.length; at += 1)
        expect(split([stream.slice(0, at), stream.slice(at)])).toEqual(split([stream]));
    }
  });

  test("ends an event at a lone CR behind a line that LF or CRLF ended", () => {
    for (const stream of ["data: a\n\rdata: b\n\n", "data: a\r\n\rdata: b\r\n\r\n"])
      expect(dataOfAll(stream)).toEqual(dataByTheStandard(stream));
  });

  test("never lets an empty piece end an event", () => {
    expect(split(["", "data: a", "", "\n", "", "\n", ""])).toEqual({ events: ["data: a\n\n"], rest: "" });
  });

  test("says how much is waiting, and nothing is left after the rest was taken", () => {
    const splitter = createEventSplitter();
    splitter.push("data: a\n\ndata: b");
    expect(splitter.waiting()).toBe("data: b".length);
    splitter.push("c");
    expect(splitter.waiting()).toBe("data: bc".length);
    expect(splitter.rest()).toBe("data: bc");
    expect([splitter.waiting(), splitter.rest()]).toEqual([0, ""]);
  });

  test("takes time in proportion to a giant event that comes in small pieces", () => {
    for (const piece of ["x".repeat(16), `${"x".repeat(14)}\r\n`, "x\r".repeat(8)]) {
      const milliseconds = quickest(() => {
        const splitter = createEventSplitter();
        for (let sent = 0; sent < 4 << 20; sent += piece.length) splitter.push(piece);
        splitter.push("\n\n");
      });
      expect(milliseconds).toBeLessThan(500);
    }
  });

  test("takes time in proportion to many small events in one piece", () => {
    for (const event of ["data: a\n\n", "data: a\r\n\r\n", "\n\n", "\r\r"]) {
      const stream = event.repeat((1 << 20) / event.length);
      expect(quickest(() => void split([stream]))).toBeLessThan(300);
    }
  });
});

describe("data of an event", () => {
  test.each([
    ["data: a\n\n", "a"],
    ["data:a\n\n", "a"],
    ["data:  a \n\n", " a "],
    ["data:\n\n", ""],
    ["data: a", "a"],
    ["data: a\r\ndata: b\r\n\r\n", "a\nb"],
    ["data: a\rdata:b\r\r", "a\nb"],
    ["event: error\ndata: a\n\n", "a"],
    [": comment\ndata: a\n: comment\ndata: b\n\n", "a\nb"],
    ["\ndata: a\n\n", "a"],
    ["data: x data: y\n\n", "x data: y"],
  ])("%p is %p", (event, data) => {
    expect(dataOf(event)?.text).toBe(data);
  });

  test.each([
    ": OPENROUTER PROCESSING\n\n",
    "event: ping\n\n",
    "\n\n",
    "",
    "xdata: a\n\n",
    "Data: a\n\n",
    ": data: a\n\n",
  ])("%p has none", (event) => {
    expect(dataOf(event)).toBeUndefined();
  });

  test("is found behind a byte order mark, which a stream may begin with", () => {
    expect(dataOf("\u00ef\u00bb\u00bfdata: a\n\n")?.text).toBe("a");
  });

  test("knows where in the event each of its characters stands", () => {
    forSeeds(2000, (random) => {
      for (const event of split([randomStream(random, ["\n", "\r\n", "\r"])]).events) {
        const data = dataOf(event);
        if (data === undefined) continue;
        for (let offset = 0; offset < data.text.length; offset += 1) {
          if (data.text[offset] === "\n") continue;
          expect(event[data.position(offset)]).toBe(data.text[offset] ?? "");
        }
      }
    });
  });
});
