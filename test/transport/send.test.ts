import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/errors.ts";
import { destinationOf } from "../../src/transport/destination.ts";
import {
  discardBody,
  failureOfSend,
  readShortBody,
  sendUpstream,
  type UpstreamRequest,
} from "../../src/transport/send.ts";
import { until } from "../support/e2e.ts";
import { createFakeUpstream } from "../support/fake-upstream.ts";
import { body, gzipStream, hangAfterHeaders, hangBeforeHeaders, pieces, redirect } from "../support/replies.ts";

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
    controller: new AbortController(),
    connectMs: 5000,
    ...fields,
  };
}

/** What a failed request means, as the gateway reads it. */
async function failureOf(fields: Partial<UpstreamRequest>): Promise<GatewayError> {
  const sent = request(fields);
  try {
    await discardBody(await sendUpstream(sent));
  } catch (error) {
    return failureOfSend(error, sent.controller.signal, sent.destination.host);
  }
  throw new Error("was answered");
}

describe("sending", () => {
  test("carries method, headers and body, and gives the answer whatever its status", async () => {
    upstream.set("m", body("no", { status: 418 }));
    const response = await sendUpstream(request());
    expect([response.status, await response.text()]).toEqual([418, "no"]);
    expect(upstream.requests[0]).toMatchObject({
      method: "POST",
      text: '{"model":"m"}',
      headers: { authorization: "Bearer k" },
    });
  });

  test("never follows a redirect: the credential would travel", async () => {
    const other = await createFakeUpstream();
    upstream.set("m", redirect(`${other.url}/chat/completions`, 307));
    const response = await sendUpstream(request());
    expect(response.status).toBe(307);
    await discardBody(response);
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
    const controller = new AbortController();
    const failed = failureOf({ controller });
    const received = await upstream.waitFor(() => true);
    const reason = new GatewayError({ code: "client_cancelled", status: 499, message: "left" });
    const from = performance.now();
    controller.abort(reason);
    expect(await failed).toBe(reason);
    expect(await received.ended).toBe("aborted");
    expect(performance.now() - from).toBeLessThan(100);
  });

  test("is the house's reason only when the house gave one", () => {
    const reason = new GatewayError({ code: "draining", status: 503, message: "m" });
    const error = Object.assign(new Error("x"), { code: "ECONNRESET" });
    expect(failureOfSend(error, AbortSignal.abort(reason), "h")).toBe(reason);
    expect(failureOfSend(error, AbortSignal.abort(), "h").code).toBe("upstream_error");
    expect(failureOfSend(error, new AbortController().signal, "h").code).toBe("upstream_error");
    expect(failureOfSend(reason, new AbortController().signal, "h")).toBe(reason);
  });
});

describe("a body that nobody reads", () => {
  test("is let go, with its connection", async () => {
    upstream.set("m", hangAfterHeaders("data: x\n\n"));
    const response = await sendUpstream(request());
    await discardBody(response);
    expect(await upstream.requests[0]?.ended).toBe("aborted");
  });

  test("does not have to exist, or to be whole", async () => {
    await discardBody(new Response(null));
    const used = new Response("x");
    await used.text();
    await discardBody(used);
    const locked = new Response("x");
    locked.body?.getReader();
    await discardBody(locked);
  });
});

describe("a short look at a body", () => {
  test("gives it whole when it is short", async () => {
    expect(await readShortBody(new Response("é error"), 100)).toBe("é error");
    expect(await readShortBody(new Response(null), 100)).toBe("");
  });

  test("stops at the limit and lets the rest go", async () => {
    upstream.set(
      "m",
      pieces(
        Array.from({ length: 100 }, () => "x".repeat(1000)),
        { ending: "hang", paceMs: 1 },
      ),
    );
    const response = await sendUpstream(request());
    expect(await readShortBody(response, 5000)).toBe("x".repeat(5000));
    await until(() => upstream.running() === 0, "the upstream's end");
  });

  test("gives what had arrived when the connection broke", async () => {
    upstream.set("m", pieces(["half of it"], { ending: "rst" }));
    expect(await readShortBody(await sendUpstream(request()), 5000)).toBe("half of it");
  });

  test("reads compressed answers", async () => {
    upstream.set("m", gzipStream());
    expect(await readShortBody(await sendUpstream(request()), 50)).toStartWith(": OPENROUTER");
  });
});
