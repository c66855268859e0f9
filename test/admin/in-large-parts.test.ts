import { describe, expect, test } from "bun:test";
import { inLargeParts } from "../../src/admin/in-large-parts.ts";
import { GatewayError, invalidRequest } from "../../src/errors.ts";

const steps = Array.from({ length: 100 }, (_, index) => index);

/** Does parts without bad steps; what was asked of it. */
function scene(isBad: (step: number) => boolean) {
  const asked: number[] = [];
  const made: number[] = [];
  return {
    asked,
    made,
    attempt: (part: readonly number[]): Promise<number[]> => {
      asked.push(part.length);
      if (part.some(isBad)) return Promise.reject(invalidRequest(`${part.length} steps are not sound`));
      made.push(...part);
      return Promise.resolve([...part]);
    },
  };
}

describe("steps", () => {
  test("that are all sound are done at once", async () => {
    const { asked, attempt } = scene(() => false);
    expect(await inLargeParts(steps, attempt)).toEqual(steps);
    expect(asked).toEqual([100]);
  });

  test.each([[[0]], [[50]], [[99]], [[3, 4, 77]]])("but for %j are done, in their order", async (bad) => {
    const { asked, made, attempt } = scene((step) => bad.includes(step));
    const outcomes = await inLargeParts(steps, attempt);
    expect(outcomes.flatMap((outcome, index) => (outcome instanceof GatewayError ? [index] : []))).toEqual(bad);
    expect(made).toEqual(steps.filter((step) => !bad.includes(step)));
    expect(asked.length).toBeLessThan(40);
    for (const index of bad) expect(outcomes[index]).toMatchObject({ message: "1 steps are not sound" });
  });

  test("of which none is sound cost little more than one attempt each", async () => {
    const { asked, attempt } = scene(() => true);
    expect(await inLargeParts(steps, attempt)).toHaveLength(100);
    expect(asked.length).toBeLessThan(110);
  });

  test("of which an attempt does the first ones only go on behind them", async () => {
    const parts: number[][] = [];
    const outcomes = await inLargeParts(steps.slice(0, 5), (part) => {
      parts.push([...part]);
      return Promise.resolve(part.slice(0, 2));
    });
    expect([outcomes, parts.map(([first]) => first)]).toEqual([
      [0, 1, 2, 3, 4],
      [0, 2, 4],
    ]);
  });

  test("are not gone on with after a bug", async () => {
    const failing = inLargeParts(steps, () => Promise.reject(new TypeError("a bug")));
    expect(failing).rejects.toThrow("a bug");
  });
});
