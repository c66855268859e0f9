/** A request's target after the forms clients use for it have been brought to one. */
export interface InboundTarget {
  /** Path and query as the router shall see it. */
  target: string;
  /** From a `/k/<key>/…` prefix, for clients that can send no header. */
  pathKey: string | undefined;
  /** The target, or the host, is not as it came: the router needs a URL of our making. */
  isChanged: boolean;
}

// Elysia looks for the path from the 11th character on: a host of less than four letters would shift it.
const earliestPath = 11;

/** The host of the newest good request: nearly all requests have the same, and asking the URL parser costs. */
let knownHost = "";

/** Whether a URL with this host can be parsed; Bun's own request URL need not be such a one. */
function isGoodHost(host: string): boolean {
  if (host === knownHost) return true;
  if (!URL.canParse(`http://${host}/`)) return false;
  knownHost = host;
  return true;
}

/**
 * Reads a request URL. `undefined` when it is not absolute: a malformed Host makes Bun give a bare path, and guards and
 * routers would then disagree about what is asked for.
 */
export function readInboundUrl(url: string): InboundTarget | undefined {
  if (!url.startsWith("http://") && !url.startsWith("https://")) return undefined;
  const hostStart = url.indexOf("://") + 3;
  const start = url.indexOf("/", hostStart);
  if (!isGoodHost(url.slice(hostStart, start === -1 ? undefined : start))) return undefined;
  const target = start === -1 ? "/" : url.slice(start);
  const query = target.indexOf("?");
  const path = query === -1 ? target : target.slice(0, query);
  if (!path.includes("//") && !path.startsWith("/k/"))
    return { target, pathKey: undefined, isChanged: start < earliestPath };
  const collapsed = path.replace(/\/{2,}/g, "/");
  const prefix = /^\/k\/([^/]+)(?=\/|$)/.exec(collapsed);
  const rest = prefix === null ? collapsed : collapsed.slice(prefix[0].length) || "/";
  return { target: rest + (query === -1 ? "" : target.slice(query)), pathKey: decoded(prefix?.[1]), isChanged: true };
}

function decoded(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
