import { otherModels } from "../../telemetry/model-label.ts";
import type { RequestRecord } from "../../telemetry/request-record.ts";

/** By what requests are told apart in totals. */
export interface UsageLabels {
  readonly key: string;
  readonly model: string;
  readonly provider: string;
}

/** A name that somebody made up may be of any length; a label is for people. */
const longest = 200;

function label(text: string | undefined): string {
  const name = text === undefined || text === "" ? "(none)" : text;
  // A cut may go through a character, and a NUL is no part of a name that an engine would keep.
  const cut = name.length > longest ? `${name.slice(0, longest)}…` : name;
  return cut.toWellFormed().replaceAll("\u0000", "\uFFFD");
}

export function labelsOf(
  record: Pick<RequestRecord, "keyId" | "modelServed" | "modelAsked" | "isInvented" | "provider">,
): UsageLabels {
  const { keyId, modelServed, modelAsked, isInvented, provider } = record;
  const named = modelServed === undefined || modelServed === "" ? modelAsked : modelServed;
  const model = isInvented === true ? otherModels : named;
  return { key: label(keyId), model: label(model), provider: label(provider) };
}
