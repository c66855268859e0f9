import type { Logger } from "../telemetry/logger.ts";

/** One request's bug must not end everybody's streams. */
export function surviveBugs(logger: Logger): void {
  process.on("uncaughtException", (error) => logger.error("Uncaught exception", error));
  process.on("unhandledRejection", (error) => logger.error("Unhandled rejection", error));
}
