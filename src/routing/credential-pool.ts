export interface CredentialPool {
  /** Every credential once, the one whose turn it is first and those that are cooling last; `[undefined]` where none is needed. */
  inTurn(): readonly (string | undefined)[];
  /** Leaves a credential out of the first choice for a while. It is still used when all others failed. */
  cool(credential: string | undefined, milliseconds: number): void;
}

/** Hands out a provider's credentials in turn. */
export function createCredentialPool(credentials: readonly string[], now: () => number = Date.now): CredentialPool {
  if (credentials.length <= 1) {
    const only = [credentials[0]];
    return { inTurn: () => only, cool: () => undefined };
  }
  const cooledUntil = new Map<string, number>();
  let next = 0;

  function inTurn(): readonly string[] {
    const rotated = [...credentials.slice(next), ...credentials.slice(0, next)];
    next = (next + 1) % credentials.length;
    if (cooledUntil.size === 0) return rotated;
    const time = now();
    const waitOf = (credential: string): number => Math.max(0, (cooledUntil.get(credential) ?? 0) - time);
    return rotated.sort((left, right) => waitOf(left) - waitOf(right));
  }

  return {
    inTurn,
    cool(credential, milliseconds) {
      if (credential !== undefined) cooledUntil.set(credential, now() + milliseconds);
    },
  };
}
