import { GatewayError } from "../../errors.ts";

/** Does work when there is a place for it. Rejects as the work does, and with GatewayError (429) when too many wait. */
export type FewAtOnce = <Result>(work: () => Promise<Result>) => Promise<Result>;

function tooMany(): GatewayError {
  return new GatewayError({
    code: "rate_limit_exceeded",
    status: 429,
    message: "Too many logins at the same time; try again in a moment.",
    retryAfterSeconds: 1,
  });
}

/** For work of logins: whoever asks for it need not be anybody. */
export function createFewAtOnce({ places, mostWaiting }: { places: number; mostWaiting: number }): FewAtOnce {
  const waiting: (() => void)[] = [];
  let running = 0;

  return async (work) => {
    if (running >= places) {
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
  };
}
