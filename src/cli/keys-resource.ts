import { issuedKeySchema, keyPageSchema, type KeyView, keyViewSchema } from "../admin/contract/keys.ts";
import type { AdminArguments } from "./admin-api.ts";
import { formatKey, formatKeys } from "./keys-format.ts";
import { palette, print, printable, printJson, printNote } from "./output.ts";
import { type CliResource, readAnswer } from "./resource.ts";

export const keyResource: CliResource<KeyView> = {
  word: "key",
  view: keyViewSchema,
  page: keyPageSchema,
  table: formatKeys,
  details: formatKey,
};

/** The token alone on stdout, so that a script can take it. */
export function showIssued(body: unknown, { json }: AdminArguments): void {
  if (json === true) return printJson(body);
  const { key, id, name } = readAnswer(issuedKeySchema, body);
  print(key);
  const note = `This is the token of ${printable(name)} (${id}). It is shown this once and kept nowhere: put it in a safe place.`;
  printNote(palette(process.stderr).gray(note));
}
