import { APIError } from "openai";
import type { ClientFailure } from "../driver.ts";

/** Of all drivers on OpenAI's SDK. */
export function openaiFailure(error: unknown): ClientFailure | undefined {
  if (!(error instanceof APIError)) return undefined;
  return { status: error.status as number | undefined, message: error.message };
}
