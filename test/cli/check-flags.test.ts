import { expect, test } from "bun:test";
import type { ArgsDef } from "citty";
import { checkFlags } from "../../src/cli/check-flags.ts";
import { CliError } from "../../src/cli/output.ts";

const args: ArgsDef = {
  filter: { type: "positional", required: false },
  "metrics-port": { type: "string", alias: "m" },
  follow: { type: "boolean", default: true, alias: "f" },
  by: { type: "enum", options: ["model", "day"] },
};

function complaint(...tokens: string[]): string {
  try {
    checkFlags(tokens, args);
  } catch (error) {
    if (error instanceof CliError && error.exitCode === 2) return error.message;
    throw error;
  }
  return "";
}

test("what the command takes passes", () => {
  for (const tokens of [
    [],
    ["text"],
    ["--metrics-port", "1", "text", "--follow"],
    ["--metrics-port=1", "--no-follow", "--by=day"],
    ["--metricsPort", "1", "-f"],
    ["-m", "1"],
    ["-m1"],
    ["-m", "-1"],
    ["--by", "day", "--", "--anything", "more"],
    ["--metrics-port=", "-"],
  ]) {
    expect(complaint(...tokens)).toBe("");
  }
});

test("what the command does not take is refused with a suggestion", () => {
  expect(complaint("--metric-port", "1")).toBe("unknown flag --metric-port; did you mean --metrics-port?");
  expect(complaint("--metrics_prot=1")).toContain("did you mean --metrics-port?");
  expect(complaint("--nonsense")).toBe("unknown flag --nonsense");
  expect(complaint("-x")).toContain("unknown flag -x");
  expect(complaint("--no-by")).toContain("unknown flag --no-by");
  expect(complaint("one", "two")).toBe("unexpected argument 'two'");
});

test("a flag without its value is refused", () => {
  expect(complaint("--metrics-port")).toBe("--metrics-port needs a value");
  expect(complaint("--metrics-port", "--follow")).toBe("--metrics-port needs a value");
  expect(complaint("--by", "-f")).toBe("--by needs a value");
  expect(complaint("-m")).toBe("-m needs a value");
});
