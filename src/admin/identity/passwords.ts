import { randomBytes } from "node:crypto";
import { GatewayError } from "../../errors.ts";

/** Hashes passwords with argon2id on other threads, a few at a time: each takes memory and a core. */
export interface Passwords {
  /** PHC text, which says how it was made. Rejects with GatewayError (429) when too many wait. */
  hash(password: string): Promise<string>;
  /** Takes the same time where there is no hash. Rejects as `hash` does. */
  verify(password: string, hash: string | undefined): Promise<boolean>;
}

/** As OWASP advises: 19 MiB, two passes. */
const cost = { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 } as const;
const mostAtOnce = 2;
const mostWaiting = 32;

function tooMany(): GatewayError {
  return new GatewayError({
    code: "rate_limit_exceeded",
    status: 429,
    message: "Too many logins at the same time; try again in a moment.",
    retryAfterSeconds: 1,
  });
}

async function matches(password: string, known: string): Promise<boolean> {
  try {
    return await Bun.password.verify(password, known);
  } catch {
    // What is no hash fits no password.
    return false;
  }
}

export function createPasswords(): Passwords {
  const waiting: (() => void)[] = [];
  let running = 0;
  let nobodys: Promise<string> | undefined;

  async function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    if (running >= mostAtOnce) {
      if (waiting.length >= mostWaiting) throw tooMany();
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else running += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      // Whoever is next takes over the place.
      if (next === undefined) running -= 1;
      else next();
    }
  }

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
