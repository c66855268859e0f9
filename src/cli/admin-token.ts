import { readEnvironment } from "../config/environment.ts";
import { ConfigError } from "../config/load.ts";
import type { AskedGateway } from "./gateway-url.ts";
import { tryLoad } from "./try-load.ts";

export interface AdminAccess extends AskedGateway {
  readonly token?: string | undefined;
}

/** What to do where a gateway tells only those who look after it. */
export const tokenAdvice =
  "pass the gateway's admin token with --token, or set AUTH_TOKEN (setting admin.token) here and on the gateway; the accessToken of a login (POST /api/auth/login, or the page /dashboard/) will do with --token while it is good";

/** The token to ask a gateway's admin API with: the given one (`""` = none), else what is set here. */
export function adminTokenFor({ token, url, config }: AdminAccess): string | undefined {
  const given = token ?? readEnvironment(process.cwd(), process.env).text("AUTH_TOKEN");
  if (given === "") return undefined;
  // The token of the gateway here is nobody else's business.
  if (given !== undefined || url !== undefined) return given;
  const loaded = tryLoad(config);
  return loaded instanceof ConfigError ? undefined : loaded.config.admin.token;
}
