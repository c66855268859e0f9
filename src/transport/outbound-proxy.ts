import { isInRanges, parseAddressRange } from "../lib/cidr.ts";
import type { Destination } from "./destination.ts";

/** In the order in which `fetch` looks for them. */
function variablesFor({ href }: Destination): string[] {
  const scheme = href.startsWith("https:") ? "https_proxy" : "http_proxy";
  return [scheme, scheme.toUpperCase(), "all_proxy", "ALL_PROXY"];
}

/** `example.com` means its subdomains too, `host:port` that port alone, `10.0.0.0/8` addresses. */
function isExcepted({ hostname, host, port }: Destination, entry: string): boolean {
  if (entry === "*" || entry === hostname || entry === host || entry === `${hostname}:${port}`) return true;
  const range = entry.includes("/") ? parseAddressRange(entry) : undefined;
  if (range !== undefined) return isInRanges(hostname, [range]);
  return entry !== "" && hostname.endsWith(`.${entry.replace(/^\*?\./, "")}`);
}

/**
 * The variable of the environment whose proxy `fetch` would take for this destination, as it reads them. `undefined` =
 * none.
 */
export function proxyVariableFor(destination: Destination, environment: NodeJS.ProcessEnv): string | undefined {
  const isSet = (name: string): boolean => (environment[name] ?? "") !== "";
  const variable = variablesFor(destination).find(isSet);
  if (variable === undefined) return undefined;
  const exceptions = environment[["no_proxy", "NO_PROXY"].find(isSet) ?? ""] ?? "";
  const entries = exceptions.toLowerCase().split(",");
  return entries.some((entry) => isExcepted(destination, entry.trim())) ? undefined : variable;
}

/** A proxy's host and port: safe to show, other than its user and password. A variable's may lack the scheme. */
export function shownProxy(url: string): string {
  const { hostname = "", port = "", protocol } = URL.parse(url.includes("://") ? url : `http://${url}`) ?? {};
  const usualPort = protocol === "https:" ? "443" : "80";
  return `${hostname}:${port === "" ? usualPort : port}`;
}
