import { expect, test } from "bun:test";
import { createLogRelay, type LogRelay } from "../../../src/runtime/workers/log-relay.ts";
import { createLogger } from "../../../src/telemetry/logger.ts";

function relay(): { log: LogRelay; lines: string[]; pass: (milliseconds: number) => void } {
  let time = 0;
  const lines: string[] = [];
  const logger = createLogger("debug");
  logger.setReporters([{ log: ({ type, args }) => void lines.push(`${type}: ${args.join(" ")}`) }]);
  return { log: createLogRelay(logger, () => time), lines, pass: (milliseconds) => void (time += milliseconds) };
}

test("lines of workers are shown with their level", () => {
  const { log, lines } = relay();
  for (const type of ["error", "fatal", "warn", "info", "debug", "success"] as const) log(1, { type, text: type });
  expect(lines).toEqual(["error: error", "error: fatal", "warn: warn", "info: info", "debug: debug", "info: success"]);
});

test("what several workers say alike is shown once, what one says again is shown again", () => {
  const { log, lines, pass } = relay();
  log(1, { type: "warn", text: "the same" });
  log(2, { type: "warn", text: "the same" });
  log(3, { type: "warn", text: "another" });
  log(1, { type: "warn", text: "the same" });
  expect(lines).toEqual(["warn: the same", "warn: another", "warn: the same"]);
  pass(5000);
  log(2, { type: "warn", text: "the same" });
  expect(lines).toHaveLength(4);
});
