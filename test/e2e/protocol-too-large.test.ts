import { afterAll, expect, test } from "bun:test";
import { startGateway } from "../support/gateway.ts";

const gateway = await startGateway({ args: ["--demo"], env: { OR_API_KEY: undefined } });
afterAll(() => gateway.stop());

const large = "x".repeat(40 * 1024 * 1024);

test.each([
  "/v1/chat/completions",
  "/v1/embeddings",
  "/v1/audio/transcriptions",
  "/v1/messages/count_tokens",
  "/api/embed",
])("a body that is too large for %s gets its 413, also by a client that sends everything first", async (path) => {
  const response = await fetch(gateway.origin + path, { method: "POST", body: large });
  expect(response.status).toBe(413);
  expect(await response.text()).toContain("server.maxBodyBytes");
});
