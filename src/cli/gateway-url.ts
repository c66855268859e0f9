import { existsSync } from "node:fs";
import { loadServerConfig } from "../config/load.ts";
import type { ServerConfig } from "../config/schema.ts";
import { httpUrl } from "./http.ts";
import { usageError } from "./output.ts";

const anyAddress: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1" };

function hostInUrl(host: string): string {
  const reachable = anyAddress[host] ?? host;
  return reachable.includes(":") ? `[${reachable}]` : reachable;
}

/** URL under which this machine reaches the API of a server with these settings. */
export function serverUrl(server: Pick<ServerConfig, "host" | "port" | "tls">): string {
  return `${server.tls === undefined ? "http" : "https"}://${hostInUrl(server.host)}:${server.port}`;
}

export interface AskedGateway {
  /** As a person typed it. */
  readonly url?: string | undefined;
  /** Path of the configuration to look into where no URL is given. */
  readonly config?: string | undefined;
}

/** URL of the gateway to ask: by default the configured one, whatever else may be wrong with the configuration. */
export function gatewayUrl({ url, config }: AskedGateway): string {
  if (config !== undefined && !existsSync(config)) throw usageError(`--config: there is no file ${config}`);
  return url === undefined ? serverUrl(loadServerConfig({ configPath: config })) : httpUrl(url);
}
