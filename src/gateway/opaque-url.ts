import { GatewayError, invalidRequest } from "../errors.ts";
import type { RouteTable } from "../routing/route.ts";

const version = /\/(v\d+[a-z]*\d*)$/;

/** Some servers decode a path before they walk it, so a step up must not hide behind an escaped slash either. */
function climbs(path: string): boolean {
  const slashes = path.replace(/%(?:2f|5c)/gi, "/").replace(/%2e/gi, ".");
  return slashes.split(/[/\\]/).includes("..");
}

/**
 * Where `/p/{provider}{path}` goes: below the provider's base URL, whose version path need not be repeated. Throws
 * GatewayError (400) for a path that would leave it.
 */
export function opaqueUrl(baseUrl: string, path: string, query: URLSearchParams): URL {
  const base = new URL(baseUrl);
  const root = base.pathname.replace(/\/+$/, "");
  const own = version.exec(root)?.[1];
  const rest =
    own !== undefined && (path === `/${own}` || path.startsWith(`/${own}/`)) ? path.slice(own.length + 1) : path;
  const url = new URL(base);
  url.pathname = root + rest;
  // The URL parser resolves `..`, also an escaped one.
  if ((url.pathname !== root && !url.pathname.startsWith(`${root}/`)) || climbs(url.pathname))
    throw invalidRequest("The path leads out of the provider's base URL.");
  for (const [name, value] of query) if (name !== "key") url.searchParams.append(name, value);
  return url;
}

export function unknownProvider(name: string, { upstreams }: Pick<RouteTable, "upstreams">): GatewayError {
  const names = upstreams.map((upstream) => upstream.name).join(", ");
  const message = `There is no provider '${name.slice(0, 100)}' here; there are: ${names}.`;
  return new GatewayError({ code: "not_found", status: 404, message });
}
