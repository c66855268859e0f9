import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ProtocolName } from "../../src/config/protocol-names.ts";
import type { Exchange, ReceivedRequest } from "../support/exchange.ts";
import { runCommand, startGateway } from "../support/gateway.ts";
import { listenForReplay } from "../support/replay-connection.ts";
import { playedRequest, wires } from "../support/replay-wires.ts";
import { ask, clients } from "./translation-clients.ts";

/** What a path ends with tells the protocol. */
const endings: readonly (readonly [ending: string, protocol: ProtocolName])[] = [
  ["/chat/completions", "openai-chat"],
  ["/completions", "openai-completions"],
  ["/responses", "openai-responses"],
  ["/messages", "anthropic-messages"],
];

const received: ReceivedRequest[] = [];
const violations: string[] = [];
const answerText = "Grüezi aus Zürich 🏔";

function play({ request, ...exchange }: Exchange): void {
  received.push(request);
  const protocol = endings.find(([ending]) => request.path.endsWith(ending))?.[1];
  if (protocol === undefined) {
    exchange.start({ headers: { "content-type": "application/json" } });
    exchange.write(JSON.stringify({ object: "list", data: [{ index: 0, embedding: [0.5] }], model: "m" }));
    return exchange.end();
  }
  const wire = wires[protocol];
  const played = playedRequest(request);
  violations.push(...wire.violationsOf({ ...played, path: `/v1${endings.find(([, id]) => id === protocol)?.[0]}` }));
  const script = {
    id: "answer-1",
    model: request.model,
    parts: [{ type: "text", text: answerText }],
    finish: "end",
    usage: { input: 3, cacheRead: 0, cacheWrite: 0, output: 4, reasoning: 0 },
  } as const;
  const { contentType, events } = wire.stream(script);
  const whole = wire.whole(script);
  const isStream = wire.wantsStream(played);
  exchange.start({ headers: { "content-type": isStream ? contentType : whole.contentType } });
  for (const piece of isStream ? events : [whole.body]) exchange.write(piece);
  return exchange.end();
}

const listener = await listenForReplay(play);
const { origin } = listener;

/** As an owner would write it. */
const configText = `
providers:
  groq:
    type: groq
    baseUrl: ${origin}/openai/v1
    credentials: [gsk-0123456789]
  deployment:
    type: azure
    baseUrl: ${origin}
    credentials: [azure-key-0001]
  newer:
    type: azure
    baseUrl: ${origin}/openai/v1
    protocols: [openai-chat, openai-responses]
    apiVersion: preview
    credentials: [azure-key-0002]
  dated:
    type: azure
    baseUrl: ${origin}
    apiVersion: 2025-03-01-preview
    protocols: [openai-responses]
    credentials: [azure-key-0003]
  messages:
    type: openai-compatible
    baseUrl: ${origin}/api/v1
    protocols: [anthropic-messages]
    credentials: [sk-messages-0001]
    headers: {x-team: blue}
models:
  by-groq: {targets: [{provider: groq, model: llama-3.3-70b}]}
  by-deployment: {targets: [{provider: deployment, model: my deployment}]}
  by-newer: {targets: [{provider: newer, model: gpt-5}]}
  by-dated: {targets: [{provider: dated, model: gpt-5}]}
  by-messages: {targets: [{provider: messages, model: claude-x}]}
logging: {file: ""}
`;
const gateway = await startGateway({ configText, env: { OR_API_KEY: undefined } });
afterAll(async () => {
  await gateway.stop();
  await listener.close();
});
beforeEach(() => {
  received.length = 0;
});

interface Expected {
  /** By the client's protocol, where it is not that of the others. */
  targets: Partial<Record<ProtocolName | "others", string>>;
  model: string;
  headers: Readonly<Record<string, string>>;
}

const azureVersion = "?api-version=2024-10-21";
const deployment = "/openai/deployments/my%20deployment";
const expected: Readonly<Record<string, Expected>> = {
  "by-groq": {
    targets: { others: "/openai/v1/chat/completions" },
    model: "llama-3.3-70b",
    headers: { authorization: "Bearer gsk-0123456789" },
  },
  "by-deployment": {
    targets: {
      others: `${deployment}/chat/completions${azureVersion}`,
      "openai-completions": `${deployment}/completions${azureVersion}`,
    },
    model: "my deployment",
    headers: { "api-key": "azure-key-0001" },
  },
  "by-newer": {
    targets: {
      others: "/openai/v1/chat/completions?api-version=preview",
      "openai-responses": "/openai/v1/responses?api-version=preview",
    },
    model: "gpt-5",
    headers: { "api-key": "azure-key-0002" },
  },
  "by-dated": {
    targets: { others: "/openai/responses?api-version=2025-03-01-preview" },
    model: "gpt-5",
    headers: { "api-key": "azure-key-0003" },
  },
  "by-messages": {
    targets: { others: "/api/v1/messages" },
    model: "claude-x",
    headers: { authorization: "Bearer sk-messages-0001", "x-team": "blue" },
  },
};

