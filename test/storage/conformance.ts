import { describe, setDefaultTimeout } from "bun:test";
import { documentConformance } from "./conformance/documents.ts";
import type { TriedEngine } from "./conformance/engine.ts";
import { lifecycleConformance } from "./conformance/lifecycle.ts";
import { requestConformance } from "./conformance/requests.ts";
import { totalsConformance } from "./conformance/totals.ts";

/** What every engine must do alike. */
export function storeConformance(engine: TriedEngine): void {
  setDefaultTimeout(60_000);
  describe(`${engine.name}: requests`, () => requestConformance(engine));
  describe(`${engine.name}: totals`, () => totalsConformance(engine));
  describe(`${engine.name}: documents`, () => documentConformance(engine));
  describe(`${engine.name}: life of a database`, () => lifecycleConformance(engine));
}
