function distance(left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const cost = left[row - 1] === right[column - 1] ? 0 : 1;
      current.push(
        Math.min((previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, (previous[column - 1] ?? 0) + cost),
      );
    }
    previous = current;
  }
  return previous[right.length] ?? left.length;
}

function simplify(text: string): string {
  return text.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
}

/** The candidate most like `word` (case, `-` and `_` aside), or `undefined` when none is near enough to suggest. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const wanted = simplify(word.slice(0, 64));
  if (wanted === "") return undefined;
  let best: string | undefined;
  // Two letters changed places are two steps, so short words need room for two.
  let bestDistance = Math.max(wanted.length < 4 ? 1 : 2, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    const current = distance(wanted, simplify(candidate));
    if (current < bestDistance) {
      best = candidate;
      bestDistance = current;
    }
  }
  return best;
}
