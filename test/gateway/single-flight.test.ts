import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/errors.ts";
import { createCancellation, type Cancellation } from "../../src/gateway/cancellation.ts";
import { createSingleFlight, type Landed, type SingleFlight } from "../../src/gateway/single-flight.ts";
import { forSeeds, type Random } from "../lib/seeded.ts";

const hour = 3_600_000;
const refused = new GatewayError({ code: "upstream_error", status: 502, message: "m" });

interface Answer {
  text: string;
  isCopy: boolean;
}

/** Work whose end a test decides; like a request upstream it rejects when it is stopped. */
class Work {
  readonly cancellation: Cancellation;
  readonly ended: Promise<Answer>;
  readonly key: string;
  end!: (text: string) => void;
  fail!: (error: Error) => void;
  isOver = false;

  constructor(key: string, cancellation: Cancellation) {
    this.key = key;
    this.cancellation = cancellation;
    this.ended = new Promise((resolve, reject) => {
      this.end = (text) => {
        this.isOver = true;
        resolve({ text, isCopy: false });
      };
      this.fail = (error) => {
        this.isOver = true;
        reject(error);
      };
    });
    cancellation.begin().onStop((reason) => this.fail(reason));
  }
}

/** One client's request and what became of it. */
class Client {
  readonly key: string;
  readonly cancellation: Cancellation;
  outcome: Landed<Answer> | Error | undefined;
  outcomes = 0;
  private readonly connection = new AbortController();

  constructor(key: string, flights: SingleFlight<Answer>, works: Work[], totalMs = hour) {
    this.key = key;
    this.cancellation = createCancellation(this.connection.signal, totalMs);
    const work = (cancellation: Cancellation): Promise<Answer> => {
      const begun = new Work(key, cancellation);
      works.push(begun);
      return begun.ended;
    };
    flights.join({ key, cancellation: this.cancellation, work }).then(
      (landed) => this.settle(landed),
      (error: unknown) => this.settle(error as Error),
    );
  }

  leave(): void {
    this.connection.abort();
  }

  private settle(outcome: Landed<Answer> | Error): void {
    this.outcome = outcome;
    this.outcomes += 1;
    this.cancellation.end();
  }
}

function copyOf({ text }: Answer): Answer {
  return { text, isCopy: true };
}

function paid(text: string): Landed<Answer> {
  return { value: { text, isCopy: false }, isPayer: true };
}

function followed(text: string): Landed<Answer> {
  return { value: { text, isCopy: true }, isPayer: false };
}

