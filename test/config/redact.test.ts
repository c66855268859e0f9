import { expect, test } from "bun:test";
import { maskSecret, redactConfig } from "../../src/config/redact.ts";
import { configFolder } from "./folder.ts";

test("a mask keeps a public prefix and at most the last four characters", () => {
  expect(maskSecret("sk-or-v1-0123456789abcdefabcd")).toBe("sk-or-…abcd");
  expect(maskSecret(`sk-ant-${"x".repeat(20)}5678`)).toBe("sk-ant-…5678");
  expect(maskSecret("gsk_0123456789abcdef")).toBe("gsk_…cdef");
  expect(maskSecret("my-secret-correct-horse")).toBe("…orse");
  expect(maskSecret("short")).toBe("…");
  expect(maskSecret("")).toBe("");
});

test("nothing secret of a configuration is left in its redacted copy, and nothing else is lost", () => {
  const secrets = [
    "credential-canary-0000001",
    "inbound-canary-000000002",
    "token-canary-00000000003",
    "proxy-canary-00000000004",
    "header-canary-0000000005",
    "cookie-canary-0000000006",
    "bearer-canary-0000000007",
    "weighted-canary-00000008",
    "condition-canary-0000009",
  ];
  const [credential = "", inbound = "", token = "", proxy = "", header = "", cookie = "", bearer = ""] = secrets;
  const [weighted = "", condition = ""] = secrets.slice(7);
  using folder = configFolder({
    "orcestator.json": JSON.stringify({
      providers: {
        p: {
          type: "openai-compatible",
          baseUrl: "https://api.example/v1",
          credentials: [credential, "x", { key: weighted, weight: 2, rpm: 5 }],
          proxy: `http://user:${proxy}@proxy.example:3128`,
          headers: { "X-Api-Key": header, Cookie: cookie, "x-forward": `Bearer ${bearer}`, "x-title": "My gateway" },
        },
      },
      models: { m: { targets: [{ provider: "p", model: "x" }] } },
      routes: [{ when: { headers: { Authorization: `Bearer ${condition}`, "x-team": "search*" } }, use: "m" }],
      keys: { inbound: [inbound] },
      admin: { token },
    }),
  });
  const { config } = folder.load();
  const redacted = redactConfig(config);
  const text = JSON.stringify(redacted);
  for (const secret of secrets) expect(text).not.toContain(secret.slice(0, 13));
  expect(redacted.providers["p"]).toMatchObject({
    credentials: [{ key: "…0001" }, { key: "…" }, { key: "…0008", weight: 2, rpm: 5 }],
    proxy: "http://…@proxy.example:3128",
    baseUrl: "https://api.example/v1",
    headers: { "x-api-key": "…0005", "x-title": "…" },
  });
  expect(redacted.routes[0]?.when.headers).toEqual({ authorization: "…0009", "x-team": "search*" });
  expect(redacted.server).toEqual(config.server);
  expect(config.admin.token).toBe(token);
});

test("what is secret by its place is masked whatever it is called, and parameters by their names at any depth", () => {
  using folder = configFolder({
    "orcestator.json": JSON.stringify({
      parameters: { metadata: { token: "CANARY-global" }, max_tokens: 5 },
      providers: {
        p: {
          type: "openai-compatible",
          baseUrl: "https://api.example/v1?sig=CANARYsig&version=CANARYversion",
          credentials: ["x"],
          headers: { "x-a": "CANARY-header", "x-pass": "CANARY-pass" },
          parameters: { metadata: { deep: [{ token: "CANARY-token" }], team: "search" }, prompt: "max_tokens" },
          overrides: { "metadata.api_key": "CANARY-override" },
        },
      },
      models: { m: { targets: [{ provider: "p", model: "x", parameters: { user_secret: "CANARY-target" } }] } },
    }),
  });
  const redacted = redactConfig(folder.load().config);
  expect(JSON.stringify(redacted)).not.toContain("CANARY");
  expect(redacted.providers["p"]).toMatchObject({
    baseUrl: "https://api.example/v1?sig=…&version=…",
    parameters: { metadata: { team: "search" }, prompt: "max_tokens" },
  });
});
