import { breaks, fails, limits, type Row } from "./row.ts";

const unreachable = fails("upstream_unreachable", { again: true });
const badTls = fails("upstream_unreachable");

/** Places that cannot be reached. */
export const placeRows: readonly Row[] = [
  { what: "a refused connection", place: "refused", fault: "good", stream: unreachable, whole: unreachable },
  { what: "a name without an address", place: "nameless", fault: "good", stream: unreachable, whole: unreachable },
  { what: "a certificate signed by itself", place: "self-signed", fault: "good", stream: badTls, whole: badTls },
  { what: "a certificate for another name", place: "wrong-name", fault: "good", stream: badTls, whole: badTls },
  { what: "plain HTTP where TLS is expected", place: "not-tls", fault: "good", stream: badTls, whole: badTls },
  {
    what: "a handshake that never comes",
    place: "tls-silent",
    fault: "good",
    stream: fails("upstream_timeout", { again: true }),
    whole: fails("upstream_timeout", { again: true }),
  },
  {
    what: "a reset in the handshake",
    place: "tls-cut",
    fault: "good",
    stream: fails("upstream_error", { again: true }),
    whole: fails("upstream_error", { again: true }),
  },
];

const tooSlow = fails("upstream_timeout", { again: true, closes: limits.firstByte });
/** An answer in one piece may take all of the time there is, and then none is left. */
const noTime = fails("upstream_timeout", { next: false, closes: limits.total });

/** Upstreams that fall silent. */
export const silenceRows: readonly Row[] = [
  { what: "silence", fault: "silent", stream: tooSlow, whole: noTime },
  { what: "a head and then silence", fault: "head-silent", stream: tooSlow, whole: noTime },
  {
    what: "a beginning without content, and then silence",
    fault: "preamble-silent",
    stream: tooSlow,
    whole: undefined,
  },
  { what: "a head and then only signs of life", fault: "head-dribble", stream: tooSlow, whole: noTime },
  {
    what: "content and then silence",
    fault: "half-silent",
    stream: breaks("upstream_timeout", limits.idle),
    whole: noTime,
  },
  {
    what: "content and then only signs of life",
    fault: "half-dribble",
    stream: breaks("upstream_timeout", limits.progress),
    whole: noTime,
  },
];

const lost = fails("upstream_error", { again: true });
const cut = breaks("upstream_error");

/** Connections that break. */
export const breakRows: readonly Row[] = [
  { what: "a reset instead of an answer", fault: "rst", isDeadly: true, stream: lost, whole: lost },
  { what: "an end instead of an answer", fault: "fin", isDeadly: true, stream: lost, whole: lost },
  { what: "a head and a reset", fault: "head-rst", isDeadly: true, stream: lost, whole: lost },
  { what: "a head and an end without the last chunk", fault: "head-fin", isDeadly: true, stream: lost, whole: lost },
  { what: "a beginning without content and a reset", fault: "preamble-rst", stream: lost, whole: undefined },
  { what: "a beginning without content and an end", fault: "preamble-fin", stream: lost, whole: undefined },
  { what: "content and a reset", fault: "half-rst", stream: cut, whole: lost },
  { what: "content and an end without the last chunk", fault: "half-fin", stream: cut, whole: lost },
  { what: "content and an end before its length", fault: "short-length", stream: cut, whole: lost },
  { what: "an end before its length and any content", fault: "short-length-early", stream: lost, whole: lost },
  {
    what: "half an answer as long as the connection",
    fault: "close-cut",
    stream: cut,
    whole: fails("upstream_invalid_response"),
  },
  {
    what: "a connection that ends before any content",
    fault: "close-early",
    stream: lost,
    whole: fails("upstream_invalid_response"),
  },
];

const strange = fails("upstream_invalid_response", { closes: 0 });

/** Bytes that are no HTTP. */
export const malformedRows: readonly Row[] = [
  { what: "another protocol", fault: "no-http", stream: strange, whole: strange },
  { what: "20,000 headers", fault: "header-flood", stream: strange, whole: strange },
  { what: "a header of 80 KiB", fault: "long-header", stream: strange, whole: strange },
  { what: "two lengths", fault: "two-lengths", stream: strange, whole: strange },
  { what: "a header's name with a space", fault: "bad-header", stream: strange, whole: strange },
  { what: "a chunk without a length", fault: "bad-chunk", stream: strange, whole: strange },
  { what: "a coding that is not chunked", fault: "bad-coding", stream: strange, whole: strange },
  { what: "interim answers without an end", fault: "interim-flood", stream: strange, whole: strange },
  { what: "an upgrade that nobody asked for", fault: "upgrade", stream: strange, whole: strange },
  {
    what: "content and then a chunk without a length",
    fault: "half-bad-chunk",
    stream: breaks("upstream_invalid_response", 0),
    whole: strange,
  },
];
