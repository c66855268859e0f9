import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/errors.ts";
import { createModelTable, type ModelTable, type Route } from "../../src/routing/model-table.ts";
import { configured, openaiCompatibleAt } from "./configured.ts";

const one = openaiCompatibleAt("http://one.test/v1");
const two = openaiCompatibleAt("http://two.test/v1", { acceptsAnyModel: true });
const off = openaiCompatibleAt("http://off.test/v1", { enabled: false });

function tableOf(parts: { providers: object; models?: object }): ModelTable {
  return createModelTable(configured(parts));
}

function summaryOf({ modelShown, targets }: Route): unknown[] {
  return [modelShown, ...targets.map(({ upstream, model }) => `${upstream.name}:${model}`)];
}

function refusalOf(table: ModelTable, model: string | undefined): GatewayError {
  try {
    table.resolve(model);
  } catch (error) {
    if (error instanceof GatewayError) return error;
  }
  throw new Error("was resolved");
}

describe("a model's route", () => {
  const models = {
    orcestator: { targets: [{ provider: "one", model: "m1" }] },
    smart: {
      targets: [
        { provider: "off", model: "m0" },
        { provider: "two", model: "m2" },
        { provider: "one", model: "m1" },
      ],
    },
  };
  const table = tableOf({ providers: { one, two, off }, models });

  test("has the alias's targets in their order, without those of a provider that is off", () => {
    expect(summaryOf(table.resolve("smart"))).toEqual(["smart", "two:m2", "one:m1"]);
  });

  test("of a request without a model is the default alias's", () => {
    expect(summaryOf(table.resolve(undefined))).toEqual(["orcestator", "one:m1"]);
  });

  test("of any other name goes as asked to the provider that accepts any, and is shown as the default alias", () => {
    expect(summaryOf(table.resolve("vendor/x"))).toEqual(["orcestator", "two:vendor/x"]);
    expect(summaryOf(table.resolve("Smart"))).toEqual(["orcestator", "two:Smart"]);
  });

  test("without an alias of the default name is the first alias's", () => {
    const table = tableOf({
      providers: { one },
      models: {
        first: { targets: [{ provider: "one", model: "m" }] },
        second: { targets: [{ provider: "one", model: "n" }] },
      },
    });
    expect(summaryOf(table.resolve(undefined))).toEqual(["first", "one:m"]);
  });
});

describe("an unknown model is a 404 that names it", () => {
  const table = tableOf({ providers: { one, off }, models: { gone: { targets: [{ provider: "off", model: "m" }] } } });

  test.each(["gone", "other", "", "__proto__", "constructor", "toString"])("%p", (model) => {
    const error = refusalOf(table, model);
    expect({ code: error.code, status: error.status, param: error.param }).toEqual({
      code: "model_not_found",
      status: 404,
      param: "model",
    });
    expect(error.message).toContain(`'${model}'`);
  });

  test("undefined, where there is no alias at all", () => {
    expect(refusalOf(table, undefined).status).toBe(404);
  });

  test("cut to a length that fits a log", () => {
    expect(refusalOf(table, "x".repeat(100_000)).message.length).toBeLessThan(400);
  });
});

test("an alias may be named like a part of every object", () => {
  const table = tableOf({
    providers: { one },
    models: { constructor: { targets: [{ provider: "one", model: "m" }] } },
  });
  expect(summaryOf(table.resolve("constructor"))).toEqual(["constructor", "one:m"]);
});
