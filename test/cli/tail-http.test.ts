import { expect, test } from "bun:test";
import { tailHttp } from "../../src/cli/tail-http.ts";
import { createTailResume } from "../../src/cli/tail-resume.ts";
import { formatTrafficLine } from "../../src/telemetry/traffic-line.ts";
import { collectLines } from "../support/collect-lines.ts";
import { makeRecord } from "../support/make-record.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { runCli } from "./run-cli.ts";

const token = "secret-token";

/** A gateway's tail endpoint over lines that the test adds to. */
function startEndpoint() {
  const lines: string[] = [];
  const requests: string[] = [];
  const streams = new Set<ReadableStreamDefaultController<Uint8Array>>();
  const encoder = new TextEncoder();
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      const url = new URL(request.url);
      requests.push(url.pathname + url.search);
      if (request.headers.get("authorization") !== `Bearer ${token}`) return new Response("no", { status: 401 });
      if (url.pathname !== "/api/logs/tail") return new Response("none", { status: 404 });
      const count = Number(url.searchParams.get("lines"));
      const backlog = (count === 0 ? [] : lines.slice(-count)).map((line) => `data: ${line}\n\n`).join("");
      let own: ReadableStreamDefaultController<Uint8Array> | undefined;
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          own = controller;
          controller.enqueue(encoder.encode(`: hello\n\n${backlog}`));
          if (url.searchParams.get("follow") === "true") streams.add(controller);
          else controller.close();
        },
        cancel() {
          if (own !== undefined) streams.delete(own);
        },
      });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    requests,
    lines,
    add(line: string) {
      lines.push(line);
      // In two pieces, cut inside a character where there is one.
      const bytes = encoder.encode(`: beat\n\ndata: ${line}\n\n`);
      const cut = Math.floor(bytes.length / 2);
      for (const stream of streams) {
        stream.enqueue(bytes.subarray(0, cut));
        stream.enqueue(bytes.subarray(cut));
      }
    },
    cut() {
      for (const stream of streams) stream.close();
      streams.clear();
    },
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

function follow(url: string, lines: number) {
  const collected = collectLines();
  const notices: string[] = [];
  const stop = new AbortController();
  const done = tailHttp({
    url,
    token,
    lines,
    follow: true,
    signal: stop.signal,
    onLine: (line) => collected.take(line),
    onNotice: (message) => notices.push(message),
  });
  return {
    notices,
    until: (count: number) => collected.until(count),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await done;
    },
  };
}

test("lines of a gateway come over HTTP, byte for byte", async () => {
  await using endpoint = startEndpoint();
  using temporary = temporaryFolder();
  endpoint.lines.push(...["a", "ö 😀 | \u2028", "c"].map((userText) => formatTrafficLine(makeRecord({ userText }))));
  const args = ["tail", "--url", `${endpoint.url}/`, "--no-follow", "--raw", "-n", "2"];
  const flag = await runCli([...args, "--token", token], { cwd: temporary.path });
  expect(flag).toEqual({ exitCode: 0, stderr: "", stdout: `${endpoint.lines.slice(-2).join("\n")}\n` });
  expect(endpoint.requests).toEqual(["/api/logs/tail?lines=2&follow=false"]);
  const environment = await runCli(args, { cwd: temporary.path, env: { AUTH_TOKEN: token } });
  expect(environment.stdout).toBe(flag.stdout);
});

test("a proxy in the environment is not asked for this machine's own gateway", async () => {
  await using endpoint = startEndpoint();
  using temporary = temporaryFolder();
  endpoint.lines.push("line");
  const args = ["tail", "--url", endpoint.url, "--no-follow", "--raw", "--token", token];
  const result = await runCli(args, { cwd: temporary.path, env: { HTTP_PROXY: "http://127.0.0.1:1" } });
  expect(result).toMatchObject({ exitCode: 0, stdout: "line\n" });
});

test("a refusal says what to pass", async () => {
  await using endpoint = startEndpoint();
  using temporary = temporaryFolder();
  const run = (...args: string[]) => runCli(["tail", "--no-follow", "--url", ...args], { cwd: temporary.path });
  const without = await run(endpoint.url);
  expect(without.exitCode).toBe(1);
  expect(without.stderr).toContain("401: pass the gateway's admin token with --token, or set AUTH_TOKEN");
  const wrong = await run(endpoint.url, "--token", "wrong-token");
  expect(wrong.stderr).toContain("401: it does not accept this token");
  expect(wrong.stderr).not.toContain("wrong-token");
  const elsewhere = await run(`${endpoint.url}/prefix`, "--token", token);
  expect(elsewhere.stderr).toContain("404");
  const nobody = await run("http://127.0.0.1:1", "--token", token);
  expect(nobody.exitCode).toBe(1);
  expect(nobody.stderr).toContain("cannot reach http://127.0.0.1:1: connection refused; is the gateway running there?");
});

test("following goes on over a broken connection, without gaps or repeats", async () => {
  await using endpoint = startEndpoint();
  endpoint.lines.push("old 1", "old 2", "old 3");
  await using tail = follow(endpoint.url, 1);
  await tail.until(1);
  endpoint.add("live ü");
  await tail.until(2);
  endpoint.cut();
  endpoint.lines.push("missed 1", "missed 2");
  await tail.until(4);
  endpoint.add("live again");
  expect(await tail.until(5)).toEqual(["old 3", "live ü", "missed 1", "missed 2", "live again"]);
  expect(tail.notices).toHaveLength(1);
  expect(tail.notices[0]).toContain("trying again in 0.5 s");
});

test("a token that stops being accepted ends following", async () => {
  let isOpen = true;
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => (isOpen ? new Response("data: one\n\n") : new Response("no", { status: 401 })),
  });
  const onLine = () => {
    isOpen = false;
  };
  const tail = tailHttp({
    url: `http://127.0.0.1:${server.port}`,
    token: "t",
    lines: 1,
    follow: true,
    signal: new AbortController().signal,
    onLine,
    onNotice: () => undefined,
  });
  expect(await tail.catch(String)).toContain("401");
  await server.stop(true);
});

test("after a rotation during the gap the new lines come, though the last known one never does", async () => {
  const seen: string[] = [];
  const resume = createTailResume((line) => seen.push(line));
  resume.take("known");
  resume.resume();
  resume.take("new 1");
  expect(seen).toEqual(["known"]);
  for (let index = 2; index <= 500; index += 1) resume.take(`new ${index}`);
  expect(seen).toHaveLength(501);
  resume.take("live");
  expect(seen.at(-1)).toBe("live");
});

test("lines held when a connection ends come with the next one", () => {
  const seen: string[] = [];
  const resume = createTailResume((line) => seen.push(line));
  expect(resume.linesToAsk()).toBe(0);
  resume.take("known");
  expect(resume.linesToAsk()).toBe(500);
  resume.resume();
  resume.take("older");
  resume.ended();
  resume.resume();
  for (const line of ["older", "known", "newer"]) resume.take(line);
  expect(seen).toEqual(["known", "newer"]);
});
