import { invalidRequest } from "../../errors.ts";

/** Where a page ended: a time and the id of what stood there. */
export interface Position {
  /** Epoch milliseconds. */
  readonly time: number;
  readonly id: string;
}

const mostRows = 500;
/** Before everything, for lists that begin with the newest. */
const newest: Position = { time: Number.MAX_SAFE_INTEGER, id: "" };

export function cursorOf({ time, id }: Position): string {
  return Buffer.from(`${time} ${id}`).toString("base64url");
}

/** Throws GatewayError (400) when it is none. */
export function positionOf(cursor: string | undefined): Position {
  if (cursor === undefined) return newest;
  const [, time, id] = /^(\d{1,16}) (\P{Cc}{1,300})$/u.exec(Buffer.from(cursor, "base64url").toString()) ?? [];
  if (time === undefined || id === undefined)
    throw invalidRequest("cursor must be the one that the page before gave.", "cursor");
  return { time: Number(time), id };
}

/** Throws GatewayError (400) when a page cannot have so many rows. */
export function checkLimit(limit: number): void {
  if (Number.isInteger(limit) && limit >= 1 && limit <= mostRows) return;
  throw invalidRequest(`limit must be a number from 1 to ${mostRows}.`, "limit");
}
