import { expect, test } from "bun:test";
import { isRefusal, type Lease, type LimitRefusal, type LimitSet, type Scope } from "../../src/limits/limiter.ts";
import { createRandom } from "../support/random.ts";
import { createWorld, settled } from "./limiter-world.ts";

/** What the limiter should know of a scope, counted in another way: from what requests were told. */
interface Book {
  scope: Scope;
  held: number;
  window: { from: number; count: number };
  minute: { from: number; tokens: number; serial: number };
}

interface Reserved {
  book: Book;
  serial: number;
  amount: number;
}

interface Life {
  books: Book[];
  tokens: number;
  priority: number;
  arrived: number;
  since: number;
  waitMs: number;
  lease: Lease | undefined;
  reserved: Reserved[];
  isSettled: boolean;
  leave: () => void;
  hasLeft: boolean;
}

const kinds = ["total", "key", "address", "model", "provider", "credential"] as const;
const minuteMs = 60_000;

function createLives(seed: number) {
  const random = createRandom(seed);
  const upTo = (most: number) => Math.floor(random() * most);
  const chance = (share: number) => random() < share;
  const { clock, limiter } = createWorld({ queue: { size: 40, waitMs: 20_000 } });
  let queue = { size: 40, waitMs: 20_000 };
  const books = new Map<string, Book>();
  const current = new Map<string, Scope>();
  const replaced = new Map<string, Scope>();
  const waiting = new Set<Life>();
  const running = new Set<Life>();
  const released: Life[] = [];
  const seen = { accepted: 0, waited: 0, rpm: 0, tpm: 0, concurrency: 0, full: 0, expired: 0, left: 0 };
  // Where the minute refuses much, few come to wait.
  const rateShare = seed % 4 === 0 ? 0.3 : 0.02;
  let arrivals = 0;

  function randomLimits(): LimitSet {
    return {
      rpm: chance(rateShare) ? 1 + upTo(80) : undefined,
      tpm: chance(rateShare) ? 100 + upTo(40_000) : undefined,
      concurrency: chance(0.6) ? 1 + upTo(12) : undefined,
    };
  }

  function bookOf(scope: Scope): Book {
    const name = `${scope.kind} ${scope.id}`;
    const known = books.get(name);
    if (known !== undefined) return known;
    const window = { from: -Infinity, count: 0 };
    const book = { scope, held: 0, window, minute: { from: -Infinity, tokens: 0, serial: 0 } };
    books.set(name, book);
    return book;
  }

  function isKnown(scope: Scope): boolean {
    return limiter.view().some((row) => row.scope.kind === scope.kind && row.scope.id === scope.id);
  }

  /** The scopes a life names: usually with the newest limits, sometimes with those from before a reload. */
  function randomScopes(): Scope[] {
    const scopes: Scope[] = [];
    for (const kind of kinds) {
      if (chance(0.5)) continue;
      const id = kind === "total" ? "" : String(upTo(3));
      const name = `${kind} ${id}`;
      const newest = current.get(name) ?? { kind, id, limits: randomLimits() };
      current.set(name, newest);
      const named = (chance(0.05) ? replaced.get(name) : undefined) ?? newest;
      bookOf(named).scope = named;
      scopes.push({ ...named });
    }
    return scopes;
  }

  function isUnlimited({ scope }: Book): boolean {
    const { rpm, tpm, concurrency } = scope.limits;
    return rpm === undefined && tpm === undefined && concurrency === undefined;
  }

  function began(life: Life, lease: Lease): void {
    seen.accepted += 1;
    life.lease = lease;
    running.add(life);
    const time = clock.now();
    for (const book of life.books) {
      const { rpm, tpm, concurrency } = book.scope.limits;
      book.held += 1;
      if (concurrency !== undefined && book.held > concurrency)
        throw new Error(`${book.held} places of ${concurrency}`);
      if (time >= book.window.from + minuteMs) book.window = { from: time, count: 0 };
      book.window.count += 1;
      if (rpm !== undefined && book.window.count > rpm) throw new Error(`${book.window.count} requests of ${rpm}`);
      if (tpm === undefined) continue;
      const amount = Math.min(life.tokens, tpm);
      charge(book, amount);
      if (book.minute.tokens > tpm) throw new Error(`${book.minute.tokens} tokens of ${tpm}`);
      life.reserved.push({ book, serial: book.minute.serial, amount });
    }
  }

  function charge({ minute }: Book, amount: number): void {
    const time = clock.now();
    if (time >= minute.from + minuteMs) {
      minute.from = time;
      minute.tokens = 0;
      minute.serial += 1;
    }
    minute.tokens += amount;
  }

  /** Checked when all that happened at this time is written down. */
  function refused(life: Life, { by, scope, retryAfterMs, waitedMs }: LimitRefusal): void {
    const book = bookOf(scope);
    const time = clock.now();
    expect(retryAfterMs).toBeGreaterThanOrEqual(life.hasLeft ? 0 : 1 - Number(by === "queue" || by === "concurrency"));
    if (by === "rpm") {
      expect(book.window.count).toBeGreaterThanOrEqual(scope.limits.rpm ?? Infinity);
      expect(retryAfterMs).toBe(book.window.from + minuteMs - time);
    }
    if (by === "tpm") {
      const tpm = scope.limits.tpm ?? Infinity;
      expect(book.minute.tokens + Math.min(tpm, life.tokens)).toBeGreaterThan(tpm);
      expect(retryAfterMs).toBe(book.minute.from + minuteMs - time);
    }
    if (by === "concurrency") expect(book.held).toBeGreaterThanOrEqual(scope.limits.concurrency ?? Infinity);
    if (waitedMs !== undefined) expect(waitedMs).toBe(life.waitMs);
    if (by !== "queue") seen[by] += 1;
    else if (life.hasLeft) seen.left += 1;
    else seen[waitedMs === undefined ? "full" : "expired"] += 1;
  }

  /** Of those who want the same and no more urgently, nobody who came later goes first. */
  function checkTurn(life: Life): void {
    for (const other of waiting) {
      // Whoever came this very moment stands behind those that its news let in.
      if (other.arrived === arrivals) continue;
      const isAlike =
        other.books.length === life.books.length && other.books.every((book) => life.books.includes(book));
      const isAhead =
        other.priority > life.priority || (other.priority === life.priority && other.arrived < life.arrived);
      if (isAlike && isAhead) throw new Error("someone was overtaken");
    }
  }

  async function begin(): Promise<void> {
    const scopes = randomScopes();
    arrivals += 1;
    const life: Life = {
      books: scopes.map((scope) => bookOf(scope)).filter((book) => !isUnlimited(book)),
      tokens: upTo(3000),
      priority: upTo(3),
      arrived: arrivals,
      since: clock.now(),
      waitMs: queue.waitMs,
      lease: undefined,
      reserved: [],
      isSettled: false,
      leave: () => undefined,
      hasLeft: false,
    };
    const demand = { tokens: () => life.tokens, priority: life.priority };
    if (chance(0.4)) {
      const outcome = limiter.take(scopes, demand);
      if (!isRefusal(outcome)) return began(life, outcome);
      await settled();
      return refused(life, outcome);
    }
    waiting.add(life);
    const onPosition = chance(0.5)
      ? (position: number) => expect(position).toBeLessThanOrEqual(waiting.size)
      : undefined;
    void limiter
      .wait(scopes, demand, { onLeave: (leave) => (life.leave = leave), onPosition })
      .then(async (outcome) => {
        waiting.delete(life);
        if (!isRefusal(outcome)) {
          seen.waited += Number(clock.now() > life.since);
          checkTurn(life);
          return began(life, outcome);
        }
        await settled();
        return refused(life, outcome);
      })
      .catch((problem: unknown) => problems.push(problem));
    await settled();
    if (waiting.has(life) && chance(0.1)) leave(life);
  }
  const problems: unknown[] = [];

  function leave(life: Life): void {
    life.hasLeft = true;
    life.leave();
  }

  function settle(life: Life): void {
    const actual = chance(0.2) ? undefined : upTo(5000);
    life.lease?.settle(actual);
    if (chance(0.1)) life.lease?.settle(upTo(5000));
    if (life.isSettled) return;
    life.isSettled = true;
    if (actual === undefined) return;
    for (const { book, serial, amount } of life.reserved) {
      const isSame = serial === book.minute.serial && clock.now() < book.minute.from + minuteMs;
      if (isSame || actual > amount) charge(book, actual - amount);
    }
  }

  function finish(life: Life): void {
    if (chance(0.5)) settle(life);
    running.delete(life);
    for (const book of life.books) book.held -= 1;
    life.lease?.release();
    if (chance(0.2)) life.lease?.release();
    if (chance(0.5)) released.push(life);
  }

  function oneOf<T>(all: Iterable<T>): T | undefined {
    const list = [...all];
    return list[upTo(list.length)];
  }

  function reload(): void {
    const changed: Scope[] = [];
    for (const [name, scope] of current) {
      if (chance(0.7)) continue;
      const next = { ...scope, limits: randomLimits() };
      replaced.set(name, scope);
      current.set(name, next);
      if (chance(0.5)) continue;
      if (isKnown(next)) bookOf(next).scope = next;
      changed.push(next);
    }
    queue = { size: upTo(50), waitMs: 1000 + upTo(20_000) };
    limiter.configure(queue, changed);
  }

  function passTime(): void {
    if (chance(0.01)) return clock.advance(61_000);
    if (chance(0.01)) {
      clock.jump(-upTo(100_000));
      // A minute never lasts longer than one from now.
      for (const { window, minute } of books.values()) {
        window.from = Math.min(window.from, clock.now());
        minute.from = Math.min(minute.from, clock.now());
      }
      return;
    }
    clock.advance(upTo(400));
  }

  function check(): void {
    if (problems.length > 0) throw problems[0];
    const time = clock.now();
    // What is over does not come back, whatever the clock does.
    for (const { window, minute } of books.values()) {
      if (time >= window.from + minuteMs) window.from = -Infinity;
      if (time >= minute.from + minuteMs) minute.from = -Infinity;
    }
    const rows = limiter.view();
    for (const { scope, inUse, waiting, requests, tokens } of rows) {
      const { held, window, minute } = bookOf(scope);
      const isOpen = time < window.from + minuteMs;
      const isCharged = time < minute.from + minuteMs;
      const expected = [held, isOpen ? window.count : 0, isCharged ? minute.tokens : 0];
      if (inUse !== expected[0] || requests !== expected[1] || tokens !== expected[2])
        expect([scope, inUse, requests, tokens]).toEqual([scope, ...expected] as never);
      if (waiting > 0 && inUse < (scope.limits.concurrency ?? Infinity))
        throw new Error("waits although there is room");
    }
    expect(rows.reduce((sum, row) => sum + row.waiting, 0)).toBe(waiting.size);
  }

  async function step(): Promise<void> {
    const dice = random();
    const life = oneOf(running);
    const waiter = oneOf(waiting);
    if (dice < 0.45) await begin();
    else if (dice < 0.82 && life !== undefined) finish(life);
    else if (dice < 0.87 && life !== undefined) settle(life);
    else if (dice < 0.89 && released.length > 0) settle(released.splice(upTo(released.length), 1)[0] as Life);
    else if (dice < 0.9 && waiter !== undefined) leave(waiter);
    else if (dice < 0.902) reload();
    else passTime();
    await settled();
  }

  return {
    seen,
    clock,
    limiter,
    /** How many lives it came to. */
    async run(steps: number): Promise<number> {
      for (let taken = 0; taken < steps; taken += 1) {
        await step();
        check();
      }
      return arrivals;
    },
    /** Everybody goes; those who waited get their turn meanwhile, or do not. */
    async end(): Promise<void> {
      while (running.size + waiting.size > 0) {
        for (const life of running) finish(life);
        await settled();
        if (running.size === 0) clock.advance(60_000);
        await settled();
        check();
      }
    },
  };
}

test("no life of a hundred thousand leaves anything behind or exceeds a limit", async () => {
  const seen: Record<string, number> = {};
  let lived = 0;
  for (let seed = 1; lived < 100_000; seed += 1) {
    const lives = createLives(seed);
    lived += await lives.run(10_000);
    await lives.end();
    for (const { inUse, waiting } of lives.limiter.view()) expect([inUse, waiting]).toEqual([0, 0]);
    lives.clock.advance(8_000_000);
    expect(lives.limiter.view()).toEqual([]);
    expect(lives.clock.alarms).toBe(0);
    for (const [name, count] of Object.entries(lives.seen)) seen[name] = (seen[name] ?? 0) + count;
  }
  // All ends happened, and often.
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(300);
}, 60_000);
