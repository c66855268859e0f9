import { describe, expect, test } from "bun:test";
import type { GatewayError } from "../../../src/errors.ts";
import type { Credential } from "../../../src/routing/credential.ts";
import { createScene, failed, refused, settingsOf, type Scene } from "./scene.ts";

const day = 24 * 3600;

interface CredentialScene extends Scene {
  credential: Credential;
  end: (result: "ok" | "neutral" | GatewayError, model?: string) => boolean;
}

function createCredential(key: string | undefined = "sk-0123456789-a1b2", health: object = {}): CredentialScene {
  const providers = { p: { type: "openai-compatible", baseUrl: "http://p.test", credentials: key ? [key] : [] } };
  const scene = createScene({ providers, health });
  const config = settingsOf({ providers }).providers["p"];
  const [credential] = config === undefined ? [] : scene.registry.poolOf("p", config).credentials;
  if (credential === undefined) throw new Error("no credential");
  return {
    ...scene,
    credential,
    end(result, model = "m") {
      const ticket = credential.begin(model);
      ticket.end(result);
      return ticket.isProbe;
    },
  };
}

const broke = (message = "Insufficient credits."): GatewayError =>
  failed("insufficient_quota", { message, details: { upstreamStatus: 402 } });
const limited = (more: object = {}): GatewayError => failed("rate_limit_exceeded", more);

describe("a credential that is refused", () => {
  test.each([401, 407])("with %d is disabled for all models, visibly, and alarmed once", (status) => {
    const { credential, end, now, alarms } = createCredential(undefined, { retryAfter: "1h" });
    for (let count = 0; count < 3; count += 1) end(refused(status, "No such key."));
    expect([credential.isBlocked("m"), credential.isBlocked("other")]).toEqual([true, true]);
    expect(credential.blockedUntil("m")).toBe(now() + 3_600_000);
    expect(credential.view()).toMatchObject({
      status: "unhealthy",
      circuit: "open",
      reason: "No such key.",
      disabled: { since: now(), until: now() + 3_600_000, reason: "No such key." },
      lastError: { status },
      errors: 3,
    });
    expect(alarms).toEqual(["p #1 …a1b2 disabled"]);
  });

  test("for lack of money is disabled too, until a request with a model has ended well", () => {
    const { credential, end, alarms } = createCredential();
    end(broke());
    expect([credential.isBlocked("m"), credential.isBlocked("other")]).toEqual([true, true]);
    const begun = credential.begin("m");
    begun.opened(10, "stream");
    expect(credential.isBlocked("m")).toBe(true);
    begun.end("neutral");
    end("ok", "");
    expect(credential.isBlocked("m")).toBe(true);
    end("ok");
    expect([credential.isBlocked("m"), alarms]).toEqual([false, ["p #1 …a1b2 disabled", "p #1 …a1b2 recovered"]]);
  });

  test("for lack of money may be tried by what goes through without a model at the usual times", () => {
    const { credential, end, pass } = createCredential(undefined, { retryAfter: "1m" });
    end(broke(), "");
    pass(60_000);
    end("ok", "");
    expect(credential.isBlocked("")).toBe(false);
  });

  test("is not brought back by the beginning of what goes through without a model: it may be an error that is passed on", () => {
    const { credential, end } = createCredential();
    end(refused());
    const ticket = credential.begin("");
    ticket.opened(10, "whole");
    ticket.end("neutral");
    expect(credential.isBlocked("m")).toBe(true);
    end("ok", "");
    expect(credential.isBlocked("m")).toBe(false);
  });

  test("is tried by one request when its time is over, and works again when that does", () => {
    const { credential, end, pass, alarms } = createCredential(undefined, { retryAfter: "1m" });
    end(refused());
    pass(59_999);
    expect(end("neutral")).toBe(false);
    pass(1);
    expect([credential.isBlocked("m"), credential.view().status, credential.view().circuit]).toEqual([
      false,
      "degraded",
      "half_open",
    ]);
    const probe = credential.begin("m");
    expect([probe.isProbe, credential.isBlocked("m"), credential.begin("m").isProbe]).toEqual([true, true, false]);
    expect(credential.blockedUntil("m")).toBeDefined();
    probe.end("neutral");
    expect(end("ok")).toBe(true);
    expect(credential.view()).toMatchObject({ status: "healthy", disabled: undefined, reason: undefined });
    expect(alarms).toEqual(["p #1 …a1b2 disabled", "p #1 …a1b2 recovered"]);
  });

  test("and is refused again when it is tried, is left alone for as long again, without another alarm", () => {
    const { credential, end, pass, now, alarms } = createCredential(undefined, { retryAfter: "1m" });
    end(refused());
    pass(60_000);
    expect(end(refused(401, "Still not."))).toBe(true);
    expect(credential.view().disabled).toEqual({ since: now() - 60_000, until: now() + 60_000, reason: "Still not." });
    expect(alarms).toHaveLength(1);
  });

  test("works again as soon as a stream with it has begun, at any time", () => {
    const { credential, end } = createCredential();
    end(refused());
    const ticket = credential.begin("m");
    ticket.opened(100, "stream");
    expect(credential.isBlocked("m")).toBe(false);
    ticket.end(failed("upstream_error"));
    expect(credential.view()).toMatchObject({ status: "healthy", errors: 1 });
  });

  test("is not brought back by a request that went out before", () => {
    const { credential, end } = createCredential();
    const earlier = credential.begin("m");
    end(refused());
    earlier.opened(100, "stream");
    earlier.end("ok");
    expect(credential.isBlocked("m")).toBe(true);
    end("ok");
    expect(credential.isBlocked("m")).toBe(false);
  });

  test("is never quoted in what is told of it", () => {
    const key = "sk-secret-0123456789abcdef";
    const { credential, end } = createCredential(key);
    end(refused(401, `Incorrect API key provided: ${key}. You can find yours elsewhere.`));
    expect(JSON.stringify(credential.view())).not.toContain(key);
    expect(credential.view().reason).toContain("[credential]");
    expect(credential.label).toBe("#1 …cdef");
  });
});

