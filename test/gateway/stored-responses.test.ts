import { describe, expect, test } from "bun:test";
import type { GatewayError } from "../../src/errors.ts";
import { createStoredResponses, type StoredResponses } from "../../src/gateway/stored-responses.ts";
import { createMemoryResponseStore } from "../../src/storage/responses/memory.ts";

type Fields = Record<string, unknown>;

const key = "team-a";

function message(text: string, id?: string): Fields {
  return { ...(id && { id }), type: "message", role: "assistant", content: [{ type: "output_text", text }] };
}

/** A store with a chain of responses `resp_1`, `resp_2` …; each says `answer N` to `question N`. */
function chained(length: number): StoredResponses {
  const responses = createStoredResponses(createMemoryResponseStore());
  for (let index = 1; index <= length; index += 1) {
    const previous = index === 1 ? {} : { previous_response_id: `resp_${index - 1}` };
    const request = { input: [{ role: "user", content: `question ${index}` }], ...previous };
    const output = [message(`answer ${index}`, `msg_${index}_0`)];
    responses.keep({ id: `resp_${index}`, keyId: key, request, response: { id: `resp_${index}`, output } });
  }
  return responses;
}

function errorOf(call: () => unknown): GatewayError {
  try {
    call();
  } catch (error) {
    return error as GatewayError;
  }
  throw new Error("nothing was thrown");
}

const unknown = {
  code: "invalid_request",
  status: 400,
  param: "previous_response_id",
  details: { upstreamCode: "previous_response_not_found" },
};

describe("a request that goes on from a response", () => {
  test("has everything before it in front, in order, and names it no more", () => {
    const body = { model: "m", previous_response_id: "resp_3", input: "question 4", store: false };
    const expanded = chained(3).expanded(body, key);
    expect(expanded).not.toHaveProperty("previous_response_id");
    expect(expanded).toMatchObject({ model: "m", store: false });
    const texts = JSON.stringify(expanded["input"]).match(/(?:question|answer) \d/g);
    expect(texts).toEqual(["question 1", "answer 1", "question 2", "answer 2", "question 3", "answer 3", "question 4"]);
    expect((expanded["input"] as Fields[]).at(-1)).toEqual({ type: "message", role: "user", content: "question 4" });
  });

  test("may bring nothing of its own", () => {
    const expanded = chained(1).expanded({ previous_response_id: "resp_1" }, key);
    expect(expanded["input"]).toHaveLength(2);
  });

  test("is left alone where it names none", () => {
    for (const body of [{ input: "a" }, { input: [], previous_response_id: null }]) {
      expect(chained(1).expanded(body, key)).toEqual(body);
    }
  });

  test("is refused where the response is not known, is another key's, or a link is gone", async () => {
    const responses = chained(3);
    const from = (id: string, keyId = key) =>
      errorOf(() => responses.expanded({ previous_response_id: id, input: "a" }, keyId));
    expect(from("resp_9")).toMatchObject(unknown);
    expect(from("resp_3", "team-b")).toMatchObject(unknown);
    expect(from("resp_9".padEnd(10_000, "x")).message.length).toBeLessThan(500);
    await responses.remove("resp_2", key);
    expect(from("resp_3")).toMatchObject(unknown);
    expect(responses.expanded({ previous_response_id: "resp_1", input: "a" }, key)["input"]).toHaveLength(3);
  });

  test.each([[7], [{}], [[]], [true]])("is refused where the name is %j", (id) => {
    const error = errorOf(() => chained(1).expanded({ previous_response_id: id }, key));
    expect(error).toMatchObject({ status: 400, param: "previous_response_id" });
  });
});

function body(...items: unknown[]): Fields {
  return { input: items };
}

