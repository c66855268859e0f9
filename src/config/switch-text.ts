const switchText: Readonly<Record<string, boolean>> = {
  true: true,
  "1": true,
  yes: true,
  on: true,
  false: false,
  "0": false,
  no: false,
  off: false,
};

/** What a value means as a switch, which may come as text from the environment; `undefined` when it is none. */
export function switchOf(value: unknown): boolean | undefined {
  if (typeof value === "boolean") return value;
  const text = typeof value === "string" ? value.toLowerCase() : "";
  return Object.hasOwn(switchText, text) ? switchText[text] : undefined;
}
