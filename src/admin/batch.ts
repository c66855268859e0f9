import { GatewayError } from "../errors.ts";
import type { By } from "./audit-trail.ts";
import type { BatchOutcome } from "./contract/fields.ts";
import type { Resource } from "./resource.ts";

type Result = BatchOutcome["results"][number];

export interface Batch<Create, Patch> {
  readonly create: readonly Create[];
  readonly update: readonly (Patch & { id: string })[];
  readonly delete: readonly string[];
}

type Changing<Create, Patch> = Pick<
  Resource<object, { id: string }, Create, Patch>,
  "create" | "patch" | "remove" | "together"
>;

type Made = Pick<Result, "id" | "status" | "result">;

async function outcomeOf(
  action: Result["action"],
  id: string | undefined,
  change: () => Promise<Made>,
): Promise<Result> {
  const named = id === undefined ? {} : { id };
  try {
    return { action, ...named, ...(await change()) };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return { action, status: error.status, ...named, error: { code: error.code, message: error.message } };
  }
}

/** Several changes, one after another; one that fails leaves the others alone. */
export function runBatch<Create, Patch>(
  resource: Changing<Create, Patch>,
  batch: Batch<Create, Patch>,
  by: By,
): Promise<BatchOutcome> {
  const run = (): Promise<BatchOutcome> => runAll(resource, batch, by);
  return resource.together === undefined ? run() : resource.together(run);
}

async function runAll<Create, Patch>(
  resource: Changing<Create, Patch>,
  batch: Batch<Create, Patch>,
  by: By,
): Promise<BatchOutcome> {
  const results: Result[] = [];
  for (const input of batch.create)
    results.push(
      await outcomeOf("create", undefined, async () => {
        const result = await resource.create(input, by);
        return { status: 201, id: result.id, result };
      }),
    );
  for (const { id, ...patch } of batch.update)
    results.push(
      await outcomeOf("update", id, async () => ({
        status: 200,
        result: await resource.patch(id, patch as Patch, by),
      })),
    );
  for (const id of batch.delete)
    results.push(
      await outcomeOf("delete", id, async () => {
        await resource.remove(id, by);
        return { status: 204 };
      }),
    );
  return { results };
}
