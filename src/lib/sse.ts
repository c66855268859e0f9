/** Server-sent events as latin1 text (one character a byte), so that whatever is not looked at stays as it came. */

export interface EventSplitter {
  /** Takes the next piece of a stream; returns the whole events that are complete now, with their line ends. */
  push(chunk: string): string[];
  /** What is left when the stream ended: an event without its blank line, or nothing. */
  rest(): string;
  /** Characters waiting for the end of their event. */
  waiting(): number;
}

// A lone CR behind LF needs a look at what follows: with LF it is one line end.
const boundary = /\r\n\r\n|\n\n|\r\r|\n\r\n|\n\r(?=[^\n])/g;

/** The common case: a piece is one event, as most servers flush them. */
function isOneEvent(text: string): boolean {
  return text.length > 2 && text.indexOf("\n\n") === text.length - 2 && !text.includes("\r");
}

/** Cuts a stream into events at blank lines, whatever the line ends are and wherever the pieces were cut. */
export function createEventSplitter(): EventSplitter {
  let parts: string[] = [];
  let size = 0;

  function hold(text: string): void {
    if (text === "") return;
    parts.push(text);
    size += text.length;
  }

  function take(): string {
    const text = parts.length === 1 ? (parts[0] ?? "") : parts.join("");
    parts = [];
    size = 0;
    return text;
  }

  function lastCharacters(): string {
    let text = "";
    for (let index = parts.length - 1; index >= 0 && text.length < 3; index -= 1) text = (parts[index] ?? "") + text;
    return text.slice(-3);
  }

  return {
    push(chunk) {
      if (size === 0 && isOneEvent(chunk)) return [chunk];
      // A long event arrives in many pieces: look only at the new piece, never again at what is held.
      if (size > 0 && boundaryFinder(lastCharacters() + chunk)(0) === -1) {
        hold(chunk);
        return [];
      }
      const text = size > 0 ? take() + chunk : chunk;
      const nextBoundary = boundaryFinder(text);
      const events: string[] = [];
      let at = 0;
      for (let end = nextBoundary(0); end !== -1; end = nextBoundary(at)) {
        events.push(text.slice(at, end));
        at = end;
      }
      hold(text.slice(at));
      return events;
    },
    rest: take,
    waiting: () => size,
  };
}

/** Finds the end of the first blank line at or behind a position, or -1. */
function boundaryFinder(text: string): (from: number) => number {
  if (!text.includes("\r")) {
    return (from) => {
      const at = text.indexOf("\n\n", from);
      return at === -1 ? -1 : at + 2;
    };
  }
  return (from) => {
    boundary.lastIndex = from;
    return boundary.test(text) ? boundary.lastIndex : -1;
  };
}

/** The data of one event, with the way back from its characters to the event's. */
export interface EventData {
  text: string;
  /** Position in the event of a position in `text`. */
  position(offset: number): number;
}

// A stream may begin with a byte order mark.
const dataLine = /(?:^(?:\u00ef\u00bb\u00bf)?|[\r\n])data:[ ]?([^\r\n]*)/g;
const furtherDataLine = /[\r\n]data:/;

function firstLineEnd(event: string): number {
  return event.includes("\r") ? event.search(/[\r\n]/) : event.indexOf("\n");
}

function isLastLine(event: string, end: number): boolean {
  return end === -1 || end >= event.length - 2 || !furtherDataLine.test(event.slice(end));
}

/** The joined `data:` lines of an event; `undefined` when it has none (a comment, a bare `event:`). */
export function dataOf(event: string): EventData | undefined {
  if (event.startsWith("data:")) {
    const start = event.charCodeAt(5) === 0x20 ? 6 : 5;
    const end = firstLineEnd(event);
    if (isLastLine(event, end)) {
      return { text: end === -1 ? event.slice(start) : event.slice(start, end), position: (offset) => offset + start };
    }
  }
  return joinedData(event);
}

function joinedData(event: string): EventData | undefined {
  const lines: { offset: number; position: number }[] = [];
  const texts: string[] = [];
  let offset = 0;
  for (const match of event.matchAll(dataLine)) {
    const text = match[1] ?? "";
    lines.push({ offset, position: match.index + match[0].length - text.length });
    texts.push(text);
    offset += text.length + 1;
  }
  if (lines.length === 0) return undefined;
  return {
    text: texts.join("\n"),
    position(wanted) {
      const line = lines.findLast((candidate) => candidate.offset <= wanted);
      return line === undefined ? wanted : line.position + wanted - line.offset;
    },
  };
}
