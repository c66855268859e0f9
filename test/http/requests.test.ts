import { describe, expect, test } from "bun:test";
import { createId } from "../../src/lib/ids.ts";
import { createRequestRing } from "../../src/telemetry/request-ring.ts";
import type { RequestRecord } from "../../src/telemetry/request-record.ts";
import { makeRecord } from "../support/make-record.ts";
import { failoverRecord } from "../support/make-trail.ts";
import { adminToken, requestApp } from "../support/request-server.ts";
import type { RequestSource } from "../../src/http/requests.ts";

interface Reply {
  status: number;
  body: Record<string, unknown>;
  headers: Headers;
}

const bearer = { authorization: `Bearer ${adminToken}` };

function sourceOf(records: readonly RequestRecord[], stored?: RequestSource["stored"]): RequestSource {
  const ring = createRequestRing();
  for (const record of records) ring.add(record);
  return { ring, stored };
}

async function ask(requests: RequestSource, path: string, headers: Record<string, string> = bearer): Promise<Reply> {
  const response = await requestApp(requests).fetch(new Request(`http://localhost${path}`, { headers }));
  return {
    status: response.status,
    body: (await response.json()) as Record<string, unknown>,
    headers: response.headers,
  };
}

function errorIn({ body }: Reply): { message: string; code: string; param?: string } {
  return body["error"] as { message: string; code: string };
}

function refuseToLook(): never {
  throw new Error("asked");
}

describe("GET /api/requests/{id}", () => {
  test("tells all of a request that is in memory, with its decisions and its story", async () => {
    const record = failoverRecord();
    const { status, body, headers } = await ask(sourceOf([record]), `/api/requests/${record.id}`);
    expect(status).toBe(200);
    expect(headers.get("content-type")).toBe("application/json; charset=utf-8");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(body).toMatchObject({
      id: record.id,
      keyId: "key-1a2b3c4d",
      modelAsked: "smart",
      errorCode: null,
      userText: "hello",
      decisions: { routedBy: "routes[1]", attempts: [{ kind: "first" }, { kind: "retry" }, { kind: "failover" }] },
    });
    expect(body["summary"]).toContain("At 470 ms: waited 200 ms for a place at groq.");
  });

  test("looks into the database for what is in memory no more", async () => {
    const record = failoverRecord();
    const asked: string[] = [];
    const stored = (id: string): RequestRecord | undefined => {
      asked.push(id);
      return id === record.id ? record : undefined;
    };
    const other = makeRecord({ id: createId("req_") });
    const requests = sourceOf([other], stored);
    expect((await ask(requests, `/api/requests/${record.id}`)).body).toMatchObject({ id: record.id });
    expect((await ask(requests, `/api/requests/${other.id}`)).status).toBe(200);
    expect(asked).toEqual([record.id]);
    const missing = await ask(requests, `/api/requests/${createId("req_")}`);
    expect(missing.status).toBe(404);
    expect(errorIn(missing).message).toContain("all of them in the database. Ask the gateway whose answer");
  });

  test("says what to do where no database is configured", async () => {
    const id = createId("req_");
    const missing = await ask(sourceOf([]), `/api/requests/${id}`);
    expect(missing.status).toBe(404);
    expect(errorIn(missing).message).toBe(
      `Request ${id} is not known here: the last 2000 requests since the start are kept in memory only. ` +
        "Set storage.url (OR_DB_PATH) to keep all of them in a database.",
    );
  });

  test("a database that fails is a 503 that says so", async () => {
    const failures: RequestSource["stored"][] = [
      () => {
        throw new Error("database is locked");
      },
      () => Promise.reject(new Error("database is locked")),
    ];
    for (const stored of failures) {
      const failed = await ask(sourceOf([], stored), `/api/requests/${createId("req_")}`);
      expect(failed.status).toBe(503);
      expect(errorIn(failed).message).toContain("The database cannot be read: database is locked");
    }
  });

  test("says of an id that is none what one is, and looks for nothing", async () => {
    for (const wrong of [
      "x",
      "req_",
      "REQ_mfcsd0p9k3v7x2b8n5q1w4z6",
      "req_mfcsd0p9k3v7x2b8n5q1w4z6x",
      "%27%20OR%201",
      "..%2f",
    ]) {
      const refused = await ask(sourceOf([], refuseToLook), `/api/requests/${wrong}`);
      expect(refused.status).toBe(400);
      expect(errorIn(refused)).toMatchObject({ param: "id" });
      expect(errorIn(refused).message).toContain("x-request-id");
    }
  });
});

