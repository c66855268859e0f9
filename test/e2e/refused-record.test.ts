import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { until } from "../support/e2e.ts";
import { startGateway } from "../support/gateway.ts";

const token = "refused-record";
const authorization = `Bearer ${token}`;

test("of many requests that are written together, a record that the database refuses is lost alone", async () => {
  const configText = `providers: {d: {type: dummy}}
models:
  good: {targets: [{provider: d, model: x}]}
  bad: {targets: [{provider: d, model: x}]}
`;
  await using gateway = await startGateway({ configText, env: { AUTH_TOKEN: token, OR_DB_PATH: "records.db" } });
  using database = new Database(join(gateway.cwd, "records.db"));
  database.run("PRAGMA busy_timeout = 5000");
  database.run(
    "CREATE TRIGGER refuse BEFORE INSERT ON requests WHEN NEW.model_asked = 'bad' BEGIN SELECT RAISE(ABORT, 'no'); END",
  );
  const ask = async (model: string): Promise<number> => {
    const body = JSON.stringify({ model, messages: [{ role: "user", content: "Hi" }] });
    const response = await fetch(`${gateway.origin}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization },
      body,
    });
    await response.text();
    return response.status;
  };
  const models = Array.from({ length: 61 }, (_, index) => (index === 30 ? "bad" : "good"));
  expect(new Set(await Promise.all(models.map(ask)))).toEqual(new Set([200]));

  const stored = () => database.query<{ count: number }, []>("SELECT count(*) AS count FROM requests").get()?.count;
  await until(() => stored() === 60, "all other records are stored");
  const metrics = async (): Promise<string> =>
    (await fetch(`${gateway.origin}/metrics`, { headers: { authorization } })).text();
  const lost = async (): Promise<string | undefined> =>
    /records_dropped_total\{sink="database"\} (\d+)/.exec(await metrics())?.[1];
  await until(async () => (await lost()) === "1", "one is counted as lost");

  // Nothing that is written after it says that the database is there.
  await ask("bad");
  await until(async () => (await lost()) === "2", "another one is counted as lost");
  expect(await metrics()).toMatch(/^orcestator_database_up(?:\{[^}]*\})? 1$/m);
});
