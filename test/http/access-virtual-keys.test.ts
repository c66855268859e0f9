import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/errors.ts";
import { type AccessOptions, type Caller, createAccess } from "../../src/http/access.ts";
import { createKeyBook, type KeyBook } from "../../src/keys/key-book.ts";
import { createKeyRing } from "../../src/keys/key-ring.ts";
import { createToken } from "../../src/keys/token.ts";
import type { VirtualKey } from "../../src/keys/virtual-key.ts";
import { keyDocument, removal, teamDocument, tokenFields } from "../keys/some-key.ts";

const issued = createToken();
const now = 1_000_000;

function bookOf(fields: Partial<VirtualKey> | undefined, isLoaded = true): KeyBook {
  const book = createKeyBook({ onProblem: () => undefined, now: () => now });
  book.apply(teamDocument("team_1", 1, { models: ["a"] }));
  if (fields !== undefined) book.apply(keyDocument("key_1", 2, { ...tokenFields(issued), ...fields }));
  if (isLoaded) book.loaded();
  return book;
}

interface Setting extends Partial<Pick<AccessOptions, "anonymous" | "overrides" | "reopen">> {
  book?: KeyBook | undefined;
  inbound?: readonly string[];
  address?: string | undefined;
  pathKey?: string | undefined;
}

function accessOf(setting: Setting) {
  const { book, inbound = [], anonymous = "loopback", overrides = "keys", reopen = false, pathKey } = setting;
  return createAccess({
    anonymous,
    overrides,
    cors: [],
    keyHeader: "x-own-key",
    inboundKeys: createKeyRing(inbound),
    virtualKeys: book,
    reopen,
    adminKeys: createKeyRing(["admin-token"]),
    now: () => now,
    connections: {
      addressOf: () => ("address" in setting ? setting.address : "127.0.0.1"),
      methodOf: (request) => request.method,
      pathKeyOf: () => pathKey,
      allowSilence: () => undefined,
      rewrite: (request) => request,
      attach: () => undefined,
    },
  });
}

function requestOf(headers: Record<string, string> = {}, query = ""): Request {
  return new Request(`http://localhost:8000/v1/models${query}`, { headers: { host: "localhost:8000", ...headers } });
}

const bearer = (token = issued.token): Request => requestOf({ authorization: `Bearer ${token}` });

/** Who is let in, or with what words not. */
function decide(setting: Setting, request = bearer()): Caller | { status: number; message: string } {
  try {
    return accessOf(setting).caller(request);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    expect(error.message).not.toContain(issued.token);
    expect(error.message).not.toContain(issued.hash);
    return { status: error.status, message: error.message };
  }
}

function steers(fields: Partial<VirtualKey>, overrides: AccessOptions["overrides"]): unknown {
  return (decide({ book: bookOf(fields), overrides }) as Caller).maySteer;
}

const readMetrics = (setting: Setting) => (): void => accessOf(setting).metricsReader(requestOf());

const loading = (): KeyBook => bookOf(undefined, false);

describe("a virtual key", () => {
  const carriers: Record<string, () => [Request, string?]> = {
    Bearer: () => [bearer()],
    "x-own-key": () => [requestOf({ "x-own-key": issued.token })],
    "x-api-key": () => [requestOf({ "x-api-key": issued.token })],
    "api-key": () => [requestOf({ "api-key": issued.token })],
    "x-goog-api-key": () => [requestOf({ "x-goog-api-key": issued.token })],
    "?key=": () => [requestOf({}, `?key=${issued.token}`)],
    "/k/…/": () => [requestOf(), issued.token],
    "x-api-key besides an unknown Bearer": () => [
      requestOf({ authorization: "Bearer placeholder", "x-api-key": issued.token }),
    ],
  };
  for (const [carrier, present] of Object.entries(carriers)) {
    const [request, pathKey] = present();
    test(`is taken as ${carrier}, and only while it may be used`, () => {
      expect(decide({ book: bookOf({}), pathKey }, request)).toMatchObject({ keyId: "key_1", maySteer: true });
      for (const fields of [{ enabled: false }, { expiresAt: now }, undefined])
        expect(decide({ book: bookOf(fields), inbound: ["other"], pathKey }, request)).toMatchObject({ status: 401 });
      const far = { book: bookOf({ addresses: ["10.0.0.0/8"] }), pathKey };
      expect(decide(far, request)).toMatchObject({ status: 403 });
    });
  }

  test("comes with its team", () =>
    expect(decide({ book: bookOf({ teamId: "team_1" }) })).toMatchObject({
      grant: { key: { id: "key_1" }, team: { id: "team_1", models: ["a"] } },
    }));

  test("whose team is gone is refused: its bounds would be gone too", () =>
    expect(decide({ book: bookOf({ teamId: "team_9" }) })).toMatchObject({ status: 403 }));

  test("that has expired says since when, and one that is disabled that it is", () => {
    expect(decide({ book: bookOf({ expiresAt: now }) })).toMatchObject({
      message: expect.stringContaining("has expired (1970-01-01T00:16:40.000Z)"),
    });
    expect(decide({ book: bookOf({ expiresAt: now + 1 }) })).toMatchObject({ keyId: "key_1" });
    expect(decide({ book: bookOf({ enabled: false }) })).toMatchObject({
      message: expect.stringContaining("disabled"),
    });
  });

  test("is for the addresses it names", () => {
    const book = bookOf({ addresses: ["192.0.2.0/24", "2001:db8::/32"] });
    for (const address of ["192.0.2.9", "::ffff:192.0.2.9", "2001:db8::1"])
      expect(decide({ book, address })).toMatchObject({ keyId: "key_1" });
    for (const address of ["192.0.3.9", "2001:db9::1", "127.0.0.1", undefined])
      expect(decide({ book, address })).toMatchObject({ status: 403 });
  });

  test("never opens what is the admin's", () =>
    expect(() => accessOf({ book: bookOf({}) }).admin(bearer(), "viewer")).toThrow("admin token"));

  test("never reads the metrics, which are of all callers together, and is told who does", () => {
    for (const fields of [{}, { maySteer: true }])
      for (const inbound of [[], ["configured-key"]]) {
        const read = (): void => accessOf({ book: bookOf(fields), inbound }).metricsReader(bearer());
        expect(read).toThrow(expect.objectContaining({ status: 403, code: "forbidden" }));
        for (const who of ["login of any role", "AUTH_TOKEN", "ORCH_INBOUND_API_KEYS"]) expect(read).toThrow(who);
      }
    for (const fields of [{ enabled: false }, { expiresAt: now }])
      expect(() => accessOf({ book: bookOf(fields) }).metricsReader(bearer())).toThrow(
        expect.objectContaining({ status: 401 }),
      );
  });

  test("may steer as it says, else as is configured, and never where nobody may", () => {
    expect([steers({}, "keys"), steers({}, "admin"), steers({}, "none")]).toEqual([true, false, false]);
    expect([steers({ maySteer: false }, "all"), steers({ maySteer: true }, "admin")]).toEqual([false, true]);
    expect(steers({ maySteer: true }, "none")).toBe(false);
  });

  test("that is deleted is not known any more", () => {
    const book = bookOf({});
    book.apply(keyDocument("key_2", 3));
    book.apply(removal("key", "key_1", 4));
    expect(decide({ book })).toMatchObject({ status: 401, message: expect.stringContaining("not known here") });
  });

  test("that nobody knows never lets in as if there were none", () => {
    for (const anonymous of ["loopback", "all"] as const)
      for (const book of [bookOf(undefined), undefined])
        for (const request of [
          bearer(),
          requestOf({ "x-api-key": issued.token }),
          requestOf({}, `?key=${issued.token}`),
        ])
          expect(decide({ book, anonymous }, request)).toMatchObject({
            status: 401,
            message: expect.stringContaining("not known here"),
          });
  });
});

