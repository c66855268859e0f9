import { must, mustEqual } from "../expectations.ts";
import { asksOf, prompt, type Pairing } from "../pairing.ts";
import { modelOf } from "../rig.ts";

/** The upstream must see that its client left within this time. */
const longestAbortMs = 200;

async function failureOf({ driver }: Pairing, call: Promise<unknown>, what: string) {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  must(error !== undefined, `${what} was taken for a success`);
  return driver.failureOf(error) ?? { status: undefined, message: error instanceof Error ? error.message : "" };
}

const refusals: readonly (readonly [scenario: string, isRight: (status: number) => boolean, message: string])[] = [
  ["fails-400", (status) => status === 400, "The request is wrong"],
  // The key is the gateway's: the client must not think that its own is wrong.
  ["fails-401", (status) => status >= 500, ""],
  ["fails-404", (status) => status === 404, "No such model"],
  ["fails-429", (status) => status === 429, "Too fast"],
  ["fails-500", (status) => status >= 500, "It broke"],
  ["fails-529", (status) => status >= 500, "Too much to do"],
];

export async function error(pairing: Pairing): Promise<void> {
  const { ask, askStream } = asksOf(pairing);
  for (const call of [ask, askStream]) {
    for (const [scenario, isRight, message] of refusals) {
      const failure = await failureOf(pairing, call({ model: modelOf(pairing.upstream, scenario), prompt }), scenario);
      must(
        failure.status !== undefined && isRight(failure.status),
        `${scenario} is ${failure.status}: ${failure.message}`,
      );
      must(failure.message.includes(message), `${scenario} says '${failure.message}'`);
    }
  }
  for (const scenario of ["breaks", "cut"]) {
    let hasText = false;
    const onText = () => {
      hasText = true;
    };
    const call = askStream({ model: modelOf(pairing.upstream, scenario), prompt, onText });
    const { status } = await failureOf(pairing, call, scenario);
    // A busy gateway may see the failure together with the text before it, and then says it with a status.
    must(hasText || (status ?? 0) >= 500, `${scenario}: the text before the end did not arrive`);
  }
}

/** Makes a call that leaves when it calls `leave`, and looks when the upstream sees it. */
async function abortOnce(
  pairing: Pairing,
  call: (leave: () => void, signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const controller = new AbortController();
  const { upstream } = pairing.rig;
  const before = upstream.conversations.length;
  let leftAt = 0;
  const leave = () => {
    leftAt = performance.now();
    controller.abort();
  };
  const failure = call(leave, controller.signal).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  const conversation = await upstream.waitFor((candidate) => upstream.conversations.indexOf(candidate) >= before);
  must((await failure) !== undefined, "an aborted request was taken for a success");
  mustEqual(await conversation.received.ended, "aborted", "how it ended upstream");
  const elapsedMs = (conversation.received.abortedAt ?? Number.NaN) - leftAt;
  must(elapsedMs <= longestAbortMs, `the upstream saw it after ${Math.round(elapsedMs)} ms`);
}

export async function abort(pairing: Pairing): Promise<void> {
  const { ask, askStream } = asksOf(pairing);
  const model = modelOf(pairing.upstream, "hang");
  await abortOnce(pairing, (leave, signal) => askStream({ model, prompt, signal, onText: leave }));
  // Ollama's client cannot leave a request that is no stream.
  if (pairing.driver.package === "ollama") return;
  const { upstream } = pairing.rig;
  await abortOnce(pairing, (leave, signal) => {
    const before = upstream.conversations.length;
    void upstream.waitFor((candidate) => upstream.conversations.indexOf(candidate) >= before).then(leave);
    return ask({ model, prompt, signal });
  });
}