describe("a credential with too little money for a request", () => {
  test.each([
    "This request requires more credits, or fewer max_tokens. You requested up to 65536 tokens, but can only afford 3395.",
    "Prompt tokens limit exceeded: 64128 > 6964. To increase, visit https://openrouter.ai/settings/credits",
    "More credits are required to run this request. 128000 token capacity required, 19484 available.",
  ])("rests a little for its model: %s", (message) => {
    const { credential, end, now, alarms } = createCredential();
    end(broke(message));
    expect([credential.blockedUntil("m"), credential.isBlocked("other")]).toEqual([now() + 30_000, false]);
    expect([credential.view().disabled, alarms]).toEqual([undefined, []]);
  });

  test.each([
    "Insufficient credits. Add more using https://openrouter.ai/settings/credits",
    "This request requires more credits, or fewer max_tokens. You requested up to 32000 tokens, but can only afford 0. To increase, …",
    "Prompt tokens limit exceeded: 64128 > 0.",
  ])("is disabled where there is none at all: %s", (message) => {
    const { credential, end } = createCredential();
    end(broke(message));
    expect([credential.isBlocked("m"), credential.isBlocked("other")]).toEqual([true, true]);
  });
});

describe("a credential that is forbidden a model", () => {
  test("is left alone for that model only, for as long as a refused one, and alarmed once", () => {
    const { credential, end, now, pass, alarms } = createCredential(undefined, { retryAfter: "1h" });
    for (let count = 0; count < 3; count += 1) end(refused(403, "No access to model m."));
    expect([credential.blockedUntil("m"), credential.isBlocked("other")]).toEqual([now() + 3_600_000, false]);
    expect(credential.view()).toMatchObject({
      status: "degraded",
      circuit: "closed",
      disabled: undefined,
      coolingUntil: { m: now() + 3_600_000 },
      lastError: { status: 403 },
    });
    expect(alarms).toEqual(["p #1 …a1b2 disabled for m"]);
    pass(3_600_000);
    expect(credential.isBlocked("m")).toBe(false);
  });

  test("is told with its status, its model and the end, and its return once", () => {
    const { credential, end, now, pass, alarms } = createCredential(undefined, { retryAfter: "1h" });
    end(limited({ message: "Slow down.", details: { upstreamStatus: 429 }, retryAfterSeconds: 7200 }), "slow");
    const cooling = new Date(now() + 7_200_000).toISOString().slice(0, 19);
    expect(credential.view()).toMatchObject({
      reason: `429 for slow until ${cooling}Z: Slow down.`,
      refusedModels: [],
    });
    end(refused(403, "No access to model m."));
    const blocked = new Date(now() + 3_600_000).toISOString().slice(0, 19);
    expect(credential.view()).toMatchObject({
      reason: `403 for m until ${blocked}Z: No access to model m.`,
      refusedModels: ["m"],
    });
    pass(3_600_000);
    const ticket = credential.begin("m");
    ticket.opened(1, "stream");
    ticket.end("ok");
    end("ok");
    end("ok", "slow");
    expect(alarms).toEqual(["p #1 …a1b2 disabled for m", "p #1 …a1b2 recovered for m"]);
    expect(credential.view()).toMatchObject({ reason: undefined, refusedModels: [] });
  });

  test("is not told to be back by what went out before it was forbidden", () => {
    const { credential, end, alarms } = createCredential();
    const earlier = credential.begin("m");
    end(refused(403));
    earlier.end("ok");
    expect(alarms).toEqual(["p #1 …a1b2 disabled for m"]);
  });

  test("may use it again as soon as that has worked", () => {
    const { credential, end } = createCredential();
    end(refused(403));
    end("ok");
    expect(credential.isBlocked("m")).toBe(false);
  });

  test("is disabled when a second one is forbidden before anything has worked", () => {
    const { credential, end, alarms } = createCredential();
    const earlier = credential.begin("good");
    end(refused(403));
    earlier.end("ok");
    end(refused(403), "n");
    expect([credential.isBlocked("other"), credential.view().circuit]).toEqual([true, "open"]);
    expect(alarms).toEqual(["p #1 …a1b2 disabled for m", "p #1 …a1b2 disabled"]);
    end("ok", "other");
    expect(["other", "m", "n"].map((model) => credential.isBlocked(model))).toEqual([false, true, true]);
  });

  test("is not disabled where another model has worked since, or the first one was long ago", () => {
    const { credential, end, pass } = createCredential(undefined, { retryAfter: "1h" });
    end(refused(403));
    end("ok", "other");
    end(refused(403), "n");
    expect(credential.isBlocked("other")).toBe(false);
    pass(3_600_000);
    end(refused(403), "o");
    expect(credential.isBlocked("other")).toBe(false);
    end(refused(403), "m");
    expect(credential.isBlocked("other")).toBe(true);
  });

  test("is not disabled for a path without a model that is forbidden", () => {
    const { credential, end } = createCredential();
    end(refused(403), "");
    end(refused(403));
    end(refused(403), "");
    expect([credential.isBlocked("other"), credential.isBlocked(""), credential.isBlocked("m")]).toEqual([
      false,
      true,
      true,
    ]);
  });

  test("is left alone for as long again when a 403 is what a try of a refused one gets", () => {
    const { credential, end, pass, now } = createCredential(undefined, { retryAfter: "1m" });
    end(refused());
    pass(60_000);
    expect(end(refused(403, "Still not."))).toBe(true);
    expect(credential.view().disabled).toEqual({ since: now() - 60_000, until: now() + 60_000, reason: "Still not." });
  });
});

