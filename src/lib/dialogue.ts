/** What one end of a dialogue may say: what it tells, by topic, and what it asks. Everything is plain data. */
export interface Speech {
  readonly tells: object;
  /** Each topic: `{ question, answer }`. */
  readonly asks: object;
}

type Topic<Map> = keyof Map & string;
type Question<Map, Name extends keyof Map> = Map[Name] extends { question: infer Content } ? Content : never;
type Answer<Map, Name extends keyof Map> = Map[Name] extends { answer: infer Content } ? Content : never;

/** One end of a dialogue between two processes. */
export interface Dialogue<Own extends Speech> {
  /** Does not wait; lost where the other end is gone. */
  tell<Name extends Topic<Own["tells"]>>(topic: Name, content: Own["tells"][Name]): void;
  /** Rejects with an Error for people when the other end fails at it, is gone, or does not answer in time. */
  ask<Name extends Topic<Own["asks"]>>(
    topic: Name,
    question: Question<Own["asks"], Name>,
    options?: { timeoutMs?: number },
  ): Promise<Answer<Own["asks"], Name>>;
  /** What has come from the other end. */
  receive(batch: unknown): void;
  /** The other end is gone: nobody will answer any more. */
  end(): void;
}

export interface DialogueOptions<Other extends Speech> {
  /** Sends a batch; the other end gives it to its `receive`. Throws where nobody is there. */
  send: (batch: unknown) => void;
  hears: { readonly [Name in Topic<Other["tells"]>]: (content: Other["tells"][Name]) => void };
  answers: {
    readonly [Name in Topic<Other["asks"]>]: (
      question: Question<Other["asks"], Name>,
    ) => Answer<Other["asks"], Name> | Promise<Answer<Other["asks"], Name>>;
  };
  /** Rings once, so many milliseconds from now, until it is called off. */
  after: (milliseconds: number, ring: () => void) => () => void;
}

type Message =
  | readonly ["tell", topic: string, content: unknown]
  | readonly ["ask", topic: string, content: unknown, number: number]
  | readonly ["answer", content: unknown, number: number]
  | readonly ["fail", message: string, number: number];

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: Error): void;
  callOff(): void;
}

/** What is said in one turn of the event loop goes as one batch. */
export function createDialogue<Own extends Speech, Other extends Speech>({
  send,
  hears,
  answers,
  after,
}: DialogueOptions<Other>): Dialogue<Own> {
  const listeners = hears as Readonly<Record<string, ((content: unknown) => void) | undefined>>;
  const replies = answers as Readonly<Record<string, ((question: unknown) => unknown) | undefined>>;
  const waiting = new Map<number, Waiting>();
  let outbox: Message[] = [];
  let questions = 0;
  let isOver = false;

  function flush(): void {
    const batch = outbox;
    outbox = [];
    try {
      if (!isOver) send(batch);
    } catch {
      end();
    }
  }

  function say(message: Message): void {
    if (isOver) return;
    if (outbox.length === 0) queueMicrotask(flush);
    outbox.push(message);
  }

  function end(): void {
    if (isOver) return;
    isOver = true;
    for (const number of waiting.keys()) settle(number)?.reject(gone());
  }

  /** Whose turn it is; `undefined` = nobody waits for this answer any more. */
  function settle(number: number): Waiting | undefined {
    const waiter = waiting.get(number);
    waiting.delete(number);
    waiter?.callOff();
    return waiter;
  }

  async function reply(topic: string, content: unknown, number: number): Promise<void> {
    try {
      say(["answer", await replies[topic]?.(content), number]);
    } catch (error) {
      say(["fail", error instanceof Error ? error.message : String(error), number]);
    }
  }

  function take(message: Message): void {
    switch (message[0]) {
      case "tell":
        listeners[message[1]]?.(message[2]);
        return;
      case "ask":
        void reply(message[1], message[2], message[3]);
        return;
      case "answer":
        settle(message[2])?.resolve(message[1]);
        return;
      case "fail":
        settle(message[2])?.reject(new Error(message[1]));
    }
  }

  function wait(number: number, topic: string, timeoutMs: number | undefined): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const giveUp = (): void => settle(number)?.reject(new Error(`no answer to '${topic}' within ${timeoutMs} ms`));
    const callOff = timeoutMs === undefined ? () => undefined : after(timeoutMs, giveUp);
    waiting.set(number, { resolve, reject, callOff });
    return promise;
  }

  return {
    tell: (topic, content) => say(["tell", topic, content]),
    ask(topic, question, { timeoutMs } = {}) {
      if (isOver) return Promise.reject(gone());
      questions += 1;
      say(["ask", topic, question, questions]);
      return wait(questions, topic, timeoutMs) as never;
    },
    receive(batch) {
      for (const message of batch as readonly Message[]) {
        // One listener's bug must not cost the others their messages.
        void Promise.try(take, message);
      }
    },
    end,
  };
}

function gone(): Error {
  return new Error("the other process is gone");
}
