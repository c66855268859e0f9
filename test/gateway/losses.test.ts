import { afterAll, describe, expect, test } from "bun:test";
import type { GatewayError } from "../../src/errors.ts";
import { createGateway } from "../../src/gateway/handle.ts";
import { isStrict, refuseLosses, warningsOf } from "../../src/gateway/losses.ts";
import type { Loss } from "../../src/protocols/canonical/conversation.ts";
import { protocols } from "../../src/protocols/registry.ts";
import type { RequestRecord } from "../../src/telemetry/request-record.ts";
import { configured } from "../routing/configured.ts";
import { createRandom, randomText } from "../support/random.ts";
import { createReplayingUpstream } from "../support/replaying-upstream.ts";
import { callOf, startRun } from "./rig.ts";
import { gatewayParts, routed } from "./routed.ts";

const seed: Loss = { field: "seed", reason: "not known to anthropic-messages" };
const nested: Loss = { field: "messages[3].content[1]", reason: "pictures are not supported" };

describe("the warning header", () => {
  test("names every field with its reason", () => {
    expect(warningsOf([seed, nested])).toBe(
      'dropped=seed;reason="not known to anthropic-messages", dropped=messages[3].content[1];reason="pictures are not supported"',
    );
  });

  test("is a header whatever a client called its fields", () => {
    const random = createRandom(7);
    for (let count = 0; count < 500; count += 1) {
      const losses = Array.from({ length: 1 + Math.floor(random() * 60) }, () => ({
        field: randomText(random),
        reason: randomText(random),
      }));
      const text = warningsOf(losses);
      expect(text.length).toBeLessThanOrEqual(2000);
      expect(text).toMatch(/^[\x20-\x7e]*$/);
      // Throws for what is no header's value.
      expect(() => new Headers({ "x-orcestator-warnings": text })).not.toThrow();
    }
  });

  test("quotes no quotes", () => {
    expect(warningsOf([{ field: "a", reason: 'the "b" of it' }])).toBe(`dropped=a;reason="the 'b' of it"`);
  });
});

describe("strict mode", () => {
  test.each([
    ["1", false, true],
    ["true", false, true],
    ["TRUE", false, true],
    ["0", true, false],
    ["false", true, false],
    ["", true, false],
    ["yes please", true, false],
    [undefined, true, true],
    [undefined, false, false],
  ])("header %j over a configuration of %j is %j", (value, byDefault, expected) => {
    const headers = new Headers(value === undefined ? {} : { "x-orcestator-strict": value });
    expect(isStrict(headers, byDefault)).toBe(expected);
  });

  test("lets pass what loses nothing", () => expect(() => refuseLosses([], "claude")).not.toThrow());

  test("refuses with every field, and the first one as the parameter", () => {
    let error: GatewayError | undefined;
    try {
      refuseLosses([seed, nested], "claude (anthropic-messages)");
    } catch (thrown) {
      error = thrown as GatewayError;
    }
    expect(error).toMatchObject({ code: "invalid_request", status: 400, param: "seed" });
    expect(error?.message).toContain("claude (anthropic-messages) cannot take `seed` (not known");
    expect(error?.message).toContain("`messages[3].content[1]` (pictures");
    expect(error?.message).toContain("x-orcestator-strict: 0");
  });
});

const upstream = await createReplayingUpstream();
afterAll(() => upstream.close());

describe("the record of a request", () => {
  const provider = { type: "anthropic", baseUrl: upstream.origin, credentials: ["k"] };
  const table = routed(
    configured({
      providers: { claude: provider },
      models: { m: { targets: [{ provider: "claude", model: "plain" }] } },
    }),
  );
  const records: RequestRecord[] = [];
  const counted: object[] = [];
  const gateway = createGateway({
    ...gatewayParts(table),
    translation: startRun({ routed: table }).exchange.translation,
    textLimit: 100,
    onDropped: (call) => void counted.push(call),
    onFinish: (record) => void records.push(record),
  });

  async function ask(isStrict: boolean): Promise<RequestRecord | undefined> {
    const body = JSON.stringify({
      model: "m",
      messages: [{ role: "user", content: "Hi" }],
      seed: 1,
      logit_bias: { "5": 1 },
    });
    const call = callOf(body, new AbortController().signal, isStrict ? { "x-orcestator-strict": "1" } : {});
    await (await gateway.handle({ ...call, protocol: protocols["openai-chat"] })).text();
    return records.at(-1);
  }

  test("names what was left out, and where it went is counted", async () => {
    const record = await ask(false);
    expect(record).toMatchObject({ status: 200, attempts: 1, provider: "claude" });
    expect([...(record?.dropped ?? [])].toSorted()).toEqual(["logit_bias", "seed"]);
    expect(counted).toEqual([{ client: "openai-chat", upstream: "claude", count: 2 }]);
  });

  test("says of a strict refusal that nothing went upstream", async () => {
    const record = await ask(true);
    expect(record).toMatchObject({ status: 400, endReason: "rejected", attempts: 0, dropped: [] });
    expect(counted).toHaveLength(1);
    expect(upstream.conversations).toHaveLength(1);
  });
});
