import type { RecordSink } from "../telemetry/sink.ts";
import type { RequestStore, Store } from "./store.ts";

interface Insertable extends Pick<Store, "close"> {
  readonly requests: Pick<RequestStore, "insert">;
}

/** Brings finished requests to a store; closing the sink closes the store. */
export function storeSink(store: Insertable): RecordSink {
  return {
    name: "database",
    isAllOrNothing: true,
    write: (records) => store.requests.insert(records),
    close: () => store.close(),
  };
}
