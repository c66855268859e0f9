import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/errors.ts";
import { createStopSignal, type StopSignal } from "../../src/lib/stop-signal.ts";
import { destinationOf } from "../../src/transport/destination.ts";
import { readAll } from "../../src/transport/reply.ts";
import { failureOfSend, sendUpstream, type UpstreamRequest } from "../../src/transport/send.ts";
import { createFakeUpstream } from "../support/fake-upstream.ts";
import { body, hangBeforeHeaders, redirect } from "../support/replies.ts";

const upstream = await createFakeUpstream();
beforeEach(() => upstream.clear());
afterAll(() => upstream.close());

const to = (url: string) => destinationOf(new URL(url));

function request(fields: Partial<UpstreamRequest> = {}): UpstreamRequest {
  return {
    destination: to(`${upstream.url}/chat/completions`),
    method: "POST",
    headers: { authorization: "Bearer k", "content-type": "application/json", "x-api-key": "secret-key" },
    body: Buffer.from('{"model":"m"}'),
    stop: createStopSignal(),
    connectMs: 5000,
    ...fields,
  };
}

function stoppedFor(reason: Error): StopSignal {
  const stop = createStopSignal();
  stop.stop(reason);
  return stop;
}

/** What a failed request means, as the gateway reads it. */
async function failureOf(fields: Partial<UpstreamRequest>): Promise<GatewayError> {
  const sent = request(fields);
  try {
    (await sendUpstream(sent)).cancel();
  } catch (error) {
    return failureOfSend(error, sent.stop, sent.destination.host);
  }
  throw new Error("was answered");
}

describe("sending", () => {
  test("carries method, headers and body, and gives the answer whatever its status", async () => {
    upstream.set("m", body("no", { status: 418 }));
    const reply = await sendUpstream(request());
    expect([reply.status, Buffer.from(await readAll(reply, 1e9)).toString()]).toEqual([418, "no"]);
    expect(reply.headers.get("content-type")).toBe("application/json");
    expect(upstream.requests[0]).toMatchObject({
      method: "POST",
      text: '{"model":"m"}',
      headers: { authorization: "Bearer k" },
    });
  });

  test("never follows a redirect: the credential would travel", async () => {
    const other = await createFakeUpstream();
    upstream.set("m", redirect(`${other.url}/chat/completions`, 307));
    const reply = await sendUpstream(request());
    expect(reply.status).toBe(307);
    reply.cancel();
    expect([...other.requests, ...other.others]).toEqual([]);
    await other.close();
  });
});

describe("a failure", () => {
  test("of a port where nobody listens is told with the host and nothing else of the URL", async () => {
    const error = await failureOf({ destination: to("http://127.0.0.1:1/v1/secret-path?key=secret") });
    expect({ code: error.code, retryable: error.retryable }).toEqual({ code: "upstream_unreachable", retryable: true });
    expect(error.message).toContain("127.0.0.1:1");
    expect(error.message).not.toContain("secret");
  });

  test("of TLS towards a server without it is not worth a retry", async () => {
    using server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("plain") });
    const error = await failureOf({ destination: to(`https://127.0.0.1:${server.port}/v1`) });
    expect({ code: error.code, status: error.status, retryable: error.retryable }).toEqual({
      code: "upstream_unreachable",
      status: 502,
      retryable: false,
    });
  });

  test("of a connection cut before the answer is worth one", async () => {
    upstream.set("m", (exchange) => exchange.cut("rst"));
    expect(await failureOf({})).toMatchObject({ code: "upstream_error", retryable: true });
  });

  test("of our own making is the reason we gave, and the upstream sees it at once", async () => {
    upstream.set("m", hangBeforeHeaders);
    const stop = createStopSignal();
    const failed = failureOf({ stop });
    const received = await upstream.waitFor(() => true);
    const reason = new GatewayError({ code: "client_cancelled", status: 499, message: "left" });
    const from = performance.now();
    stop.stop(reason);
    expect(await failed).toBe(reason);
    expect(await received.ended).toBe("aborted");
    expect(performance.now() - from).toBeLessThan(100);
  });

  test("is our reason too when it was given before the request went out", async () => {
    const stop = createStopSignal();
    const reason = new GatewayError({ code: "draining", status: 503, message: "m" });
    stop.stop(reason);
    expect(await failureOf({ stop })).toBe(reason);
  });

  test("is the house's reason only when the house gave one", () => {
    const reason = new GatewayError({ code: "draining", status: 503, message: "m" });
    const error = Object.assign(new Error("x"), { code: "ECONNRESET" });
    expect(failureOfSend(error, stoppedFor(reason), "h")).toBe(reason);
    expect(failureOfSend(error, stoppedFor(new Error("other")), "h").code).toBe("upstream_error");
    expect(failureOfSend(error, createStopSignal(), "h").code).toBe("upstream_error");
    expect(failureOfSend(reason, createStopSignal(), "h")).toBe(reason);
  });
});

describe("a proxy on the way out", () => {
  const shut = "http://user:secret@127.0.0.1:9";

  test("that nobody runs is what the failure names, with no user and no password", async () => {
    const error = await failureOf({ proxy: shut });
    expect(error).toMatchObject({ code: "upstream_unreachable", status: 502, retryable: true });
    expect(error.message).toBe(
      `The proxy 127.0.0.1:9 refused the connection, so the upstream ${new URL(upstream.url).host} cannot be asked.`,
    );
    expect([...upstream.requests, ...upstream.others]).toEqual([]);
  });

  test.each([
    [407, false, "(407); check the user and password of the proxy's URL."],
    [502, true, "(502)."],
  ] as const)("that answers %p when it is asked for a tunnel is named with that", async (status, retryable, says) => {
    using proxy = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { data: (socket) => void socket.end(`HTTP/1.1 ${status} its own words\r\ncontent-length: 0\r\n\r\n`) },
    });
    const destination = to("https://api.test/v1");
    const error = await failureOf({ destination, proxy: `http://user:secret@127.0.0.1:${proxy.port}` });
    expect(error).toMatchObject({ code: "upstream_unreachable", status: 502, retryable });
    expect(error.message).toBe(`The proxy 127.0.0.1:${proxy.port} refused the way to the upstream api.test ${says}`);
  });

  test("of a variable is named with the variable", async () => {
    const script = `
      const { sendUpstream } = await import(${JSON.stringify(import.meta.resolve("../../src/transport/send.ts"))});
      const { destinationOf } = await import(${JSON.stringify(import.meta.resolve("../../src/transport/destination.ts"))});
      const { createStopSignal } = await import(${JSON.stringify(import.meta.resolve("../../src/lib/stop-signal.ts"))});
      const destination = destinationOf(new URL("http://api.test/v1"));
      const sent = { destination, method: "GET", headers: {}, stop: createStopSignal(), connectMs: 5000 };
      console.log(await sendUpstream(sent).catch((error) => error.message));
      process.exit();`;
    const environment = { PATH: process.env["PATH"], http_proxy: shut, NO_PROXY: "other.test" };
    const child = Bun.spawn([process.execPath, "-e", script], { env: environment, stdout: "pipe" });
    expect((await new Response(child.stdout).text()).trim()).toBe(
      "The proxy 127.0.0.1:9 (http_proxy) refused the connection, so the upstream api.test cannot be asked.",
    );
  });
});
