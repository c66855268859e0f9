import { latin1OfUtf8 } from "../../lib/latin1.ts";

export type EventValue = { readonly type: string; readonly [field: string]: unknown };

/** One server-sent event (latin1). The `event:` line is not optional: the SDKs see nothing without it. */
export function eventOf(value: EventValue): string {
  return `event: ${value.type}\ndata: ${latin1OfUtf8(JSON.stringify(value))}\n\n`;
}
