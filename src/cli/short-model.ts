import { displayWidth, truncate } from "./output.ts";

/** Where names are shown to people they end here: a client may ask for a name of any length. */
export const longestModel = 60;

/** A model name in so many columns: its end tells more than the vendor before the slash, which goes first. */
export function shortModel(model: string, width: number): string {
  if (displayWidth(model) <= width) return model;
  return truncate(model.slice(model.lastIndexOf("/") + 1), width);
}
