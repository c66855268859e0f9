import type { ConfigError } from "../../config/load.ts";
import { GatewayError, invalidRequest } from "../../errors.ts";

const mostNamed = 10;

/** What is wrong with the configuration that a change would make, for whoever wanted to make it. */
export function refuseConfig({ problems }: ConfigError, what = "The configuration would not be sound"): GatewayError {
  const named = problems
    .slice(0, mostNamed)
    .map(({ path, message }) => (path === "" ? message : `${path}: ${message}`));
  const more = problems.length > mostNamed ? [`and ${problems.length - mostNamed} more`] : [];
  const text = [...named, ...more].join("; ");
  return invalidRequest(`${what}: ${text}.`.replace(/\.\.$/, "."), problems[0]?.path || undefined);
}

/** Nothing can be said of a change while what it would be laid over is broken itself. */
export function brokenBeneath({ problems }: ConfigError): GatewayError {
  const [first] = problems;
  const what = first === undefined ? "" : `: ${first.path === "" ? "" : `${first.path}: `}${first.message}`;
  const message = `Nothing can be changed while the configuration's file and environment have a mistake of their own${what}. Mend that first; 'orcestator config check' shows all of it.`;
  return new GatewayError({ code: "conflict", status: 409, message });
}
