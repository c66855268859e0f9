import { createFakeUpstream, type FakeUpstream, type FakeUpstreamOptions } from "./fake-upstream.ts";
import { startGateway, type Gateway, type GatewayOptions } from "./gateway.ts";

export interface Rig extends AsyncDisposable {
  readonly upstream: FakeUpstream;
  readonly gateway: Gateway;
}

/** A fake upstream and a gateway in front of it as its default provider. */
export async function startRig(
  options: Omit<GatewayOptions, "configText"> & {
    upstream?: FakeUpstreamOptions;
    configText?: (url: string) => string;
  } = {},
): Promise<Rig> {
  const { upstream: upstreamOptions, configText, ...rest } = options;
  const upstream = await createFakeUpstream(upstreamOptions);
  const gateway = await startGateway({
    ...rest,
    ...(configText && { configText: configText(upstream.url) }),
    env: { OR_BASE_URL: upstream.url, ...rest.env },
  }).catch(async (error: unknown) => {
    await upstream.close();
    throw error;
  });
  return {
    upstream,
    gateway,
    async [Symbol.asyncDispose]() {
      await gateway.stop();
      await upstream.close();
    },
  };
}

/** Runs `work` for 0 … count-1 with at most `width` at once. */
export async function inParallel(count: number, width: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  async function worker(): Promise<void> {
    while (next < count) await work(next++);
  }
  await Promise.all(Array.from({ length: width }, worker));
}

/** Waits until a condition holds; for states that tell nobody when they change. */
export async function until(condition: () => boolean | Promise<boolean>, what: string, limitMs = 5000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not in time: ${what}`);
    await Bun.sleep(10);
  }
}
