import type { RecordSink } from "../telemetry/sink.ts";
import type { Store } from "./store.ts";

/** Brings finished requests to a store; closing the sink closes the store. */
export function storeSink(store: Store): RecordSink {
  return {
    name: "database",
    write: (records) => store.requests.insert(records),
    close: () => store.close(),
  };
}