describe("keys of the configuration and the admin token", () => {
  test("are taken beside virtual keys", () => {
    const setting = { book: bookOf({}), inbound: ["configured-key"] };
    expect(decide(setting, bearer("configured-key"))).toMatchObject({
      keyId: expect.stringMatching(/^key-/),
      grant: undefined,
    });
    expect(decide(setting, bearer("admin-token"))).toMatchObject({ keyId: "admin", grant: undefined });
  });
});

describe("who calls without a key", () => {
  test("reads the metrics where calls without one are served, and nowhere else", () => {
    expect(readMetrics({ book: bookOf(undefined) })).not.toThrow();
    for (const setting of [{ book: bookOf({}) }, { inbound: ["configured-key"] }, { anonymous: "none" as const }])
      expect(readMetrics(setting)).toThrow(expect.objectContaining({ status: 401 }));
    expect(readMetrics({ book: loading() })).toThrow(expect.objectContaining({ status: 503 }));
  });

  test("is served while there is none, and not once there is one, whatever state it is in", () => {
    expect(decide({ book: bookOf(undefined) }, requestOf())).toMatchObject({ keyId: "anonymous" });
    expect(decide({ book: undefined }, requestOf())).toMatchObject({ keyId: "anonymous" });
    for (const fields of [{}, { enabled: false }, { expiresAt: 1 }])
      expect(decide({ book: bookOf(fields) }, requestOf())).toMatchObject({
        status: 401,
        message: expect.stringContaining("send one that was issued here"),
      });
  });

  test("is not served because the last key was taken back, until the owner says so", () => {
    const book = bookOf({});
    book.apply(removal("key", "key_1", 4));
    for (const request of [requestOf(), bearer("whatever"), bearer()])
      expect(decide({ book, anonymous: "all" }, request)).toMatchObject({
        status: 401,
        message: expect.stringContaining("set keys.reopen to true"),
      });
    expect(decide({ book, reopen: true }, requestOf())).toMatchObject({ keyId: "anonymous" });
    expect(decide({ book, reopen: true }, bearer("whatever"))).toMatchObject({ keyId: "anonymous" });
    expect(decide({ book, reopen: true, anonymous: "all" })).toMatchObject({ status: 401 });
    expect(decide({ book: bookOf({}), reopen: true }, requestOf())).toMatchObject({ status: 401 });
  });

  test("may present any other text while there is none", () =>
    expect(decide({ book: bookOf(undefined) }, bearer("whatever"))).toMatchObject({ keyId: "anonymous" }));
});

describe("while the keys are not loaded", () => {
  test("nobody is told that a key is not known, nor let in without one", () => {
    for (const request of [bearer(), bearer("whatever"), requestOf()])
      expect(decide({ book: loading() }, request)).toMatchObject({
        status: 503,
        message: expect.stringContaining("not loaded yet"),
      });
  });

  test("whoever is known already is let in", () => {
    const setting = { book: loading(), inbound: ["configured-key"] };
    expect(decide(setting, bearer("configured-key"))).toMatchObject({ keyId: expect.stringMatching(/^key-/) });
    expect(decide(setting, bearer("admin-token"))).toMatchObject({ keyId: "admin" });
    expect(decide({ book: bookOf({}, false) })).toMatchObject({ keyId: "key_1" });
    expect(decide(setting, requestOf())).toMatchObject({ status: 401 });
  });
});
