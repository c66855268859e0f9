import { readEnvironment } from "../config/environment.ts";
import { ConfigError } from "../config/load.ts";
import type { AskedGateway } from "./gateway-url.ts";
import { tryLoad } from "./try-load.ts";

export interface AdminAccess extends AskedGateway {
  readonly token?: string | undefined;
}

/** The token a gateway's admin is asked with: the given one, else what is set here. */
export function adminTokenFor({ token, url, config }: AdminAccess): string | undefined {
  const given = token ?? readEnvironment(process.cwd(), process.env).text("AUTH_TOKEN");
  // The token of the gateway here is nobody else's business.
  if (given !== undefined || url !== undefined) return given;
  const loaded = tryLoad(config);
  return loaded instanceof ConfigError ? undefined : loaded.config.admin.token;
}
