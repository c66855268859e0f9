import { afterAll, expect, test } from "bun:test";
import { fetchText } from "../../src/runtime/fetch-text.ts";

const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/text") return new Response("[ü]".repeat(100_000));
    if (pathname === "/large") return new Response("x".repeat(9 * 1024 * 1024));
    return Response.redirect("/text", 302);
  },
});
const origin = `http://127.0.0.1:${server.port}`;
afterAll(() => server.stop(true));

/** Why it failed. */
async function failure(url: string): Promise<string> {
  try {
    await fetchText(url);
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

test("a text comes as it is, whatever pieces it came in", async () => {
  expect(await fetchText(`${origin}/text`)).toBe("[ü]".repeat(100_000));
});

test("what is too large, elsewhere, or nowhere is refused", async () => {
  expect(await failure(`${origin}/large`)).not.toBe("");
  expect(await failure(`${origin}/moved`)).toBe(`127.0.0.1:${server.port} answered 302`);
  expect(await failure("http://127.0.0.1:1/")).toContain("refused");
});
