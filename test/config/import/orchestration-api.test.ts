import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Converted } from "../../../src/config/import/findings.ts";
import { convertOrchestrationApi } from "../../../src/config/import/orchestration-api.ts";
import { loaded, refusal, targetsOf } from "./converted.ts";

const sample: unknown = JSON.parse(
  readFileSync(join(import.meta.dir, "../../fixtures/import/groups_config.json"), "utf8"),
);

function convert(source: unknown): Converted {
  return convertOrchestrationApi(source, { origin: "file groups.json" });
}

/** The group of the original's own documents. */
const documented = {
  groupName: "openai-primary",
  providerType: "openai",
  apiKeys: ["sk-test-key-number-1", "sk-test-key-number-2"],
  models: ["gpt-3.5-turbo", "gpt-4"],
  balancePolicy: "round_robin",
  retryCount: 3,
  timeout: 900,
  priority: 1,
  enabled: true,
  parameters: { temperature: 0.7, max_tokens: 2000 },
};

describe("an export", () => {
  const converted = convert(sample);
  const { config, warnings } = loaded(converted);
  const notes = converted.notes.join("\n");

  test("is accepted without a warning", () => {
    expect(warnings).toEqual([]);
  });

  test("groups are providers with everything they say", () => {
    expect(config.providers["openai-primary"]).toMatchObject({
      type: "openai",
      credentials: [{ key: "sk-canary-openai-key-0001" }, { key: "sk-canary-openai-key-0002" }],
      balance: "least_used",
      models: ["gpt-3.5-turbo", "gpt-4", "gpt-4-turbo"],
      aliases: { best: "gpt-4-turbo" },
      overrides: { temperature: 0.7 },
      retries: 3,
      timeouts: { firstByte: 60_000 },
    });
    expect(config.providers["Relay-paid"]).toMatchObject({
      type: "openai-compatible",
      baseUrl: "https://relay.example.com/v1",
      headers: { "x-tenant": "eu" },
      rpm: 120,
      proxy: "http://10.0.0.9:3128",
      timeouts: { total: 900_000 },
    });
    expect(config.providers["claude"]).toMatchObject({ type: "anthropic", baseUrl: "https://api.anthropic.com" });
    expect(config.providers["gemini"]?.enabled).toBe(false);
  });

  test("a model that several groups serve goes to the one with the highest priority first", () => {
    expect(targetsOf(config, "gpt-4")).toEqual([
      "openai-primary/gpt-4",
      "Relay-paid/gpt-4",
      "claude/claude-3-5-sonnet-20241022",
    ]);
    expect(targetsOf(config, "best")).toEqual(["openai-primary/gpt-4-turbo"]);
  });

  test("what is different is told, and no key is", () => {
    for (const note of [
      "groups[0].api_keys, groups[1].api_keys, groups[2].api_keys: the API keys are written out",
      "groups[1].group_name: is called 'Relay-paid' here",
      "groups[1]: fake streaming is not done here",
      "groups[2].retry_count: at most 10 retries",
      "groups of another providerType serve a model of this name too",
    ]) {
      expect(notes).toContain(note);
    }
    expect(notes).not.toContain("canary");
  });
});

test("the form of the API's documents is carried whole", () => {
  const converted = convert([documented]);
  expect(loaded(converted).config.providers["openai-primary"]).toMatchObject({
    type: "openai",
    balance: "round_robin",
    models: ["gpt-3.5-turbo", "gpt-4"],
    parameters: { temperature: 0.7, max_tokens: 2000 },
    retries: 3,
    priority: 1,
  });
  expect(converted.notes).toHaveLength(1);
});

test("lists, single groups, answers of the API and rows of the database are understood", () => {
  const row = {
    id: "openai-1700000000",
    GroupName: "openai-primary",
    ProviderType: "openai",
    ApiKeys: '["sk-test-key-number-1"]',
    Models: '["gpt-4"]',
    ModelAliases: '{"best":"gpt-4"}',
    ParameterOverrides: "{}",
    CreatedAt: "2025-01-01",
    IsDeleted: false,
  };
  for (const source of [
    documented,
    [documented],
    { groups: [documented] },
    { groups: { x: documented } },
    { data: [documented] },
    [row],
  ]) {
    expect(Object.keys(loaded(convert(source)).config.providers)).toEqual(["openai-primary"]);
  }
  const { config } = loaded(convert([row]));
  expect(targetsOf(config, "best")).toEqual(["openai-primary/gpt-4"]);
  expect(convert([row]).notes).toHaveLength(1);
});

