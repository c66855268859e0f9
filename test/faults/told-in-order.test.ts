import { afterAll, describe, expect, test } from "bun:test";
import { faultModel } from "../support/fault-upstream.ts";
import { faultProtocols } from "../support/fault-wire.ts";
import { canary } from "./cases.ts";
import { askModel, providerAt, startFaultRig } from "./rig.ts";
import { clientOf } from "./run.ts";
import { toldTo, type ToldCode } from "./told.ts";

/** Two or three targets that all fail, and what a client must be told of it. */
interface Ending {
  what: string;
  faults: readonly string[];
  /** What stands in the message, in this order: how each of them failed. */
  causes: readonly RegExp[];
  code: ToldCode;
  retryAfter?: readonly [number, number];
}

const endings: readonly Ending[] = [
  {
    what: "an overload and a failure",
    faults: ["status:503", "status:500"],
    causes: [/503/, /500/],
    code: "upstream_error",
  },
  {
    what: "a limit and a longer one",
    faults: ["status:429:seconds:20", "status:429:seconds:40"],
    causes: [/429/, /429/],
    code: "rate_limit_exceeded",
    retryAfter: [18, 20],
  },
  {
    what: "a limit and a shorter one",
    faults: ["status:429:seconds:40", "status:429:date:20"],
    causes: [/429/, /429/],
    code: "rate_limit_exceeded",
    retryAfter: [18, 20],
  },
  {
    what: "a failure and a limit",
    faults: ["status:500", "status:429:seconds:30"],
    causes: [/500/, /429/],
    code: "upstream_error",
    retryAfter: [1, 30],
  },
  {
    what: "a refused key and a reset",
    faults: ["status:401", "rst"],
    causes: [/401/, /upstream_error/],
    code: "upstream_error",
  },
  {
    what: "an unknown model and a web page",
    faults: ["status:404", "html"],
    causes: [/404/, /upstream_invalid_response/],
    code: "upstream_invalid_response",
  },
  {
    what: "an error within 200, an overload and a redirect",
    faults: ["error-200", "status:529", "redirect:302:x"],
    causes: [/upstream_error/, /529/, /upstream_invalid_response/],
    code: "upstream_invalid_response",
  },
];

const cases = endings.flatMap((ending, number) =>
  faultProtocols.flatMap((protocol) =>
    // Each with targets of its own: what the first request learns of them would change the way of the second.
    [true, false].map((isStream) => ({ ending, protocol, isStream, alias: `${protocol}-${number}-${isStream}` })),
  ),
);

const rig = await startFaultRig({
  config(origin) {
    const providers: Record<string, unknown> = {};
    const models: Record<string, unknown> = {};
    for (const { ending, protocol, alias } of cases) {
      const targets = ending.faults.map((fault, index) => {
        const provider = `${alias}-${index}`;
        providers[provider] = providerAt(origin, protocol, provider, { retries: 0 });
        return { provider, model: faultModel(fault, provider) };
      });
      models[alias] = { targets };
    }
    return { providers, models };
  },
});
afterAll(() => rig[Symbol.asyncDispose]());

/** The causes, each behind the name of the provider that it is told of, and all in order. */
function storyOf(alias: string, causes: readonly RegExp[]): RegExp {
  const told = causes.map((cause, index) => `${alias}-${index}\\b[^;]*?${cause.source}`);
  return new RegExp(told.join(".*?"), "s");
}

describe.each(cases)("$protocol: $ending.what", ({ ending, protocol, isStream, alias }) => {
  test(`is told in order, ${isStream ? "streaming" : "whole"}`, async () => {
    const client = clientOf(protocol);
    const { status, headers, text } = await askModel(rig.gateway, protocol, { model: alias, isStream });
    const told = toldTo(protocol, ending.code);
    expect({ status, text }).toEqual({ status: told.status, text });
    const { message, word } = client.errorOf(JSON.parse(text), status);
    expect(word).toBe(told.word);
    expect(message).toMatch(storyOf(alias, ending.causes));
    expect(message).not.toContain(canary);
    const wait = headers.get("retry-after");
    if (ending.retryAfter === undefined) expect(wait).toBeNull();
    else expect(Number(wait)).toBeWithin(ending.retryAfter[0], ending.retryAfter[1] + 1);
  });
});