/** Promises that are settled have told so. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}

function newRig(now?: () => number) {
  const flights = createSingleFlight<Answer>({ copyOf, ...(now === undefined ? {} : { now }) });
  const works: Work[] = [];
  const client = (key = "k", totalMs?: number): Client => new Client(key, flights, works, totalMs);
  return { flights, works, client };
}

describe("equal requests at the same time", () => {
  test("are sent once; the first gets the answer, the others a copy", async () => {
    const { flights, works, client } = newRig();
    const clients = [client(), client(), client()];
    expect([works.length, flights.active()]).toEqual([1, 1]);
    works[0]?.end("answer");
    await settled();
    expect(clients.map(({ outcome }) => outcome)).toEqual([paid("answer"), followed("answer"), followed("answer")]);
    expect(flights.active()).toBe(0);
  });

  test("that want something else are sent by themselves", async () => {
    const { works, client } = newRig();
    const clients = [client("a"), client("b")];
    works[1]?.end("of b");
    works[0]?.end("of a");
    await settled();
    expect(clients.map(({ outcome }) => outcome)).toEqual([paid("of a"), paid("of b")]);
  });

  test("are sent again when the first has been answered", async () => {
    const { works, client } = newRig();
    const first = client();
    works[0]?.end("one");
    await settled();
    const second = client();
    works[1]?.end("two");
    await settled();
    expect([first.outcome, second.outcome]).toEqual([paid("one"), paid("two")]);
  });

  test("share a failure", async () => {
    const { flights, works, client } = newRig();
    const clients = [client(), client()];
    works[0]?.fail(refused);
    await settled();
    expect(clients.map(({ outcome }) => outcome)).toEqual([refused, refused]);
    const later = client();
    works[1]?.end("well again");
    await settled();
    expect([later.outcome, flights.active()]).toEqual([paid("well again"), 0]);
  });

  test("share what is thrown before anything is waited for", async () => {
    const flights = createSingleFlight<Answer>({ copyOf });
    const cancellation = createCancellation(new AbortController().signal, hour);
    const work = (): never => {
      throw refused;
    };
    expect(flights.join({ key: "k", cancellation, work })).rejects.toBe(refused);
    await settled();
    expect(flights.active()).toBe(0);
    cancellation.end();
  });

  test("are answered also when one of them cannot be copied for", async () => {
    let copies = 0;
    const flights = createSingleFlight<Answer>({
      copyOf(answer) {
        copies += 1;
        if (copies === 1) throw refused;
        return copyOf(answer);
      },
    });
    const works: Work[] = [];
    const clients = [1, 2, 3].map(() => new Client("k", flights, works));
    works[0]?.end("answer");
    await settled();
    expect(clients.map(({ outcome }) => outcome)).toEqual([paid("answer"), refused, followed("answer")]);
  });
});

describe("a client that leaves", () => {
  test("first of all leaves the work to the others, of whom the next one pays", async () => {
    const { works, client } = newRig();
    const [first, second, third] = [client(), client(), client()];
    first.leave();
    await settled();
    expect(first.outcome).toMatchObject({ code: "client_cancelled" });
    expect(works[0]?.cancellation.reason()).toBeUndefined();
    expect([second.outcome, third.outcome]).toEqual([undefined, undefined]);
    works[0]?.end("answer");
    await settled();
    expect([second.outcome, third.outcome]).toEqual([paid("answer"), followed("answer")]);
    expect(first.outcomes).toBe(1);
  });

  test("last of all ends the work, and who comes then begins anew", async () => {
    const { flights, works, client } = newRig();
    const [first, second] = [client(), client()];
    first.leave();
    second.leave();
    const third = client();
    await settled();
    expect(works[0]?.cancellation.reason()).toMatchObject({ code: "client_cancelled" });
    expect([works.length, flights.active()]).toEqual([2, 1]);
    works[1]?.end("anew");
    await settled();
    expect([third.outcome, flights.active()]).toEqual([paid("anew"), 0]);
  });

  test("before it came has nothing done for it", async () => {
    const { flights, works } = newRig();
    const cancellation = createCancellation(AbortSignal.abort(), hour);
    const joined = flights.join({ key: "k", cancellation, work: () => Promise.reject(refused) });
    expect(joined).rejects.toMatchObject({ code: "client_cancelled" });
    await settled();
    expect([works.length, flights.active()]).toEqual([0, 0]);
  });

  test("after the answer changes nothing", async () => {
    const { works, client } = newRig();
    const [first, second] = [client(), client()];
    works[0]?.end("answer");
    await settled();
    first.leave();
    second.leave();
    await settled();
    expect(works[0]?.cancellation.reason()).toBeUndefined();
    expect([first.outcomes, second.outcomes]).toEqual([1, 1]);
  });
});

describe("a deadline", () => {
  test("is each request's own: the first to reach it is told so, and the work goes on", async () => {
    const { works, client } = newRig();
    const hasty = client("k", 20);
    const patient = client("k", hour);
    const { promise, resolve } = Promise.withResolvers<void>();
    hasty.cancellation.begin().onStop(() => resolve());
    await promise;
    await settled();
    expect(hasty.outcome).toMatchObject({ code: "upstream_timeout", status: 504 });
    works[0]?.end("answer");
    await settled();
    expect(patient.outcome).toEqual(paid("answer"));
  });

  test("of the work is the latest of all that wait for it", async () => {
    const { works, client } = newRig();
    const [short, long] = [client("k", 1000), client("k", hour)];
    expect(works[0]?.cancellation.deadline).toBe(long.cancellation.deadline);
    long.leave();
    expect(works[0]?.cancellation.deadline).toBe(short.cancellation.deadline);
    short.leave();
    await settled();
  });

  test("of the one who began ends the joining: work that hangs is not handed on for ever", async () => {
    let now = performance.now();
    const { works, client } = newRig(() => now);
    const first = client("k", 1000);
    now += 900;
    const second = client("k", 1000);
    expect(works.length).toBe(1);
    now += 200;
    const third = client("k", 1000);
    expect(works.length).toBe(2);
    works[0]?.end("late");
    works[1]?.end("fresh");
    await settled();
    expect([first, second, third].map(({ outcome }) => outcome)).toEqual([
      paid("late"),
      followed("late"),
      paid("fresh"),
    ]);
  });
});

test("the work can be stopped in several places at once, as a hedged request is", async () => {
  const { works, client } = newRig();
  const only = client();
  const leg = works[0]?.cancellation.fork();
  const stop = leg?.begin();
  let told: GatewayError | undefined;
  works[0]?.cancellation.onStop((reason) => (told = reason));
  only.leave();
  await settled();
  expect(stop?.reason()).toMatchObject({ code: "client_cancelled" });
  expect(told).toMatchObject({ code: "client_cancelled" });
});

/** What a random life has seen: which work each client waited for. */
interface Life {
  clients: Client[];
  works: Work[];
  waitsFor: Map<Client, Work>;
}