const providerOf = (fields: Record<string, unknown>): Record<string, unknown> => {
  const { tree } = convert([{ ...documented, ...fields }]);
  return (tree["providers"] as Record<string, Record<string, unknown>>)["openai-primary"] ?? {};
};

const notesOf = (fields: Record<string, unknown>): string => convert([{ ...documented, ...fields }]).notes.join("\n");

describe("one group", () => {
  test("one of type openai_responses is asked for responses", () => {
    expect(providerOf({ providerType: "openai_responses" })).toMatchObject({
      type: "openai",
      protocols: ["openai-responses"],
    });
    expect(
      loaded(convert([{ ...documented, providerType: "openai_responses", baseUrl: "https://x.example/v1" }])).warnings,
    ).toEqual([]);
  });

  test("an unknown type with a base URL is asked by OpenAI's protocol; without one it is refused", () => {
    expect(providerOf({ providerType: "newcomer", baseUrl: "https://x.example/v1" })["type"]).toBe("openai-compatible");
    expect(refusal(() => providerOf({ providerType: "newcomer" }))).toContain(
      "[0].providerType (file groups.json): must be openai",
    );
    expect(providerOf({ providerType: "openrouter" })["type"]).toBe("openrouter");
  });

  test("one without a usable key is switched off; masked keys are not taken for keys", () => {
    expect(providerOf({ apiKeys: ["sk-a***z"] })["enabled"]).toBe(false);
    expect(notesOf({ apiKeys: ["sk-a***z"] })).toContain("masked keys cannot be carried over");
  });

  test("an unknown balance takes the keys in their order", () => {
    expect(providerOf({ balancePolicy: "failover" })["balance"]).toBe("priority");
    expect(notesOf({ balancePolicy: "magic" })).toContain("[0].balancePolicy: there is no such policy");
  });

  test("fields that are the request itself are not set", () => {
    expect(providerOf({ parameters: { model: "x", "a.b": 1, top_p: 1 } })["parameters"]).toEqual({ top_p: 1 });
  });

  test("a SOCKS proxy is told, a proxy with a password is kept", () => {
    const proxy = { host: "10.0.0.1", port: 1080, type: "socks5" };
    expect(providerOf({ proxyEnabled: true, proxyConfig: proxy })["proxy"]).toBeUndefined();
    expect(notesOf({ proxyEnabled: true, proxyConfig: proxy })).toContain("only HTTP proxies can be used");
    const withPassword = { ...proxy, type: "http", username: "me", password: "p@ss" };
    expect(providerOf({ proxyEnabled: true, proxyConfig: withPassword })["proxy"]).toBe(
      "http://me:p%40ss@10.0.0.1:1080",
    );
    expect(providerOf({ proxyEnabled: false, proxyConfig: withPassword })["proxy"]).toBeUndefined();
  });

  test("a deleted one is left out", () => {
    const { tree, notes } = convert([{ ...documented, isDeleted: true }]);
    expect(tree).toEqual({});
    expect(notes).toEqual(["[0]: was deleted; left out"]);
  });
});

test("groups of one name, or of none that is one here, get names of their own", () => {
  const { tree } = convert([documented, documented, { ...documented, groupName: "公益" }]);
  expect(Object.keys(tree["providers"] as object)).toEqual(["openai-primary", "openai-primary-2", "group-3"]);
});

test("proxy keys are told, not carried", () => {
  const { notes } = convert({ groups: [documented], proxy_keys: [{ name: "app", key_value: "secret-canary" }] });
  expect(notes.join()).toContain("proxy_keys[0]: proxy keys are not carried over");
  expect(notes.join()).not.toContain("canary");
});

test("all mistakes are told at once, with their places", () => {
  const message = refusal(() =>
    convert({
      groups: [
        3,
        {
          groupName: "",
          providerType: "openai",
          baseUrl: "nowhere",
          timeout: "soon",
          enabled: "perhaps",
          models: [{}],
        },
      ],
    }),
  );
  for (const place of [
    "groups[0] (file groups.json): must be an object with groupName",
    "groups[1].groupName (file groups.json): is missing",
    "groups[1].baseUrl (file groups.json): must be an http:// or https:// URL",
    "groups[1].timeout (file groups.json): must be a number",
    "groups[1].enabled (file groups.json): must be true or false",
    "groups[1].models[0] (file groups.json): must be text",
  ]) {
    expect(message).toContain(place);
  }
  expect(refusal(() => convert({}))).toContain("there are no groups; export them with POST /admin/groups/export");
});
