import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { createPriceRefresh } from "../../src/prices/price-refresh.ts";
import { createPriceTable } from "../../src/prices/price-table.ts";
import type { TableProvider } from "../../src/prices/table-data.ts";
import { knownTableNames } from "../../src/prices/table-provider.ts";

const bundled = createPriceTable();

/** The table of the package, with another price of gpt-4o. */
function newerTable(input: number): TableProvider[] {
  const providers = knownTableNames.flatMap((name) => bundled.provider(name) ?? []);
  const changed = (models: TableProvider["models"]): TableProvider["models"] =>
    models.map((one) => (one.id === "gpt-4o" ? { ...one, prices: { input_mtok: input, output_mtok: 9 } } : one));
  return providers.map((one) => (one.id === "openai" ? { ...one, models: changed(one.models) } : one));
}

let answer = (): Response => Response.json(newerTable(2));
const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => answer() });
const url = `http://127.0.0.1:${server.port}/data.json`;
afterAll(() => server.stop(true));
beforeEach(() => {
  answer = () => Response.json(newerTable(2));
});

async function fetchText(address: string): Promise<string> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`answered ${response.status}`);
  return response.text();
}

const openai = { type: "openai", baseUrl: "https://api.openai.com/v1" } as const;

function start() {
  const table = createPriceTable();
  const told: string[] = [];
  const alarms: { milliseconds: number; ring: () => void; isOff: boolean }[] = [];
  let now = Date.parse("2026-12-01T10:00:00Z");
  const refresh = createPriceRefresh({
    table,
    fetchText,
    log: { info: (message) => told.push(message), warn: (message) => told.push(message) },
    now: () => now,
    after(milliseconds, ring) {
      const alarm = { milliseconds, ring, isOff: false };
      alarms.push(alarm);
      return () => (alarm.isOff = true);
    },
  });
  return {
    table,
    told,
    refresh,
    waiting: () => alarms.filter(({ isOff }) => !isOff).map(({ milliseconds }) => milliseconds),
    later: (milliseconds: number) => (now += milliseconds),
    inputOf: () => table.find(openai, "gpt-4o", undefined)?.priceAt(now)?.input,
  };
}

const hour = 3_600_000;

describe("a newer price table", () => {
  test("is not fetched unless an address is set", async () => {
    const { refresh, inputOf, waiting } = start();
    refresh.follow("off");
    await refresh.refresh();
    expect([refresh.state(), inputOf(), waiting()]).toEqual([undefined, 2.5, []]);
  });

  test("is in force once it has come, and is fetched again a day later", async () => {
    const { refresh, table, inputOf, waiting, told } = start();
    refresh.follow(url);
    await refresh.refresh();
    expect(inputOf()).toBe(2);
    expect(table.origin()).toEqual({ source: url, asOf: "2026-12-01" });
    expect(refresh.state()).toEqual({ url, goodAt: Date.parse("2026-12-01T10:00:00Z"), problem: undefined });
    expect([waiting(), told]).toEqual([[24 * hour], []]);
  });

  test("that is unsound or does not come leaves the last good one, is told once, and tried again within the hour", async () => {
    const { refresh, table, inputOf, waiting, told, later } = start();
    refresh.follow(url);
    await refresh.refresh();
    const good = table.origin();
    later(24 * hour);
    answer = () => Response.json([]);
    await refresh.refresh();
    await refresh.refresh();
    expect([inputOf(), table.origin(), waiting()]).toEqual([2, good, [hour]]);
    expect(refresh.state()?.problem).toBe("provider openrouter is missing");
    answer = () => new Response("gone", { status: 410 });
    await refresh.refresh();
    expect(told).toEqual([
      `The price table of ${url} is not used: provider openrouter is missing. Those of 2026-12-01 stay in force.`,
      `The price table of ${url} is not used: answered 410. Those of 2026-12-01 stay in force.`,
    ]);
    answer = () => Response.json(newerTable(3));
    await refresh.refresh();
    expect([inputOf(), told.at(-1), waiting()]).toEqual([3, `Prices come from ${url} again.`, [24 * hour]]);
  });

  test("comes no more once it is switched off, also when it was on its way", async () => {
    const { refresh, inputOf, waiting } = start();
    refresh.follow(url);
    const running = refresh.refresh();
    refresh.follow("off");
    await running;
    expect([inputOf(), refresh.state(), waiting()]).toEqual([2.5, undefined, []]);
  });

  test("is followed to another address", async () => {
    const { refresh, inputOf } = start();
    refresh.follow(url);
    await refresh.refresh();
    answer = () => Response.json(newerTable(4));
    refresh.follow(`${url}?v=2`);
    await refresh.refresh();
    expect([inputOf(), refresh.state()?.url]).toEqual([4, `${url}?v=2`]);
  });
});
