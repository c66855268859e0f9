import type { ConfigError } from "../../config/load.ts";
import { GatewayError, invalidRequest } from "../../errors.ts";

const mostNamed = 10;

function problemsText({ problems }: ConfigError): string {
  const named = problems
    .slice(0, mostNamed)
    .map(({ path, message }) => (path === "" ? message : `${path}: ${message}`));
  const more = problems.length > mostNamed ? [`and ${problems.length - mostNamed} more`] : [];
  return `${[...named, ...more].join("; ")}.`.replace(/([.?])\.$/, "$1");
}

/** What is wrong with the configuration that a change would make, for whoever wanted to make it. */
export function refuseConfig(error: ConfigError, what = "The configuration would not be sound"): GatewayError {
  const refused = invalidRequest(`${what}: ${problemsText(error)}`, error.problems[0]?.path || undefined);
  return refused.with({ cause: error });
}

/** Two changes were sound each by itself, and are not together: the later one is taken back. */
export function refuseCollision(error: ConfigError): GatewayError {
  const message = `Somebody else changed the configuration at the same moment, and with that this change is not sound any more: ${problemsText(error)} It was taken back; look at what there is now, and try again.`;
  return new GatewayError({ code: "conflict", status: 409, message });
}

/** Nothing can be said of a change while what it would be laid over is broken itself. */
export function brokenBeneath({ problems }: ConfigError): GatewayError {
  const [first] = problems;
  const what = first === undefined ? "" : `: ${first.path === "" ? "" : `${first.path}: `}${first.message}`;
  const message = `Nothing can be changed while the configuration's file and environment have a mistake of their own${what}. Mend that first; 'orcestator config check' shows all of it.`;
  return new GatewayError({ code: "conflict", status: 409, message });
}
