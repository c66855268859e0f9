const allowed = /^[a-z0-9][a-z0-9_.-]*$/i;
const longest = 64;

/** A text as a name of a provider: letters, digits, `.`, `_` and `-`. */
export function providerName(text: string, fallback = "provider"): string {
  const name = text
    .normalize("NFKD")
    .replaceAll(/[^A-Za-z0-9_.-]+/g, "-")
    .replace(/^[-_.]+/, "")
    .slice(0, longest)
    .replace(/-+$/, "");
  const isSafe = allowed.test(name) && name !== "constructor" && name !== "prototype";
  return isSafe ? name : fallback;
}

/** Gives out names, each once: the first candidate that is free, else the first with a number behind it. */
export function createNames(): (candidates: readonly string[]) => string {
  const taken = new Set<string>();
  return (candidates) => {
    const [first = "provider"] = candidates;
    let name = candidates.find((candidate) => !taken.has(candidate));
    for (let number = 2; name === undefined; number += 1) {
      const numbered = `${first}-${number}`;
      if (!taken.has(numbered)) name = numbered;
    }
    taken.add(name);
    return name;
  };
}
