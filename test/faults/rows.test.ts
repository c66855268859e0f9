import { describe, expect, test } from "bun:test";
import { faultIds, faultNamed } from "../support/fault-list.ts";
import { createFaultUpstream, faultModel } from "../support/fault-upstream.ts";
import { faultProtocols, goodText } from "../support/fault-wire.ts";
import { wires } from "../support/replay-wires.ts";
import { casesOf } from "./cases.ts";
import { clientOf } from "./run.ts";
import { groupNames, groups } from "./rows.ts";

const rows = groupNames.flatMap((name) => [...groups[name]("http://sink.invalid")]);
const cases = casesOf(rows);

describe("the table of faults", () => {
  test("has a row for every fault, and a fault for every row", () => {
    const used = rows.map(({ fault }) => fault.split(":")[0] ?? "");
    expect(faultIds.filter((id) => !used.includes(id))).toEqual([]);
    expect(used.filter((id) => faultNamed(id) === undefined)).toEqual([]);
  });

  test("is tried by every client, streaming and not, before one to three targets", () => {
    expect(cases.length).toBeGreaterThan(760);
    for (const client of faultProtocols)
      for (const isStream of [true, false])
        for (const targets of [1, 2, 3]) {
          const own = cases.filter((each) => each.client === client && each.isStream === isStream);
          expect(own.filter((each) => each.targets === targets).length).toBeGreaterThan(50);
        }
  });

  test("names no model twice", () => {
    const models = cases.flatMap((each) => each.models);
    expect(new Set(models).size).toBe(models.length);
  });
});

describe("the fault upstream by itself", () => {
  test.each([...faultProtocols])("answers well in %s, and says what it saw", async (protocol) => {
    await using upstream = await createFaultUpstream();
    const client = clientOf(protocol);
    for (const isStream of [true, false]) {
      const model = faultModel("good", `${protocol}-${isStream}`);
      const base = protocol.startsWith("openai") ? `${upstream.origin}/openai` : upstream.origin;
      const headers = { "content-type": "application/json", authorization: "Bearer key-0001", ...client.headers };
      const body = JSON.stringify(client.body({ model, isStream }));
      const path = client.path(encodeURIComponent(model), isStream);
      const response = await fetch(base + path, { method: "POST", headers, body });
      const text = await response.text();
      expect(wires[protocol].contentOf(text).text).toBe(goodText);
      if (isStream) expect(wires[protocol].problemsOf(text)).toEqual([]);
      const [request] = upstream.of(model);
      expect(request).toMatchObject({ fault: "good", protocol, isStream, credential: "key-0001" });
    }
    expect(upstream.running()).toBe(0);
  });

  test("knows when the other side has left", async () => {
    await using upstream = await createFaultUpstream();
    const leaving = new AbortController();
    const body = JSON.stringify({ model: faultModel("silent"), stream: true, messages: [] });
    const url = `${upstream.origin}/openai/v1/chat/completions`;
    const asking = fetch(url, { method: "POST", body, signal: leaving.signal }).catch(() => "left");
    const request = await upstream.waitFor(({ fault }) => fault === "silent");
    expect(upstream.running()).toBe(1);
    leaving.abort();
    expect(await asking).toBe("left");
    expect(await request.received.ended).toBe("aborted");
    await upstream.idle();
    expect(upstream.running()).toBe(0);
  });
});
