/** A chat upstream that streams a token every few milliseconds, and counts what it has said. */
export interface MeteredUpstream {
  readonly url: string;
  /** Tokens of whole answers and of those that were cut, as their clients were charged or should be. */
  tokens(): number;
  running(): number;
  stop(): Promise<void>;
}

const everyMs = 10;
const encoder = new TextEncoder();

function event(fields: object): Uint8Array {
  const chunk = { id: "chatcmpl-1", object: "chat.completion.chunk", created: 1_790_000_000, model: "paid", ...fields };
  return encoder.encode(`data: ${JSON.stringify(chunk)}\n\n`);
}

/** `words` of a request's last message: how many tokens the answer has. */
async function lengthOf(request: Request): Promise<number> {
  const { messages } = (await request.json()) as { messages: { content: string }[] };
  return Number(/\d+/.exec(messages.at(-1)?.content ?? "")?.[0] ?? 1);
}

export function startMeteredUpstream(): MeteredUpstream {
  let tokens = 0;
  let running = 0;

  function answer(length: number): ReadableStream<Uint8Array> {
    let said = 0;
    running += 1;
    return new ReadableStream<Uint8Array>({
      async pull(controller) {
        await Bun.sleep(everyMs);
        if (said < length) {
          said += 1;
          tokens += 1;
          controller.enqueue(event({ choices: [{ index: 0, delta: { content: "word " }, finish_reason: null }] }));
          return;
        }
        const usage = { prompt_tokens: 0, completion_tokens: said, total_tokens: said };
        controller.enqueue(event({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }));
        controller.enqueue(event({ choices: [], usage }));
        controller.enqueue(encoder.encode("data: [DONE]\n\n"));
        running -= 1;
        controller.close();
      },
      cancel() {
        running -= 1;
      },
    });
  }

  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 255,
    async fetch(request) {
      if (request.method === "GET") return Response.json({ object: "list", data: [] });
      return new Response(answer(await lengthOf(request)), { headers: { "content-type": "text/event-stream" } });
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}/v1`,
    tokens: () => tokens,
    running: () => running,
    stop: () => server.stop(true),
  };
}
