import type { Configuration } from "../../admin/configuration/index.ts";
import { GatewayError } from "../../errors.ts";
import type { RouteParts } from "../route-parts.ts";
import type { AdminParts } from "./resource-routes.ts";

export interface ConfigurationParts extends AdminParts, Pick<RouteParts, "configuration"> {}

/** The configuration as it is served. Throws GatewayError (409) where it cannot be read again. */
export function configurationOf({ configuration }: ConfigurationParts): Configuration {
  if (configuration !== undefined) return configuration;
  const message = "This gateway serves a configuration that it was given at its start, and can tell nothing of it.";
  throw new GatewayError({ code: "conflict", status: 409, message });
}
