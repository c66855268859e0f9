import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { until } from "../support/e2e.ts";
import { runCommand } from "../support/gateway.ts";
import { failure, okJson } from "../support/replies.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { adminToken, at, keyOf, startRoutingRig, type Fields, type RoutingRig } from "./routing-rig.ts";

const folder = temporaryFolder();
const database = join(folder.path, "audit.db");

function startHouse(config: Fields): Promise<RoutingRig> {
  return startRoutingRig({
    providers: {
      one: {},
      two: { credentials: ["sk-two-0123456789-1", "sk-two-0123456789-2"], balance: "priority" },
      three: {},
    },
    models: {
      m: { targets: [at("one", "m1"), at("two", "m2")], fallbacks: ["spare"] },
      spare: { targets: [at("three", "m3")] },
      plain: { targets: [at("one", "plain-1")] },
    },
    config: { routes: [{ when: { task: ["code"] }, use: "m" }], ...config },
  });
}
const [kept, fleeting] = await Promise.all([startHouse({ storage: { url: `sqlite://${database}` } }), startHouse({})]);
afterAll(async () => {
  await Promise.all([kept, fleeting].map((rig) => rig[Symbol.asyncDispose]()));
  folder[Symbol.dispose]();
});

/** A request that needs two targets, two credentials and another model. */
async function failingOver({ upstream, ask }: RoutingRig): Promise<string> {
  upstream.set("m1", failure(503, { message: "Out of order." }));
  upstream.set("m2", failure(401, { message: "Who are you?" }));
  upstream.set("m3", okJson());
  const { status, id, headers } = await ask("plain", {}, { headers: { "x-orch-task-kind": "code" } });
  expect([status, headers.get("x-orcestator-provider"), headers.get("x-orcestator-attempts")]).toEqual([
    200,
    "three",
    "4",
  ]);
  return id;
}

const keptId = await failingOver(kept);
const fleetingId = await failingOver(fleeting);

interface View extends Fields {
  decisions: Fields;
  summary: string[];
}

const viewOf = async ({ admin }: RoutingRig, id: string): Promise<View> =>
  (await (await admin(`/api/requests/${id}`)).json()) as View;

const story = [
  /asked for model "plain" \(openai-chat, task "code"\)/,
  /routes\[0\] turned it to model "m"/,
  /one\/m1 \(healthy\) was in line/,
  /two\/m2 \(healthy\) was in line/,
  /asked one\/m1.*: upstream_overloaded \(status 503\).*Out of order/,
  /turned to two\/m2, credential #1 .*: upstream_rejected_credential \(status 401\).*Who are you/,
  /turned to two\/m2, credential #2 .*: upstream_rejected_credential \(status 401\)/,
  /went on with model "spare", because all targets before had failed/,
  /turned to three\/m3.*: it answered after/,
  /It was passed on in the client's own protocol/,
  /Tokens: 12 in/,
  /It was answered with status 200/,
];

/** The sentences stand in a text in this order. */
function expectStory(text: string): void {
  let rest = text;
  for (const sentence of story) {
    const found = sentence.exec(rest);
    expect({ sentence, rest: found === null ? rest : "" }).toEqual({ sentence, rest: "" });
    rest = rest.slice((found?.index ?? 0) + (found?.[0].length ?? 0));
  }
}

describe.each([
  ["with a database", kept, keptId],
  ["without a database", fleeting, fleetingId],
] as const)("the story of a failover, %s", (_, rig, id) => {
  test("is told by the API, in values and in sentences", async () => {
    const view = await viewOf(rig, id);
    expect(view).toMatchObject({
      id,
      status: 200,
      provider: "three",
      modelAsked: "plain",
      modelServed: "m3",
      attempts: 4,
    });
    expect(view.decisions).toMatchObject({
      routedBy: "routes[0]",
      model: "m",
      strategy: "priority",
      lane: "same",
      attempts: [
        { provider: "one", kind: "first", outcome: "upstream_overloaded", status: 503 },
        { provider: "two", kind: "failover", outcome: "upstream_rejected_credential", status: 401 },
        { provider: "two", kind: "failover", outcome: "upstream_rejected_credential", status: 401 },
        { provider: "three", kind: "failover", outcome: "ok" },
      ],
      fallbacks: [{ model: "spare", because: "all targets before had failed" }],
    });
    const { attempts } = view.decisions as { attempts: { atMs: number }[] };
    expect(attempts.map(({ atMs }) => atMs)).toEqual(attempts.map(({ atMs }) => atMs).toSorted((a, b) => a - b));
    expectStory(view.summary.join("\n"));
    for (const name of ["one", "two", "three"]) expect(JSON.stringify(view)).not.toContain(keyOf(name));
  });

  test("is told by the command line", async () => {
    await rig.quiet();
    const asking = ["--url", rig.gateway.origin, "--token", adminToken];
    for (const wanted of [id, "last"]) {
      const { exitCode, stdout, stderr } = await runCommand(["explain", wanted, ...asking]);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
      expect(stdout).toContain(id);
      for (const name of ["routes[0]", "one", "two", "three", "spare", "503", "401", "Out of order"])
        expect(stdout).toContain(name);
    }
    const { stdout } = await runCommand(["explain", id, "--json", ...asking]);
    expect(JSON.parse(stdout)).toEqual(await viewOf(rig, id));
  });

  test("is told to nobody without the admin token", async () => {
    for (const headers of [{}, { authorization: "Bearer wrong" }] as Record<string, string>[])
      for (const path of [
        `/api/requests/${id}`,
        "/api/requests",
        "/api/providers/health",
        "/api/providers/one/health",
      ]) {
        const response = await fetch(rig.gateway.origin + path, { headers });
        expect([path, response.status]).toEqual([path, 401]);
        expect(await response.text()).not.toContain("m1");
      }
    const { exitCode, stderr } = await runCommand(["explain", id, "--url", rig.gateway.origin]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain("401");
  });

  test("of a failure has its error", async () => {
    rig.upstream.otherwise(failure(500));
    rig.upstream.set("plain-1", failure(400, { message: "No such thing." }));
    const { id, status } = await rig.ask("plain");
    expect(status).toBe(400);
    const view = await viewOf(rig, id);
    expect(view).toMatchObject({ status: 400, errorCode: "invalid_request", errorMessage: "No such thing." });
    expect(view.summary.join("\n")).toContain("Error: invalid_request: No such thing.");
  });

  test("of a request that nobody was asked for is short", async () => {
    const { id } = await rig.ask("nobody");
    const view = await viewOf(rig, id);
    expect(view).toMatchObject({ status: 404, attempts: 0, modelAsked: "nobody", errorCode: "model_not_found" });
    expect(view.summary.join("\n")).toContain("The gateway refused it with status 404");
  });
});

test("a database tells the story when the gateway is gone, and after its next start", async () => {
  await until(async () => (await runCommand(["explain", keptId, "--db", database])).exitCode === 0, "it is written");
  const { stdout } = await runCommand(["explain", keptId, "--db", database, "--json"]);
  const asBefore = await viewOf(kept, keptId);
  expect(JSON.parse(stdout)).toEqual(asBefore);
  await using next = await startHouse({ storage: { url: `sqlite://${database}` } });
  const view = await viewOf(next, keptId);
  expect(view).toEqual(asBefore);
  expectStory(view.summary.join("\n"));
});

test("without a database the story ends with the process, and the 404 says how to keep it", async () => {
  await using next = await startHouse({});
  const response = await next.admin(`/api/requests/${fleetingId}`);
  expect(response.status).toBe(404);
  expect(await response.text()).toContain("storage.url");
});
