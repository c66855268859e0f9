import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { errorOf, postChat } from "../support/chat.ts";
import { connectRaw, exchangeRaw, postBytes } from "../support/raw-client.ts";
import { inParallel, startRig } from "../support/e2e.ts";
import { startGateway, type Gateway } from "../support/gateway.ts";
import { mutations } from "../support/mutations.ts";

const { upstream, gateway, ...rig } = await startRig();
const small = await startRig({
  configText: (url) => `
server: {maxBodyBytes: 4096, maxJsonDepth: 16}
providers:
  main: {type: openrouter, baseUrl: "${url}", credentials: [sk-or-test], acceptsAnyModel: true}
`,
});
beforeEach(() => {
  upstream.clear();
  small.upstream.clear();
});
afterAll(() => Promise.all([rig[Symbol.asyncDispose](), small[Symbol.asyncDispose]()]));

const chat = `{"model":"vendor/a","messages":[{"role":"user","content":"Hi"}]}`;
const padded = (pad: string) => `{"model":"vendor/a","messages":[],"pad":"${pad}"}`;
const ofSize = (bytes: number) => padded("x".repeat(bytes - padded("").length));

describe("a compressed request", () => {
  test("is read when it is gzip, and goes up plain", async () => {
    const response = await postChat(gateway, Bun.gzipSync(Buffer.from(chat)), {
      headers: { "content-encoding": "gzip" },
    });
    await response.text();
    expect(response.status).toBe(200);
    expect(upstream.requests[0]?.text).toBe(chat);
    expect(upstream.violations).toEqual([]);
  });

  test("in an unknown coding is a 415", async () => {
    for (const coding of ["compress", "gzip, gzip, gzip", "rot13"]) {
      const response = await postChat(gateway, chat, { headers: { "content-encoding": coding } });
      expect(response.status).toBe(415);
      await errorOf(response);
    }
  });

  test("that is broken is a 400", async () => {
    const zipped = Bun.gzipSync(Buffer.from(chat));
    const broken = [Buffer.from(chat), zipped.subarray(0, 20), new Uint8Array(0)];
    for (const bytes of broken) {
      const response = await postChat(gateway, bytes, { headers: { "content-encoding": "gzip" } });
      expect(response.status).toBe(400);
      await errorOf(response);
    }
  });

  test("that unpacks to more than the limit is a 413", async () => {
    const bomb = Bun.gzipSync(Buffer.alloc(64 * 1024 * 1024, 32));
    const response = await postChat(gateway, bomb, { headers: { "content-encoding": "gzip" } });
    expect(response.status).toBe(413);
    await errorOf(response);
    const smaller = await postChat(small.gateway, Bun.gzipSync(Buffer.from(ofSize(5000))), {
      headers: { "content-encoding": "gzip" },
    });
    expect(smaller.status).toBe(413);
    await smaller.text();
  });
});

/** Programs that send a body over the limit and print the status and the error's code. */
function bigSenders(url: string, size: number): Record<string, string[]> {
  const print = "(status, text) => console.log(status, JSON.parse(text).error.code)";
  const nodeFetch = (body: string) =>
    `fetch("${url}", { method: "POST", duplex: "half", body: ${body} })
      .then(async (response) => (${print})(response.status, await response.text()), (error) => console.log(error.cause))`;
  const nodeHttp = (headers: string) =>
    `const request = require("node:http").request("${url}", { method: "POST", headers: ${headers} }, async (response) => {
      let text = "";
      for await (const piece of response) text += piece;
      (${print})(response.statusCode, text);
      process.exit();
    });
    request.on("error", (error) => console.log(error.code));
    request.write("a".repeat(${size / 2}));
    request.end("a".repeat(${size / 2}));`;
  const python = (body: string) =>
    `import http.client, json, urllib.parse
url = urllib.parse.urlsplit("${url}")
connection = http.client.HTTPConnection(url.netloc)
connection.request("POST", url.path, body=${body})
response = connection.getresponse()
print(response.status, json.loads(response.read())["error"]["code"])`;
  const curl = ["curl", "-s", "-w", "%{stderr}%{http_code}", "--data-binary", "@-", url];
  const curlCode = `${curl.map((part) => `'${part}'`).join(" ")} 2>&1 | sed -E 's/.*"code":"([a-z_]+)".*\\}([0-9]+)$/\\2 \\1/'`;
  return {
    "Node's fetch": ["node", "-e", nodeFetch(`"a".repeat(${size})`)],
    "Node's fetch, chunked": ["node", "-e", nodeFetch(`new Blob(["a".repeat(${size})]).stream()`)],
    "node:http": ["node", "-e", nodeHttp(`{ "content-length": ${size} }`)],
    "node:http, chunked": ["node", "-e", nodeHttp("{}")],
    Python: ["python3", "-c", python(`b"a" * ${size}`)],
    "Python, chunked": ["python3", "-c", python(`(b"a" * 65536 for _ in range(${Math.ceil(size / 65_536)}))`)],
    curl: ["sh", "-c", curlCode],
    "curl, chunked": ["sh", "-c", curlCode.replace("curl", "curl' '-H' 'transfer-encoding: chunked")],
  };
}

