import { type TableName, tableNames } from "../tables.ts";
import { sizeSteps } from "./requests.ts";
import type { Steps } from "./steps.ts";
import { countSteps } from "./table-rows.ts";

export interface Contents {
  readonly rows: Readonly<Record<string, number>>;
  readonly oldest: number | undefined;
}

/** How much is in each table. Requests are not counted one by one: there may be millions. */
export function* contentsSteps(): Steps<Contents> {
  const { requests, oldest } = yield* sizeSteps();
  const rows: Partial<Record<TableName, number>> = { requests };
  for (const name of tableNames) {
    if (name !== "requests" && name !== "usage") rows[name] = yield* countSteps(name);
  }
  return { rows, oldest };
}
