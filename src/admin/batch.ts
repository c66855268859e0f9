import { GatewayError } from "../errors.ts";
import type { By } from "./audit-trail.ts";
import type { BatchOutcome } from "./contract/fields.ts";
import type { Resource, Step } from "./resource.ts";

export interface Batch<Create, Patch> {
  readonly create: readonly Create[];
  readonly update: readonly (Patch & { id: string })[];
  readonly delete: readonly string[];
}

type Outcome = BatchOutcome["results"][number];

type Changing<Create, Patch> = Pick<
  Resource<object, { id: string }, Create, Patch>,
  "create" | "patch" | "remove" | "several"
>;

const statusOf = { create: 201, update: 200, delete: 204 } as const;

function stepsOf<Create, Patch>(batch: Batch<Create, Patch>): Step<Create, Patch>[] {
  return [
    ...batch.create.map((input) => ({ action: "create", input }) as const),
    ...batch.update.map(({ id, ...patch }) => ({ action: "update", id, patch: patch as Patch }) as const),
    ...batch.delete.map((id) => ({ action: "delete", id }) as const),
  ];
}

function perform<Create, Patch>(
  resource: Changing<Create, Patch>,
  step: Step<Create, Patch>,
  by: By,
): Promise<object | void> {
  if (step.action === "create") return resource.create(step.input, by);
  return step.action === "update" ? resource.patch(step.id, step.patch, by) : resource.remove(step.id, by);
}

async function oneByOne<Create, Patch>(
  resource: Changing<Create, Patch>,
  steps: readonly Step<Create, Patch>[],
  by: By,
): Promise<(object | void | GatewayError)[]> {
  const made: (object | void | GatewayError)[] = [];
  for (const step of steps) {
    try {
      made.push(await perform(resource, step, by));
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      made.push(error);
    }
  }
  return made;
}

function outcomeOf(step: Step<unknown, unknown>, made: object | void | GatewayError): Outcome {
  const { action } = step;
  const named = action === "create" ? {} : { id: step.id };
  if (made instanceof GatewayError) {
    const { status, code, message } = made;
    return { action, status, ...named, error: { code, message } };
  }
  const own = made !== undefined && "id" in made && typeof made.id === "string" ? { id: made.id } : named;
  return { action, status: statusOf[action], ...own, ...(made === undefined ? {} : { result: made }) };
}

/** Several changes, one after another; one that fails leaves the others alone. */
export async function runBatch<Create, Patch>(
  resource: Changing<Create, Patch>,
  batch: Batch<Create, Patch>,
  by: By,
): Promise<BatchOutcome> {
  const steps = stepsOf(batch);
  const made = await (resource.several?.(steps, by) ?? oneByOne(resource, steps, by));
  return { results: steps.map((step, index) => outcomeOf(step, made[index])) };
}
