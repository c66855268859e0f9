import type { Server } from "bun";

/** What a chat upstream does with requests for a model. */
export interface Manner {
  status: number;
  /** Before it answers. */
  delayMs: number;
}

/** A chat upstream that counts. */
export interface CountingUpstream {
  /** `http://127.0.0.1:PORT/v1`. */
  readonly url: string;
  /** Requests for a model so far. */
  requests(model: string): number;
  /** Requests for a model under way now. */
  running(model: string): number;
  /** Most requests for a model that were under way at once since the last call. */
  takePeak(model: string): number;
  /** From now on. */
  behave(model: string, manner: Partial<Manner>): void;
  stop(): Promise<void>;
}

interface Counter extends Manner {
  requests: number;
  running: number;
  peak: number;
}

function answerTo(model: string): Record<string, unknown> {
  const message = { role: "assistant", content: "Counted." };
  const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
  const choices = [{ index: 0, message, finish_reason: "stop" }];
  return { id: "chatcmpl-1", object: "chat.completion", created: 1_790_000_000, model, choices, usage };
}

export function startCountingUpstream(): CountingUpstream {
  const counters = new Map<string, Counter>();
  function counterOf(model: string): Counter {
    let counter = counters.get(model);
    if (counter === undefined) {
      counter = { requests: 0, running: 0, peak: 0, status: 200, delayMs: 0 };
      counters.set(model, counter);
    }
    return counter;
  }

  async function answer(request: Request): Promise<Response> {
    if (request.method === "GET") return Response.json({ object: "list", data: [] });
    const { model } = (await request.json()) as { model: string };
    const counter = counterOf(model);
    const { status, delayMs } = counter;
    counter.requests += 1;
    counter.running += 1;
    counter.peak = Math.max(counter.peak, counter.running);
    if (delayMs > 0) await Bun.sleep(delayMs);
    counter.running -= 1;
    if (status === 200) return Response.json(answerTo(model));
    const error = { message: `Counted and refused (${status})`, type: "server_error", param: null, code: null };
    return Response.json({ error }, { status });
  }

  const server: Server<undefined> = Bun.serve({ hostname: "127.0.0.1", port: 0, idleTimeout: 255, fetch: answer });
  return {
    url: `http://127.0.0.1:${server.port}/v1`,
    requests: (model) => counterOf(model).requests,
    running: (model) => counterOf(model).running,
    takePeak(model) {
      const counter = counterOf(model);
      const { peak } = counter;
      counter.peak = counter.running;
      return peak;
    },
    behave: (model, manner) => void Object.assign(counterOf(model), manner),
    stop: () => server.stop(true),
  };
}