describe("GET /api/requests", () => {
  const records = [
    makeRecord({ modelAsked: "smart", modelServed: "Vendor/Llama" }),
    makeRecord({ status: 503, endReason: "upstream_error", modelServed: undefined }),
    makeRecord({ status: 499, endReason: "client_cancelled" }),
    makeRecord({ status: 429, endReason: "rejected", userText: "secret" }),
    failoverRecord(),
  ];
  const requests = sourceOf(records);
  const [smart, failed, left, refused, failover] = records.map(({ id }) => id);

  async function list(query: string): Promise<string[]> {
    const { status, body } = await ask(requests, `/api/requests${query}`);
    expect(status).toBe(200);
    return (body["data"] as { id: string }[]).map(({ id }) => id);
  }

  test("lists the newest first, without what was said and without decisions", async () => {
    expect(await list("")).toEqual([failover, refused, left, failed, smart] as string[]);
    expect(await list("?limit=2")).toEqual([failover, refused] as string[]);
    const text = JSON.stringify((await ask(requests, "/api/requests")).body);
    for (const word of ["secret", "userText", "decisions", "summary", "trail"]) expect(text).not.toContain(word);
    expect(text).toContain('"errorCode":null');
  });

  test("takes those of a model, of a status, or both", async () => {
    expect(await list("?model=llama")).toEqual([failover, smart] as string[]);
    expect(await list("?model=SMART&limit=1")).toEqual([failover] as string[]);
    expect(await list("?status=error")).toEqual([refused, failed] as string[]);
    expect(await list("?status=ok")).toEqual([failover, smart] as string[]);
    expect(await list("?status=4xx")).toEqual([refused, left] as string[]);
    expect(await list("?status=503&model=")).toEqual([failed] as string[]);
    expect(await list("?status=503&model=llama")).toEqual([]);
  });

  test.each(["limit=0", "limit=501", "limit=1.5", "limit=x", "limit=-1", "status=bad", "status=5x", "status=99"])(
    "refuses %s with the parameter's name",
    async (query) => {
      const wrong = await ask(requests, `/api/requests?${query}`);
      expect(wrong.status).toBe(400);
      expect(errorIn(wrong)).toMatchObject({ param: query.split("=")[0] });
    },
  );
});

describe("both", () => {
  const record = failoverRecord();
  const requests = sourceOf([record]);
  const paths = ["/api/requests", `/api/requests/${record.id}`, "/api/requests/wrong", "/api/requests?limit=0"];

  test("open for the admin token only: not without a key, not for a client's, not for a wrong one", async () => {
    for (const path of paths)
      for (const headers of [{}, { authorization: "Bearer client-key-1" }, { "x-api-key": "wrong" }]) {
        const refused = await ask(requests, path, headers);
        expect(refused.status).toBe(401);
        expect(JSON.stringify(refused.body)).not.toContain("smart");
      }
  });

  test("are in the API document, with what they take and give", async () => {
    const { body } = await ask(requests, "/swagger/json");
    const { paths: described } = body as { paths: Record<string, { get: Record<string, unknown> }> };
    const one = described["/api/requests/{id}"]?.get;
    expect(one?.["parameters"]).toEqual([
      { name: "id", in: "path", required: true, schema: { type: "string", pattern: "^req_[0-9a-z]{24}$" } },
    ]);
    const text = JSON.stringify(one?.["responses"]);
    for (const name of ["decisions", "summary", "candidates", "attempts", "costUsd"])
      expect(text).toContain(`"${name}"`);
    const list = described["/api/requests"]?.get;
    expect(list?.["parameters"]).toMatchObject([{ name: "limit" }, { name: "model" }, { name: "status" }]);
    expect(JSON.stringify(list?.["responses"])).toContain('"modelServed"');
  });
});