describe.each(Object.entries(expected))("a provider made by configuration alone: %s", (model, { targets, ...rest }) => {
  test.each(clients.map((client) => [client.name, client] as const))(
    "serves %s, streamed and not",
    async (_, client) => {
      for (const isStream of [false, true]) {
        const response = await ask(gateway, client, { model, isStream, key: "of-the-client" });
        const answer = await response.text();
        expect({ status: response.status, answer: response.ok ? "" : answer }).toEqual({ status: 200, answer: "" });
        const isArray = client.name === "gemini (array)" && isStream;
        const content = wires[client.protocol].contentOf(isArray ? (answer.match(/\{.*\}/gs)?.join("") ?? "") : answer);
        if (!isArray) expect(content.text).toBe(answerText);
        const request = received.at(-1);
        expect(request?.target).toBe(targets[client.protocol] ?? targets.others ?? "");
        expect(request?.model).toBe(rest.model);
        expect(request?.headers).toMatchObject(rest.headers);
        expect(JSON.stringify(request?.headers)).not.toContain("of-the-client");
        for (const name of ["authorization", "api-key", "x-api-key", "x-goog-api-key"])
          if (!(name in rest.headers)) expect(request?.headers[name]).toBeUndefined();
      }
    },
  );
});

test("Azure's other endpoints are its deployments' too", async () => {
  const cases = [
    ["by-deployment", "/embeddings", `${deployment}/embeddings${azureVersion}`],
    ["by-deployment", "/images/generations", `${deployment}/images/generations${azureVersion}`],
    ["by-newer", "/embeddings", "/openai/v1/embeddings?api-version=preview"],
  ] as const;
  for (const [model, path, target] of cases) {
    const body = JSON.stringify({ model, input: "a", prompt: "a" });
    const response = await fetch(`${gateway.url}${path}`, { method: "POST", body });
    await response.text();
    expect([response.status, received.at(-1)?.target]).toEqual([200, target]);
    expect(received.at(-1)?.headers["api-key"]).toStartWith("azure-key-");
  }
});

test("nothing wrong was sent upstream", () => expect(violations).toEqual([]));

async function check(providers: string): Promise<{ exitCode: number; stdout: string }> {
  const folder = await mkdtemp(join(tmpdir(), "orcestator-providers-"));
  const path = join(folder, "conf.yaml");
  await writeFile(path, `providers:\n${providers}\n`);
  const result = await runCommand(["config", "check", "--config", path]);
  await rm(folder, { recursive: true, force: true });
  return result;
}

describe("config check refuses", () => {
  test.concurrent.each([
    [
      "a protocol that the type cannot speak",
      "  a: {type: anthropic, protocols: [anthropic-messages, gemini-generate], credentials: [k-0123456789]}",
      /providers\.a\.protocols\[1\].*\n?.*type anthropic do not speak gemini-generate; they can speak anthropic-messages, openai-chat/,
    ],
    [
      "Anthropic's for Azure",
      "  a: {type: azure, baseUrl: 'https://x.openai.azure.com', protocols: [anthropic-messages], credentials: [k-0123456789]}",
      /type azure do not speak anthropic-messages; they can speak openai-chat, openai-completions, openai-responses/,
    ],
    [
      "a protocol that there is not",
      "  a: {type: openai-compatible, baseUrl: 'http://127.0.0.1:1/v1', protocols: [openai-chats]}",
      /providers\.a\.protocols\[0\][\s\S]*openai-chat/,
    ],
    [
      "no protocol at all",
      "  a: {type: openai-compatible, baseUrl: 'http://127.0.0.1:1/v1', protocols: []}",
      /providers\.a\.protocols/,
    ],
    [
      "Azure without its address",
      "  a: {type: azure, credentials: [k-0123456789]}",
      /providers\.a\.baseUrl.*\n?.*missing/,
    ],
    ["a type that there is not", "  a: {type: grok, credentials: [k-0123456789]}", /providers\.a\.type[\s\S]*groq/],
    ["groq without a key", "  a: {type: groq}", /GROQ_API_KEY/],
  ])("%s", async (_, providers, message) => {
    const { exitCode, stdout } = await check(providers);
    expect(stdout).toMatch(message);
    expect(exitCode).toBe(1);
  });
});
