import { afterAll, describe, expect, test } from "bun:test";
import { clients, post, type Client, type PostOptions } from "./translation-clients.ts";
import { samplesOf, spoken, startTranslationRig, upstreamIds, type UpstreamId } from "./translation-rig.ts";

const { gateway, upstream, ...rig } = await startTranslationRig();
const strict = await startTranslationRig({ config: { server: { strict: true } } });
afterAll(() => Promise.all([rig[Symbol.asyncDispose](), strict[Symbol.asyncDispose]()]));

/** Fields of each client that no other protocol has, and what is lost of them. */
const ownFields: Readonly<Record<string, { body: object; lost: readonly string[] }>> = {
  "openai-chat": {
    body: { logit_bias: { "50256": -100 }, prediction: { type: "content", content: "x" } },
    lost: ["logit_bias", "prediction"],
  },
  "openai-completions": { body: { logit_bias: { "50256": -100 } }, lost: ["logit_bias"] },
  "openai-responses": {
    body: { context_management: [{ type: "compaction" }] },
    lost: ["context_management"],
  },
  "anthropic-messages": { body: { container: "c1", inference_geo: "eu" }, lost: ["container", "inference_geo"] },
  "gemini-generate": { body: { cachedContent: "cachedContents/x" }, lost: ["cachedContent"] },
  "ollama-chat": { body: { options: { mirostat: 1 } }, lost: ["options.mirostat"] },
  "ollama-generate": { body: { raw: true, options: { mirostat: 1 } }, lost: ["raw", "options.mirostat"] },
};

function ownOf({ protocol }: Client): { body: object; lost: readonly string[] } {
  const own = ownFields[protocol];
  if (own === undefined) throw new Error(`nothing is known of ${protocol}`);
  return own;
}

/** Upstreams that cannot take what is this client's own; chat takes what completions have. */
function strangersTo({ protocol }: Client): UpstreamId[] {
  const related = { "openai-completions": "openai-chat", "ollama-generate": "ollama-chat" }[protocol as string];
  return upstreamIds.filter((id) => spoken[id] !== protocol && spoken[id] !== related);
}

function send(
  to: Pick<typeof gateway, "origin">,
  client: Client,
  { model, isStream = false, ...options }: PostOptions & { model: string; isStream?: boolean },
): Promise<Response> {
  const body = { ...client.body({ model, isStream }), ...ownOf(client).body };
  return post(to, client, { ...options, path: client.path(model, isStream), body });
}

/** Names behind `dropped=` in the warning header. */
function warned(response: Response): string[] {
  const text = response.headers.get("x-orcestator-warnings") ?? "";
  return [...text.matchAll(/dropped=([^;]+);reason="[^"]+"/g)].map(([, name = ""]) => name);
}

/** Lost fields of a client by the provider that could not take them. */
async function counted({ protocol }: Client): Promise<Record<string, number>> {
  const samples = (await samplesOf(gateway)).filter(
    ({ name, labels }) => name === "orcestator_dropped_fields_total" && labels["client"] === protocol,
  );
  return Object.fromEntries(samples.map(({ labels, value }) => [labels["upstream"], value]));
}

async function expectRefused(client: Client, response: Response): Promise<void> {
  const text = await response.text();
  expect(response.status).toBe(400);
  const { message } = client.errorOf(JSON.parse(text), 400);
  expect(message).toStartWith("Strict mode: ");
  for (const field of ownOf(client).lost) expect(message).toContain(`\`${field}\``);
  expect(response.headers.get("x-orcestator-warnings")).toBeNull();
}

describe.each(clients.map((client) => [client.name, client] as const))("what is lost of %s", (_, client) => {
  const { lost } = ownOf(client);
  const strangers = strangersTo(client);

  test("is named in a header, of streams too, and counted", async () => {
    const before = await counted(client);
    for (const id of strangers) {
      for (const isStream of [false, true]) {
        const response = await send(gateway, client, { model: `${id}-plain`, isStream });
        const text = await response.text();
        expect({ status: response.status, text: response.ok ? "" : text }).toEqual({ status: 200, text: "" });
        expect(warned(response).toSorted()).toEqual(lost.toSorted());
      }
    }
    const after = await counted(client);
    for (const id of strangers) expect((after[id] ?? 0) - (before[id] ?? 0)).toBe(2 * lost.length);
  });

  test("is refused by a header, before anything goes upstream", async () => {
    for (const id of strangers) {
      const before = upstream.conversations.length;
      for (const value of ["1", "true"]) {
        const headers = { "x-orcestator-strict": value };
        await expectRefused(client, await send(gateway, client, { model: `${id}-plain`, headers }));
      }
      expect(upstream.conversations.length).toBe(before);
    }
  });

  test("is refused by the configuration, unless a header says otherwise", async () => {
    for (const id of strangers) {
      for (const isStream of [false, true])
        await expectRefused(client, await send(strict.gateway, client, { model: `${id}-plain`, isStream }));
      const headers = { "x-orcestator-strict": "0" };
      const lenient = await send(strict.gateway, client, { model: `${id}-plain`, headers });
      await lenient.text();
      expect(lenient.status).toBe(200);
      expect(warned(lenient).toSorted()).toEqual(lost.toSorted());
    }
  });

  test("is nothing where nothing is lost", async () => {
    for (const id of upstreamIds) {
      const model = `${id}-plain`;
      const path = client.path(model, false);
      const response = await post(strict.gateway, client, { path, body: client.body({ model, isStream: false }) });
      await response.text();
      expect([response.status, response.headers.get("x-orcestator-warnings")]).toEqual([200, null]);
    }
  });
});

test("in the same lane nothing is lost, strict or not", async () => {
  for (const client of clients) {
    const [id] = upstreamIds.filter((candidate) => spoken[candidate] === client.protocol);
    if (id === undefined || id === "ollama") continue;
    const response = await send(strict.gateway, client, { model: `${id}-plain` });
    await response.text();
    expect([response.status, response.headers.get("x-orcestator-warnings")]).toEqual([200, null]);
  }
});

test("the header goes no further than the gateway", () => {
  // The upstream calls it a violation.
  expect(upstream.violations).toEqual([]);
  expect(strict.upstream.violations).toEqual([]);
});