describe("a body's size", () => {
  test("up to the limit is served, beyond it a 413", async () => {
    const fits = await postChat(small.gateway, ofSize(4096));
    await fits.text();
    expect(fits.status).toBe(200);
    const tooLarge = await postChat(small.gateway, ofSize(4097));
    expect(tooLarge.status).toBe(413);
    expect(await errorOf(tooLarge)).toMatchObject({ type: "invalid_request_error" });
  });

  test("is limited for chunked bodies too", async () => {
    const chunk = "x".repeat(1000);
    const head =
      "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    const response = await exchangeRaw(small.gateway.port, `${head}${`3e8\r\n${chunk}\r\n`.repeat(6)}0\r\n\r\n`);
    expect(response.status).toBe(413);
    expect(small.upstream.requests).toHaveLength(0);
  });

  test("that is announced too large is refused before it arrives", async () => {
    const client = await connectRaw(gateway.port);
    client.send(
      "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 999999999\r\n\r\n{",
    );
    await client.waitFor(/^HTTP\/1\.1 413/);
    client.leave();
  });

  test("beyond the limit is a 413 for clients that send everything before they read", async () => {
    const size = 34_000_000;
    for (const [name, command] of Object.entries(bigSenders(`${gateway.url}/chat/completions`, size))) {
      if (Bun.which(command[0] ?? "") === null) continue;
      const child = Bun.spawn(command, { stdin: new Blob(["a".repeat(size)]), stdout: "pipe", stderr: "pipe" });
      const text = await new Response(child.stdout).text();
      expect({ name, text: text.trim() }).toEqual({ name, text: "413 request_too_large" });
    }
  }, 20_000);

  test("is asked for when the client waits for 100 Continue", async () => {
    const client = await connectRaw(gateway.port);
    const [head = "", body = ""] = postBytes("/v1/chat/completions", chat, { expect: "100-continue" }).split(
      "\r\n\r\n",
    );
    client.send(`${head}\r\n\r\n`);
    await client.waitFor(/^HTTP\/1\.1 100 /);
    client.send(body);
    await client.waitFor(/HTTP\/1\.1 200 /);
    client.leave();
  });

  test("of some megabytes is served whole", async () => {
    const text = ofSize(3 * 1024 * 1024);
    const response = await postChat(gateway, text);
    await response.text();
    expect(response.status).toBe(200);
    expect(upstream.requests[0]?.text === text).toBe(true);
  });
});

const nested = (depth: number) => `{"model":"vendor/a","messages":[],"x":${"[".repeat(depth)}${"]".repeat(depth)}}`;

