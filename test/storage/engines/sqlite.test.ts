import { Database } from "bun:sqlite";
import { afterAll } from "bun:test";
import { join } from "node:path";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { storeConformance } from "../conformance.ts";

const folder = temporaryFolder();
let databases = 0;

function query(url: string, sql: string): Record<string, unknown>[] {
  using database = new Database(url.replace("sqlite://", ""));
  return database.query<Record<string, unknown>, []>(sql).all();
}

storeConformance({
  name: "SQLite",
  createDatabase: () => Promise.resolve(`sqlite://${join(folder.path, `${(databases += 1)}.db`)}`),
  query: (url, sql) => Promise.resolve(query(url, sql)),
  server: undefined,
});

afterAll(() => folder[Symbol.dispose]());
