import { describe, expect, test } from "bun:test";
import { GatewayError, type GatewayErrorOptions } from "../../src/errors.ts";
import { Tried } from "../../src/gateway/tried.ts";
import type { LimitRefusal, Scope } from "../../src/limits/limiter.ts";
import type { Target } from "../../src/routing/target.ts";
import { configured, openaiCompatibleAt } from "../routing/configured.ts";
import { routed, targetOf } from "./routed.ts";

const key = "sk-secret-0123456789";
const names = ["a", "b", "c"] as const;
const all = routed(
  configured({
    providers: Object.fromEntries(
      names.map((name) => [name, openaiCompatibleAt(`http://${name}.test`, { credentials: [key, `${key}-2`] })]),
    ),
    models: Object.fromEntries(names.map((name) => [name, { targets: [{ provider: name, model: `${name}-m` }] }])),
  }),
);
const [a, b, c] = names.map((name) => targetOf(all, name)) as [Target, Target, Target];

function failed(code: GatewayErrorOptions["code"], status: number, more: Partial<GatewayErrorOptions> = {}) {
  return new GatewayError({ code, status, message: `It was ${code}.`, ...more });
}
const overloaded = failed("upstream_overloaded", 503, { details: { upstreamStatus: 529 } });
const limited = (seconds?: number) =>
  failed("rate_limit_exceeded", 429, { details: { upstreamStatus: 429 }, retryAfterSeconds: seconds });

function refusal(kind: Scope["kind"], by: LimitRefusal["by"], retryAfterMs: number): LimitRefusal {
  return { scope: { kind, id: "a", limits: { rpm: 3, concurrency: 1 } }, by, retryAfterMs };
}

function after(...failures: readonly (readonly [Target, GatewayError])[]): Tried {
  const tried = new Tried();
  for (const [target, error] of failures) tried.failed(target, error);
  return tried;
}

describe("one target", () => {
  test("that failed speaks for itself", () =>
    expect(after([a, overloaded], [a, overloaded]).final()).toMatchObject({
      code: "upstream_overloaded",
      message: "It was upstream_overloaded. Tried: a/a-m (529 upstream_overloaded, 2 times).",
    }));

  test("whose limit is used up is named with the limit and the wait", () => {
    const tried = new Tried();
    tried.limited(a, refusal("provider", "rpm", 41_200));
    const error = tried.final();
    expect(error).toMatchObject({ code: "rate_limit_exceeded", status: 429, retryAfterSeconds: 41.2 });
    expect(error.message).toContain("3 requests a minute");
    expect(error.message).not.toContain("Not tried");
  });
});

describe("several targets", () => {
  test("are told in order, with status, wait and number of tries", () => {
    const error = after(
      [a, overloaded],
      [a, overloaded],
      [b, limited(12.2)],
      [c, failed("upstream_timeout", 504)],
    ).final();
    expect(error.message).toBe(
      "It was upstream_timeout. Tried in order: a/a-m (529 upstream_overloaded, 2 times), " +
        "b/b-m (429 rate_limit_exceeded, free again in 13 s), c/c-m (upstream_timeout).",
    );
  });

  test("have the shortest of all waits, limits of our own among them", () => {
    const tried = after([a, limited(30)], [b, limited(20)]);
    tried.limited(c, refusal("provider", "rpm", 7000));
    expect(tried.final()).toMatchObject({ status: 429, retryAfterSeconds: 7 });
  });

  test("have no wait where none is known, or where it would not help", () => {
    expect(after([a, overloaded], [b, overloaded]).final().retryAfterSeconds).toBeUndefined();
    expect(after([a, limited(30)], [b, failed("invalid_request", 400)]).final()).toMatchObject({
      status: 400,
      retryAfterSeconds: undefined,
    });
  });

  test.each([
    ["a failure before a limit", [overloaded, limited(3)], "upstream_overloaded"],
    [
      "a failure before a refused credential behind it",
      [overloaded, failed("model_not_found", 404)],
      "upstream_overloaded",
    ],
    ["the newest failure", [overloaded, failed("upstream_timeout", 504)], "upstream_timeout"],
    ["a request that is at fault before all", [overloaded, failed("invalid_request", 400)], "invalid_request"],
  ] as const)("tell of %s", (_, errors, code) => {
    expect(after([a, errors[0]], [b, errors[1]]).final().code).toBe(code);
  });

  test("are not listed without end", () => {
    const tried = new Tried();
    for (let index = 0; index < 20; index += 1) {
      tried.failed({ ...a, model: `m${index}` }, overloaded);
      tried.limited({ ...b, model: `m${index}` }, refusal("provider", "rpm", 1000));
    }
    const { message } = tried.final();
    expect(message).toContain("a/m9 (529 upstream_overloaded), and 10 more.");
    expect(message).toContain("b/m9 (provider limit rpm used up), and 10 more.");
    expect(message).not.toContain("m10");
  });

  test("that all failed before are told with why they were asked all the same, or were not", () => {
    const tried = new Tried();
    tried.resorted(a, [b, c]);
    tried.failed(a, overloaded);
    expect(tried.final().message).toMatch(
      /^It was upstream_overloaded\. Tried in order: a\/a-m \(529 upstream_overloaded\)\. It was failing before: .*\. Not tried: b\/b-m \(.*\), c\/c-m \(.*\)\.$/,
    );
  });
});

test("a limit is named once for a target, however many credentials it stopped", () => {
  const tried = new Tried();
  for (const wait of [9000, 8000]) tried.limited(a, refusal("credential", "rpm", wait));
  tried.limited(b, refusal("provider", "rpm", 30_000));
  const { message, retryAfterSeconds } = tried.final();
  expect(message.match(/credential limit rpm used up/g)).toHaveLength(1);
  expect(retryAfterSeconds).toBe(8);
});

test("a target without a model of its own is called by its provider", () =>
  expect(after([{ ...a, model: "" }, overloaded], [b, overloaded]).final().message).toContain(
    "Tried in order: a (529",
  ));

test("no credential is ever told", () => {
  const tried = after([a, overloaded]);
  tried.limited(b, {
    ...refusal("credential", "tpm", 100),
    scope: { kind: "credential", id: "b#1", limits: { tpm: 1 } },
  });
  tried.resorted(c, [a]);
  expect(tried.final().message).not.toContain(key);
});