function arrive({ clients, works, waitsFor }: Life, flights: SingleFlight<Answer>, key: string): void {
  const client = new Client(key, flights, works);
  clients.push(client);
  const work = works.findLast((work) => work.key === key && !work.isOver);
  if (work !== undefined) waitsFor.set(client, work);
}

function act(random: Random, life: Life, flights: SingleFlight<Answer>): void {
  const waiting = life.clients.filter(({ outcomes }) => outcomes === 0);
  const working = life.works.filter(({ isOver }) => !isOver);
  const kind = random.below(4);
  if (kind <= 1) arrive(life, flights, random.pick(["a", "b", "c"]));
  else if (kind === 2 && waiting.length > 0) random.pick(waiting).leave();
  else if (working.length > 0) {
    const work = random.pick(working);
    if (random.chance(0.3)) work.fail(refused);
    else work.end(`of ${life.works.indexOf(work)}`);
  }
}

function check({ clients, works, waitsFor }: Life): void {
  expect(clients.map(({ outcomes }) => outcomes)).toEqual(clients.map(() => 1));
  for (const work of works) {
    const own = clients.filter((client) => waitsFor.get(client) === work);
    const stayed = own.filter(({ cancellation }) => cancellation.reason() === undefined);
    expect(own.length).toBeGreaterThan(0);
    if (work.cancellation.reason() !== undefined) expect(stayed).toBeEmpty();
    const paying = stayed.filter(({ outcome }) => outcome !== undefined && "isPayer" in outcome && outcome.isPayer);
    const answered = stayed.filter(({ outcome }) => outcome !== refused);
    expect(paying).toEqual(answered.slice(0, 1));
    const texts = new Set(
      answered.map(({ outcome }) => outcome !== undefined && "value" in outcome && outcome.value.text),
    );
    expect([...texts]).toEqual(answered.length === 0 ? [] : [`of ${works.indexOf(work)}`]);
  }
  const left = clients.filter(({ cancellation }) => cancellation.reason() !== undefined);
  for (const { outcome } of left) expect(outcome).toMatchObject({ code: "client_cancelled" });
}

test("with random arrivals, departures and endings everybody is answered once and nothing is left over", async () => {
  const lives: Promise<void>[] = [];
  forSeeds(300, (random, seed) => {
    const live = async (): Promise<void> => {
      const flights = createSingleFlight<Answer>({ copyOf });
      const life: Life = { clients: [], works: [], waitsFor: new Map() };
      for (let step = 0; step < 60; step += 1) {
        act(random, life, flights);
        // Sometimes several things happen before anybody is told of them.
        if (random.chance(0.6)) await settled();
        expect(flights.active()).toBeLessThanOrEqual(life.works.length);
      }
      for (const work of life.works) if (!work.isOver) work.end(`of ${life.works.indexOf(work)}`);
      await settled();
      check(life);
      expect(flights.active()).toBe(0);
    };
    const named = (cause: unknown): never => {
      throw new Error(`with TEST_SEED=${seed}: ${String(cause)}`, { cause });
    };
    lives.push(live().catch(named));
  });
  await Promise.all(lives);
});
