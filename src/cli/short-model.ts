import { displayWidth, truncate } from "./output.ts";

/** A model name in so many columns: its end tells more than the vendor before the slash, which goes first. */
export function shortModel(model: string, width: number): string {
  if (displayWidth(model) <= width) return model;
  return truncate(model.slice(model.lastIndexOf("/") + 1), width);
}
