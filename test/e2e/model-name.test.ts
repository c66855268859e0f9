import { afterAll, beforeEach, expect, test } from "bun:test";
import { errorOf, eventsOf, postChat } from "../support/chat.ts";
import { startRig } from "../support/e2e.ts";
import { okJson, okStream } from "../support/replies.ts";

const plain = await startRig({ env: { OR_DEFAULT_MODEL: "vendor/default" } });
const configured = await startRig({
  configText: (url) => `
providers:
  main: {type: openrouter, baseUrl: "${url}", credentials: ["\${OR_API_KEY}"], acceptsAnyModel: true}
  strict: {type: openai-compatible, baseUrl: "${url}", credentials: [sk-strict]}
models:
  smart: {targets: [{provider: strict, model: vendor/smart-1}]}
  spare: {targets: [{provider: strict, model: vendor/broken}, {provider: main, model: vendor/spare}]}
`,
});
const upstreamNames = await startRig({
  configText: (url) => `
server: {responseModel: upstream}
providers:
  main: {type: openrouter, baseUrl: "${url}", credentials: ["\${OR_API_KEY}"]}
models:
  orcestator: {targets: [{provider: main, model: openai/gpt-4o}]}
`,
});
const rigs = [plain, configured, upstreamNames];
beforeEach(() => rigs.forEach(({ upstream }) => upstream.clear()));
afterAll(() => Promise.all(rigs.map((rig) => rig[Symbol.asyncDispose]())));

/** The model that the answer names: in JSON, and in every chunk of a stream. */
async function modelsNamed(rig: typeof plain, model: string): Promise<unknown[]> {
  const answer = (await (await postChat(rig.gateway, { model })).json()) as { model: string };
  const stream = await postChat(rig.gateway, { model, stream: true });
  const chunks = eventsOf(await stream.text()).filter((event) => typeof event !== "string");
  return [...new Set([answer.model, ...chunks.map((chunk) => chunk["model"])])];
}

test("the model orcestator is the default model upstream and orcestator in every answer", async () => {
  expect(await modelsNamed(plain, "orcestator")).toEqual(["orcestator"]);
  expect(plain.upstream.requests.map(({ model }) => model)).toEqual(["vendor/default", "vendor/default"]);
});

test("any other name goes up as asked, and the answer still says orcestator", async () => {
  expect(await modelsNamed(plain, "vendor/some-model:free")).toEqual(["orcestator"]);
  expect(plain.upstream.requests[0]?.model).toBe("vendor/some-model:free");
});

test("the answer says orcestator also when the upstream served another model than asked", async () => {
  plain.upstream.set("vendor/default", [okJson({ model: "vendor/other" }), okStream({ model: "vendor/other" })]);
  expect(await modelsNamed(plain, "orcestator")).toEqual(["orcestator"]);
});

test("the traffic log names what was asked and what served", async () => {
  plain.upstream.set("vendor/logged", okJson({ model: "vendor/logged-2026" }));
  await (await postChat(plain.gateway, { model: "vendor/logged" })).text();
  const [line] = await plain.gateway.trafficLines(1, ({ originalModel }) => originalModel === "vendor/logged");
  expect(line?.model).toBe("vendor/logged-2026");
});

test("a configured alias is named in its answers", async () => {
  expect(await modelsNamed(configured, "smart")).toEqual(["smart"]);
  expect(configured.upstream.requests.map(({ model }) => model)).toEqual(["vendor/smart-1", "vendor/smart-1"]);
  expect(configured.upstream.requests[0]?.headers["authorization"]).toBe("Bearer sk-strict");
});

test("server.responseModel: upstream leaves the upstream's name", async () => {
  expect(await modelsNamed(upstreamNames, "orcestator")).toEqual(["openai/gpt-4o"]);
});

test("a name that is no alias is a 404 where no provider accepts any model", async () => {
  const response = await postChat(upstreamNames.gateway, { model: "vendor/unknown" });
  expect(response.status).toBe(404);
  expect(await errorOf(response)).toMatchObject({ code: "model_not_found", type: "invalid_request_error" });
  expect(upstreamNames.upstream.requests).toHaveLength(0);
});

test("a request without a model name is refused or served by the default, never a 5xx", async () => {
  for (const body of [`{"messages":[]}`, `{"model":"","messages":[]}`, `{"model":7,"messages":[]}`]) {
    const response = await postChat(plain.gateway, body);
    await response.text();
    expect(response.status).toBeLessThan(500);
  }
});

test("nothing wrong was sent upstream", () => {
  for (const { upstream } of rigs) expect(upstream.violations).toEqual([]);
});