describe("a body's shape", () => {
  test("nested deeper than the limit is a 400, text that looks nested is not", async () => {
    const fits = await postChat(small.gateway, nested(15));
    await fits.text();
    expect(fits.status).toBe(200);
    for (const [rig, depth] of [
      [small.gateway, 16],
      [gateway, 128],
      [gateway, 100_000],
    ] as const) {
      const startedAt = performance.now();
      const text = depth > 4000 && rig === small.gateway ? nested(100) : nested(depth);
      const response = await postChat(rig, text);
      expect(response.status).toBe(400);
      await errorOf(response);
      expect(performance.now() - startedAt).toBeLessThan(500);
    }
    const text = await postChat(gateway, `{"model":"vendor/a","messages":[],"x":"${"[{".repeat(5000)}"}`);
    await text.text();
    expect(text.status).toBe(200);
  });

  test("without messages is a 400 that names them", async () => {
    for (const body of [`{"model":"vendor/a"}`, `{"model":"vendor/a","stream":true}`]) {
      const response = await postChat(gateway, body);
      expect(response.status).toBe(400);
      expect(await errorOf(response)).toMatchObject({ type: "invalid_request_error", param: "messages" });
    }
    expect(upstream.requests).toHaveLength(0);
  });

  test("that is no JSON object is a 400", async () => {
    for (const body of [
      "",
      " ",
      "null",
      "[]",
      `"text"`,
      "1",
      "{",
      "}",
      "{]",
      `{"a":}`,
      "\u0000",
      "﻿",
      `{"model":"a","messages":[]} x`,
    ]) {
      const response = await postChat(gateway, body);
      expect({ body, status: response.status }).toEqual({ body, status: 400 });
      await errorOf(response);
    }
    expect(upstream.requests).toHaveLength(0);
  });

  test("that is invalid UTF-8 is a 400, or goes up as it is", async () => {
    const bytes = Buffer.concat([
      Buffer.from(`{"model":"vendor/a","messages":[{"role":"user","content":"`),
      Buffer.from([0xff, 0xfe, 0xc0]),
      Buffer.from(`"}]}`),
    ]);
    const response = await postChat(gateway, bytes);
    await response.text();
    if (response.status !== 400) expect(Buffer.from(upstream.requests[0]?.body ?? []).equals(bytes)).toBe(true);
  });

  test("is otherwise the upstream's matter", async () => {
    const odd = [
      `{"model":"vendor/a","messages":"text"}`,
      `{"model":"vendor/a","messages":[],"temperature":"hot","n":-1}`,
      `{"model":"vendor/a","messages":[{"role":"robot"}],"__proto__":{"x":1}}`,
    ];
    for (const body of odd) await (await postChat(gateway, body)).text();
    expect(upstream.requests.map(({ text }) => text)).toEqual(odd);
  });

  test("sent as a form is refused", async () => {
    for (const type of ["multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "text/plain"]) {
      const response = await postChat(gateway, "model=vendor/a", { headers: { "content-type": type } });
      expect([400, 415]).toContain(response.status);
      await errorOf(response);
    }
  });
});

/** Posts many bodies over kept-alive connections, a few at once, and counts the statuses. */
async function statusesOf(target: Gateway, bodies: readonly Uint8Array[]): Promise<Record<string, number>> {
  const statuses: Record<string, number> = {};
  await inParallel(bodies.length, 16, async (index) => {
    const response = await fetch(`${target.url}/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: (bodies[index] ?? new Uint8Array()) as Uint8Array<ArrayBuffer>,
    });
    const text = await response.text();
    const kind = `${Math.floor(response.status / 100)}xx`;
    statuses[kind] = (statuses[kind] ?? 0) + 1;
    if (kind === "4xx" && !text.startsWith(`{"error":{`)) throw new Error(`no error body for body ${index}: ${text}`);
    if (kind === "5xx") statuses[`body ${index}: ${text.slice(0, 200)}`] = response.status;
  });
  return statuses;
}

test("of 10,000 malformed bodies none is a 5xx", async () => {
  await using demo = await startGateway({ env: { OR_API_KEY: undefined }, args: ["--demo"] });
  const bodies = mutations(10_000, 20_261_120);
  const [half, other] = [bodies.slice(0, 5000), bodies.slice(5000)];
  const seen = [await statusesOf(demo, half), await statusesOf(gateway, other)];
  for (const statuses of seen) {
    expect(Object.keys(statuses).sort()).toEqual(["2xx", "4xx"]);
    expect((statuses["2xx"] ?? 0) + (statuses["4xx"] ?? 0)).toBe(5000);
  }
  for (const target of [demo, gateway]) expect(target.stderr()).not.toMatch(/\n\s+at |TypeError|RangeError|unhandled/);
  expect(upstream.violations.filter((text) => !text.includes("no JSON"))).toEqual([]);
}, 60_000);

test("malformed heads get a 4xx or a closed connection, and the gateway lives on", async () => {
  const heads = [
    "\r\n\r\n",
    "GET\r\n\r\n",
    "GET / HTTP/9.9\r\n\r\n",
    "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: -1\r\n\r\n",
    "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    `GET /v1/models HTTP/1.1\r\nhost: 127.0.0.1\r\nx: ${"y".repeat(70_000)}\r\n\r\n`,
    postBytes("/v1/chat/completions", chat).replace("content-length: ", "content-length: 0x"),
  ];
  for (const head of heads) {
    const client = await connectRaw(gateway.port);
    client.send(head);
    await Promise.race([client.closed, client.waitFor(/^HTTP\/1\.1 4\d\d/).catch(() => undefined), Bun.sleep(50)]);
    expect(client.received()).not.toMatch(/^HTTP\/1\.1 5\d\d(?<!505)/);
    client.leave();
  }
  expect((await fetch(`${gateway.origin}/health`)).status).toBe(200);
});
