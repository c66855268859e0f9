import { formatDuration } from "../../lib/duration.ts";
import { printable } from "../../telemetry/console-line.ts";
import type { CredentialAlarm } from "../credential.ts";
import type { CircuitAlarm } from "./health.ts";
import { upstreamStatusOf } from "./results.ts";

/** The log's two ways of saying something to people. */
interface Log {
  info(line: string): void;
  warn(line: string): void;
}

const longestWords = 300;
const second = 1000;

function words(text: string): string {
  return printable(text.replaceAll(/\s+/g, " ").trim(), longestWords);
}

/** What goes through without a model has none. */
function placeName(provider: string, model: string): string {
  return model === "" ? provider : `${provider} / ${words(model)}`;
}

function waitText(milliseconds: number): string {
  return formatDuration(milliseconds < second ? milliseconds : Math.round(milliseconds / second) * second);
}

/** A line for every change of a circuit or a credential, for `createHealthRegistry`. No line names a key. */
export function createHealthLog(log: Log): { onCredential: CredentialAlarm; onCircuit: CircuitAlarm } {
  return {
    onCredential({ provider, label, kind, model, error }) {
      const whatFor = model === undefined || model === "" ? "" : ` for ${words(model)}`;
      if (kind === "recovered") {
        log.info(`The credential ${label} of ${provider} works again${whatFor}.`);
        return;
      }
      const status = error && upstreamStatusOf(error);
      const why = error === undefined ? "" : `: ${words(error.message)}`;
      const what = status === undefined ? "refused" : `refused with ${status}`;
      log.warn(`The credential ${label} of ${provider} was ${what} and is not used${whatFor} for now${why}`);
    },
    onCircuit({ provider, model, kind, reason, openMs }) {
      if (kind === "closed") {
        log.info(`${placeName(provider, model)} works again.`);
        return;
      }
      const wait = openMs === undefined ? "" : ` and is left alone for ${waitText(openMs)}`;
      log.warn(`${placeName(provider, model)} fails${wait}: ${words(reason ?? "no reason is known")}`);
    },
  };
}
