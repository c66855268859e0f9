import { fieldsOf, jsonOf, stringOf, type Fields } from "../fields.ts";
import type { Tool } from "./conversation.ts";

/** Tools whose input is free text, for upstreams that know functions only: the text is the one field of an object. */

export const wrappedParameters: Fields = {
  type: "object",
  properties: { input: { type: "string", description: "The text for the tool" } },
  required: ["input"],
};

/** A grammar cannot be enforced on a function; a model that reads it keeps to it mostly. */
export function wrappedDescription({ description, format }: Tool): string | undefined {
  // Responses do not nest a grammar, chat completions do.
  const grammar = fieldsOf(fieldsOf(format)["grammar"] ?? format);
  const definition = stringOf(grammar["definition"]);
  if (definition === undefined) return description;
  const syntax = stringOf(grammar["syntax"]) ?? "";
  return `${description ?? ""}\n\n\`input\` must follow this ${syntax} grammar:\n${definition}`.trim();
}

/** The way back: the text in the arguments of a call of such a function. */
export function unwrappedInput(json: string): string {
  const value = jsonOf(json);
  if (typeof value === "string") return value;
  const fields = fieldsOf(value);
  const members = Object.values(fields);
  return stringOf(fields["input"]) ?? (members.length === 1 ? stringOf(members[0]) : undefined) ?? json;
}