describe("a credential that is asked too often", () => {
  test("cools exactly as long as the upstream says, and for that model only", () => {
    const { credential, end, pass, now, alarms } = createCredential();
    end(limited({ retryAfterSeconds: 7.25 }));
    expect(credential.blockedUntil("m")).toBe(now() + 7250);
    expect([credential.isBlocked("other"), credential.blockedUntil("other")]).toEqual([false, undefined]);
    expect(credential.view()).toMatchObject({
      status: "degraded",
      coolingUntil: { m: now() + 7250 },
      disabled: undefined,
    });
    pass(7249);
    expect(credential.isBlocked("m")).toBe(true);
    pass(1);
    expect(credential.isBlocked("m")).toBe(false);
    expect([credential.view().status, alarms]).toEqual(["healthy", []]);
  });

  test.each([
    ["a Retry-After of 0", { retryAfterSeconds: 0 }, 0],
    ["a Retry-After beyond a day", { retryAfterSeconds: 40 * day }, day],
    ["a Retry-After that is none", { retryAfterSeconds: Number.NaN }, 30],
    ["nothing", {}, 30],
    ["headers", { headers: { "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s" } }, 360],
    [
      "a Retry-After and headers",
      { retryAfterSeconds: 2, headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "9s" } },
      2,
    ],
    [
      "OpenRouter's headers inside the error",
      {
        details: {
          metadata: {
            headers: { "X-RateLimit-Limit": "50", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1700000090000" },
          },
        },
      },
      90,
    ],
    ["metadata of another shape", { details: { metadata: { headers: ["0"] } } }, 30],
    ["headers of another shape", { details: { metadata: { headers: { "X-RateLimit-Remaining": {} } } } }, 30],
  ])("by %s", (_name, more, seconds) => {
    const { credential, end, now } = createCredential();
    end(limited(more));
    const until = credential.blockedUntil("m");
    expect(until).toBe(seconds === 0 ? undefined : now() + seconds * 1000);
  });

  test("cools for the newest time that is named, and no shorter because of one that names none", () => {
    const { credential, end, now } = createCredential();
    end(limited({ retryAfterSeconds: 100 }));
    end(limited());
    expect(credential.blockedUntil("m")).toBe(now() + 100_000);
    end(limited({ retryAfterSeconds: 5 }));
    expect(credential.blockedUntil("m")).toBe(now() + 5000);
    end(limited());
    expect(credential.blockedUntil("m")).toBe(now() + 30_000);
  });

  test("does not cool any more after a success that went out later, and not because of an earlier one", () => {
    const { credential, end } = createCredential();
    const earlier = credential.begin("m");
    end(limited());
    earlier.end("ok");
    expect(credential.isBlocked("m")).toBe(true);
    end("ok", "other");
    expect(credential.isBlocked("m")).toBe(true);
    end("ok");
    expect(credential.isBlocked("m")).toBe(false);
  });

  test("cools where no key is needed, too", () => {
    const { credential, end } = createCredential("");
    expect([credential.key, credential.label]).toEqual([undefined, "none"]);
    end(limited());
    expect(credential.isBlocked("m")).toBe(true);
  });

  test("remembers a bounded number of models", () => {
    const { credential, end } = createCredential();
    for (let model = 0; model < 1000; model += 1) end(limited(), `m${model}`);
    expect(Object.keys(credential.view().coolingUntil).length).toBeLessThanOrEqual(200);
    expect(credential.isBlocked("m999")).toBe(true);
  });

  test("for a model called __proto__ is as any other", () => {
    const { credential, end } = createCredential();
    end(limited(), "__proto__");
    expect([credential.isBlocked("__proto__"), credential.isBlocked("m")]).toEqual([true, false]);
    expect(Object.keys(credential.view().coolingUntil)).toEqual(["__proto__"]);
  });

  test("is not blocked longer by a clock that is set back", () => {
    const { credential, end, pass, now } = createCredential();
    end(limited({ retryAfterSeconds: 10 }));
    pass(-3_600_000);
    expect(credential.blockedUntil("m")).toBe(now() + 10_000);
  });
});

test("failures that are not its own say nothing of a credential", () => {
  const { credential, end, alarms } = createCredential();
  for (const code of ["upstream_overloaded", "client_cancelled", "model_not_found", "invalid_request"] as const)
    end(failed(code));
  end("neutral");
  expect(credential.view()).toMatchObject({ status: "healthy", requests: 0, errors: 0, inFlight: 0 });
  expect(alarms).toEqual([]);
});

test("a ticket of a credential is ended once", () => {
  const { credential } = createCredential();
  const ticket = credential.begin("m");
  expect(credential.inFlight).toBe(1);
  ticket.end("neutral");
  ticket.end(refused());
  ticket.opened(1, "whole");
  expect(credential.inFlight).toBe(0);
  expect(credential.view()).toMatchObject({ status: "healthy", errors: 0, latencyMs: { whole: undefined } });
});