describe("items that are only named", () => {
  test("are put in", () => {
    const given = chained(2).expanded(body({ type: "item_reference", id: "msg_2_0" }, { id: "msg_1_0" }), key);
    expect(given["input"]).toEqual([message("answer 2", "msg_2_0"), message("answer 1", "msg_1_0")]);
  });

  test("stay names where they are not known, or another key's", () => {
    const names = [
      { type: "item_reference", id: "msg_9_0" },
      { type: "item_reference", id: "msg_1_7" },
      { type: "item_reference", id: "nothing" },
      { type: "item_reference" },
      { type: "item_reference", id: 7 },
    ];
    expect(chained(1).expanded(body(...names), key)["input"]).toEqual(names);
    const foreign = { type: "item_reference", id: "msg_1_0" };
    expect(chained(1).expanded(body(foreign), "team-b")["input"]).toEqual([foreign]);
  });

  test("are kept as themselves", async () => {
    const responses = chained(1);
    const request = body({ type: "item_reference", id: "msg_1_0" });
    responses.keep({ id: "resp_x", keyId: key, request, response: { output: [] } });
    await responses.remove("resp_1", key);
    expect(responses.expanded({ previous_response_id: "resp_x" }, key)["input"]).toEqual([
      message("answer 1", "msg_1_0"),
    ]);
  });

  test("are nothing odd to any other input", () => {
    for (const input of ["text", 7, null, {}, [null, 7, "a", [], { id: "a", role: "user" }]])
      expect(chained(1).expanded({ input }, key)).toEqual({ input });
  });
});

test("a kept response can be read, listed and forgotten by its own key only", async () => {
  const responses = chained(1);
  expect(responses.read("resp_1", key)).toMatchObject({ id: "resp_1" });
  expect(responses.inputItems("resp_1", key)).toMatchObject({
    object: "list",
    data: [{ role: "user", content: "question 1" }],
    has_more: false,
  });
  for (const name of ["read", "inputItems"] as const)
    expect(errorOf(() => responses[name]("resp_1", "team-b"))).toMatchObject({ code: "not_found", status: 404 });
  const foreign = await responses.remove("resp_1", "team-b").catch((error: unknown) => error);
  expect(foreign).toMatchObject({ code: "not_found", status: 404 });
  expect(await responses.remove("resp_1", key)).toEqual({ id: "resp_1", object: "response.deleted", deleted: true });
  expect(errorOf(() => responses.read("resp_1", key))).toMatchObject({ code: "not_found", status: 404 });
});

test("a response is kept unless the client, or the owner, wants none", () => {
  const kept = createStoredResponses(createMemoryResponseStore());
  expect([{}, { store: true }, { store: null }, { store: false }].map((body) => kept.wants(body))).toEqual([
    true,
    true,
    true,
    false,
  ]);
  const none = createStoredResponses(undefined);
  expect(none.wants({ store: true })).toBe(false);
  none.keep({ id: "resp_1", keyId: key, request: {}, response: {} });
  expect(errorOf(() => none.read("resp_1", key))).toMatchObject({ status: 404 });
  const error = errorOf(() => none.expanded({ previous_response_id: "resp_1" }, key));
  expect(error).toMatchObject(unknown);
  expect(error.message).toContain("responses.store");
});

test("whose a response is that an upstream keeps is noted", () => {
  const responses = createStoredResponses(undefined);
  const shared = createStoredResponses(undefined, { hasManyKeys: true });
  responses.claim("resp_up", key);
  expect(responses.mayAsk("resp_up", key)).toBe(true);
  expect(responses.mayAsk("resp_up", "team-b")).toBe(false);
  expect(errorOf(() => responses.checkOwner("resp_up", "team-b"))).toMatchObject(unknown);
  expect(() => responses.checkOwner("resp_up", key)).not.toThrow();
  expect(responses.mayAsk("resp_old", "anonymous")).toBe(true);
  expect(() => responses.checkOwner("resp_old", "team-b")).not.toThrow();
  expect(shared.mayAsk("resp_old", "team-b")).toBe(false);
  expect(errorOf(() => shared.checkOwner("resp_old", "team-b"))).toMatchObject(unknown);
});
