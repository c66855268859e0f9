/** Arguments as JSON text: Ollama's are an object, and some write the text itself. */
export function argumentsText(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value;
  try {
    return JSON.stringify(value);
  } catch {
    // Nested too deep to be written.
    return "";
  }
}
