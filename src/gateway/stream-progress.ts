import { GatewayError } from "../errors.ts";
import type { OpenedStream } from "./attempt.ts";

/** Whether an answer still grows: comments keep a line alive on which nothing comes any more. */
export interface StreamProgress {
  /** The time without content counts from now on. */
  restart(now: number): void;
  /** Throws GatewayError (504) where nothing of the answer has come for too long. */
  watch(source: OpenedStream, now: number): void;
}

/** Instants are of `performance.now()`. */
export function createStreamProgress(): StreamProgress {
  /** Content-bearing events so far, and when the last one came. */
  let contentEvents = 0;
  let progressAt = 0;
  return {
    restart: (now) => void (progressAt = now),
    watch({ editor, host, progressMs }, now) {
      if (editor.observation.contentEvents !== contentEvents) {
        ({ contentEvents } = editor.observation);
        progressAt = now;
      } else if (now - progressAt > progressMs && !editor.isComplete()) {
        const message = `The upstream ${host} sent nothing of its answer for ${progressMs} ms (timeouts.progress).`;
        throw new GatewayError({ code: "upstream_timeout", status: 504, message });
      }
    },
  };
}
