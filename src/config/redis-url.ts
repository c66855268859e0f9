const schemes = ["redis", "rediss", "unix", "redis+unix"];
const forms = "redis://:password@host:6379, rediss://… for TLS, or unix:///path/redis.sock";

function schemeOf(text: string): string | undefined {
  return /^([a-z][a-z0-9+.-]{0,30}):\/\//i.exec(text)?.[1]?.toLowerCase();
}

/** What is wrong with a `redis.url`, for people and without anything secret; `undefined` when nothing is. */
export function redisUrlProblem(text: string): string | undefined {
  const scheme = schemeOf(text);
  if (scheme === undefined || !schemes.includes(scheme)) return `must be ${forms}`;
  const url = URL.parse(text);
  if (url === null)
    return "is no URL; write / @ : # ? and % of a user or password in their encoded form (%2F %40 %3A %23 %3F %25)";
  if (scheme.endsWith("unix")) return url.pathname.length > 1 ? undefined : "names no socket (unix:///path/redis.sock)";
  if (url.hostname === "") return "names no host";
  return /^\/?\d*$/.test(url.pathname) ? undefined : "names a database that is no number (redis://host:6379/0)";
}

/** Of the Redis that gateways share; `undefined` where none is, or it is not to be used. */
export function usedRedisUrl({ url, enabled }: { url?: string | undefined; enabled: boolean }): string | undefined {
  return enabled ? url : undefined;
}

/** Where it is, without user and password. */
export function redisAddress(text: string): string {
  const url = URL.parse(text);
  if (url === null) return "redis.url";
  return schemeOf(text)?.endsWith("unix") === true ? url.pathname : `${url.hostname}:${url.port || "6379"}`;
}
