import { expect, test } from "bun:test";
import { createHealthLog } from "../../../src/routing/health/health-log.ts";
import { createHealthRegistry } from "../../../src/routing/health/registry.ts";
import { failed, liveTimes, refused, settingsOf } from "./scene.ts";

const key = "sk-0123456789-secret-a1b2";

function createLogged(keepsWords = true) {
  const lines: string[] = [];
  const log = createHealthLog({
    info: (line) => lines.push(`info ${line}`),
    warn: (line) => lines.push(`warn ${line}`),
  });
  const config = settingsOf({
    providers: { p: { type: "openai-compatible", baseUrl: "http://p.test", credentials: [key] } },
  });
  const registry = createHealthRegistry({ settings: config, keepsWords, now: () => 1_700_000_000_000, ...log });
  registry.configure(config);
  return { lines, registry, config };
}

test("a circuit gets one line when it opens, and one when it closes", () => {
  const { lines, registry } = createLogged();
  const target = registry.targetOf("p", "http://p.test", "vendor/m");
  liveTimes(50, target, failed("upstream_overloaded", { message: "The upstream p.test is\nbusy." }));
  liveTimes(20, target, "ok");
  expect(lines).toEqual([
    "warn p / vendor/m fails and is left alone for 5s: 5 errors in a row, the last: The upstream p.test is busy.",
    "info p / vendor/m works again.",
  ]);
});

test("a credential gets one line when it is refused, with status and words but no key, and one when it works", () => {
  const { lines, registry, config } = createLogged();
  const [credential] = config.providers["p"] ? registry.poolOf("p", config.providers["p"]).credentials : [];
  for (let count = 0; count < 5; count += 1)
    credential?.begin("m").end(refused(401, `Incorrect API key provided: ${key}\u001b[31m`));
  for (let count = 0; count < 5; count += 1) credential?.begin("m").end("ok");
  expect(lines).toEqual([
    "warn The credential #1 …a1b2 of p was refused with 401 and is not used for now: Incorrect API key provided: [credential]?[31m",
    "info The credential #1 …a1b2 of p works again.",
  ]);
});

test("a credential that is forbidden a model gets a line that names both", () => {
  const { lines, registry, config } = createLogged();
  const [credential] = config.providers["p"] ? registry.poolOf("p", config.providers["p"]).credentials : [];
  for (let count = 0; count < 5; count += 1) credential?.begin("vendor/m").end(refused(403, "No access."));
  for (let count = 0; count < 5; count += 1) credential?.begin("vendor/m").end("ok");
  expect(lines).toEqual([
    "warn The credential #1 …a1b2 of p was refused with 403 and is not used for vendor/m for now: No access.",
    "info The credential #1 …a1b2 of p works again for vendor/m.",
  ]);
});

test("where no content is kept, nothing that an upstream said is in a line, a view or a reason", () => {
  const { lines, registry, config } = createLogged(false);
  if (config.providers["p"] === undefined) throw new Error("no provider");
  const secret = "cannot process: 'My secret prompt'";
  const target = registry.targetOf("p", "http://p.test", "m");
  const [credential] = registry.poolOf("p", config.providers["p"]).credentials;
  registry.configure(config);
  if (credential === undefined) throw new Error("no credential");
  const metadata = { raw: secret };
  const error = failed("upstream_error", { message: secret, details: { upstreamStatus: 500, metadata } });
  liveTimes(5, target, error);
  for (const model of ["m", "n"]) credential.begin(model).end(refused(403, secret));
  registry.probed("p", { at: 1, ms: 1, credential, outcome: error });
  for (const told of [lines, registry.views(), target.reason(), target.bareReason()])
    expect(JSON.stringify(told)).not.toContain("secret prompt");
  expect(lines[0]).toBe(
    "warn p / m fails and is left alone for 5s: 5 errors in a row, the last: The upstream answered 500 upstream_error.",
  );
  expect(registry.views()).toMatchObject([
    {
      probe: { message: "The upstream answered 500 upstream_error." },
      targets: [{ lastError: { status: 500, message: "The upstream answered 500 upstream_error." } }],
      credentials: [{ disabled: { reason: "The upstream answered 403 upstream_rejected_credential." } }],
    },
  ]);
  liveTimes(5, registry.targetOf("p", "http://p.test", "down"), failed("upstream_unreachable"));
  expect(lines.at(-1)).toEndWith("the last: It was upstream_unreachable.");
});

test("names that clients chose cannot break a line", () => {
  const { lines, registry } = createLogged();
  liveTimes(5, registry.targetOf("p", "http://p.test", "m\nWARN  fake\u202e"), failed());
  expect(lines).toHaveLength(1);
  expect(lines[0]).toStartWith("warn p / m WARN fake? fails");
});

test("what goes through without a model is named by its provider alone", () => {
  const { lines, registry } = createLogged();
  liveTimes(5, registry.targetOf("p", "http://p.test", ""), failed());
  expect(lines[0]).toStartWith("warn p fails and is left alone");
});
