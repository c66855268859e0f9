import { describe, expect, test } from "bun:test";
import type { AttemptEnd, Ticket } from "../../../src/routing/health/health.ts";
import type { Random } from "../../lib/seeded.ts";
import { forSeeds } from "../../lib/seeded.ts";
import { createScene, failed, refused } from "./scene.ts";

interface Life {
  ticket: Ticket;
  hasOpened: boolean;
  /** Nobody ends it before the very end: its request was lost. */
  isLost: boolean;
}

const ends: readonly ((random: Random) => AttemptEnd)[] = [
  () => "ok",
  () => "ok",
  () => "neutral",
  () => failed("upstream_overloaded"),
  () => failed("upstream_unreachable"),
  () => failed("client_cancelled"),
  (random) => failed("rate_limit_exceeded", random.chance(0.5) ? { retryAfterSeconds: random.below(100) } : {}),
  () => refused(),
  () => refused(403),
  () => failed("insufficient_quota", { details: { upstreamStatus: 402 } }),
];

/** A step of time: usually little, sometimes long, now and then backwards. */
function passing(random: Random): number {
  if (random.chance(0.02)) return -random.below(3_600_000);
  return random.chance(0.05) ? random.below(900_000) : random.below(2000);
}

/** Lives that overlap at random; `begin` makes a ticket, `check` looks at the whole after every step. */
function liveAtRandom(
  random: Random,
  {
    count,
    begin,
    check,
    pass,
  }: Record<"begin", () => Ticket> & {
    count: number;
    check: (lives: readonly Life[]) => void;
    pass: (milliseconds: number) => void;
  },
): void {
  const lives: Life[] = [];
  for (let begun = 0; begun < count || lives.some(({ isLost }) => !isLost);) {
    pass(passing(random));
    if (begun < count && (lives.length === 0 || random.chance(0.5))) {
      lives.push({ ticket: begin(), hasOpened: false, isLost: random.chance(0.002) });
      begun += 1;
    } else {
      const life = random.pick(lives);
      if (!life.isLost || begun >= count) step(life, lives, random);
    }
    check(lives);
  }
  for (const { ticket } of lives) ticket.end("neutral");
}

function step(life: Life, lives: Life[], random: Random): void {
  if (random.chance(0.4)) {
    life.hasOpened = true;
    life.ticket.opened(random.below(5000), random.chance(0.5) ? "stream" : "whole");
    return;
  }
  life.ticket.end(random.pick(ends)(random));
  if (random.chance(0.1)) life.ticket.end(random.pick(ends)(random));
  lives.splice(lives.indexOf(life), 1);
}

describe("a hundred thousand random lives", () => {
  test("leave nothing in flight at a target, and a circuit that can close", () => {
    let longest = 0;
    forSeeds(50, (random) => {
      const scene = createScene({ health: { maxErrors: 3, retryAfter: "5m", recoverAfter: 2 } });
      const { target, pass } = scene;
      liveAtRandom(random, {
        count: 2000,
        begin: () => target.begin({ isRetry: random.chance(0.1) && target.takeRetry() }),
        pass,
        check(lives) {
          longest = Math.max(longest, lives.length);
          if (target.inFlight !== lives.length) throw new Error(`${target.inFlight} of ${lives.length} in flight`);
          const isOpen = target.openUntil() !== undefined;
          if (isOpen !== (target.status() === "unhealthy")) throw new Error("an open circuit is unhealthy");
          if (isOpen && !target.isBlocked()) throw new Error("an open circuit is blocked");
          if (target.isProbeDue() && target.isBlocked()) throw new Error("a probe is due where none may go");
        },
      });
      expect(target.inFlight).toBe(0);
      pass(5 * 60_000);
      expect(target.isBlocked()).toBe(false);
      for (let success = 0; success < 2; success += 1) target.begin().end("ok");
      expect(target.view()).toMatchObject({ circuit: "closed", inFlight: 0 });
    });
    expect(longest).toBeGreaterThan(20);
  });

  test("have one probe at a time, as long as clocks go forward and requests end", () => {
    forSeeds(20, (random) => {
      const { target, pass } = createScene({ health: { maxErrors: 2, retryAfter: "10s", cooldown: "1s" } });
      const probes = new Set<Ticket>();
      let seen = 0;
      const lives: Ticket[] = [];
      for (let step = 0; step < 5000; step += 1) {
        pass(random.below(200));
        // What tried for an earlier opening tries nothing any more.
        if (target.view().circuit === "closed") probes.clear();
        if (random.chance(0.5)) {
          const ticket = target.begin();
          lives.push(ticket);
          if (!ticket.isProbe) continue;
          probes.add(ticket);
          seen += 1;
          expect(probes.size).toBe(1);
          expect(target.isBlocked()).toBe(true);
        } else if (lives.length > 0) {
          const ticket = random.pick(lives);
          probes.delete(ticket);
          if (random.chance(0.2)) ticket.opened(1, "stream");
          else {
            lives.splice(lives.indexOf(ticket), 1);
            ticket.end(random.pick(ends)(random));
          }
        }
      }
      expect(seen).toBeGreaterThan(10);
    });
  });

  test("leave nothing in flight with a credential, and one that can be used again", () => {
    forSeeds(50, (random) => {
      const { registry, pass } = createScene({
        providers: { p: { type: "openai-compatible", baseUrl: "http://p.test", credentials: ["key-one"] } },
        health: { retryAfter: "5m" },
      });
      const config = { type: "openai-compatible", credentials: [], balance: "round_robin" };
      const [credential] = registry.poolOf("p", config as never).credentials;
      if (credential === undefined) throw new Error("no credential");
      const models = ["a", "b", "c"];
      liveAtRandom(random, {
        count: 2000,
        begin: () => credential.begin(random.pick(models)),
        pass,
        check(lives) {
          if (credential.inFlight !== lives.length) throw new Error(`${credential.inFlight} of ${lives.length}`);
          for (const model of models)
            if (credential.isBlocked(model) !== (credential.blockedUntil(model) !== undefined))
              throw new Error("blocked until never");
        },
      });
      pass(24 * 3_600_000);
      for (const model of models) {
        expect(credential.isBlocked(model)).toBe(false);
        credential.begin(model).end("ok");
      }
      expect(credential.view()).toMatchObject({ status: "healthy", circuit: "closed", inFlight: 0, coolingUntil: {} });
    });
  });
});
