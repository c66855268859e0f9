import { randomBytes } from "node:crypto";
import { createFewAtOnce } from "./few-at-once.ts";

/** Hashes passwords with argon2id on other threads, a few at a time: each takes memory and a core. */
export interface Passwords {
  /** PHC text, which says how it was made. Rejects with GatewayError (429) when too many wait. */
  hash(password: string): Promise<string>;
  /** Takes the same time where there is no hash. Rejects as `hash` does. */
  verify(password: string, hash: string | undefined): Promise<boolean>;
}

/** As OWASP advises: 19 MiB, two passes. */
const cost = { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 } as const;
const room = { places: 2, mostWaiting: 32 };

async function matches(password: string, known: string): Promise<boolean> {
  try {
    return await Bun.password.verify(password, known);
  } catch {
    // What is no hash fits no password.
    return false;
  }
}

export function createPasswords(): Passwords {
  const inTurn = createFewAtOnce(room);
  let nobodys: Promise<string> | undefined;

  const hash = (password: string): Promise<string> => inTurn(() => Bun.password.hash(password, cost));

  return {
    hash,
    async verify(password, known) {
      nobodys ??= Bun.password.hash(randomBytes(32).toString("base64url"), cost);
      // Awaited in any case, so that the first login tells nobody apart.
      const stand = await nobodys;
      const isGood = await inTurn(() => matches(password, known ?? stand));
      return isGood && known !== undefined;
    },
  };
}
