import { GatewayError } from "../../errors.ts";
import { errorText } from "../../lib/error-text.ts";
import { createId } from "../../lib/ids.ts";
import type { Coordinator } from "../coordinator.ts";
import type { DecisionInput, DecisionName, DecisionOutput } from "../decisions.ts";
import { createRedisLink, isMissingScript, type RedisCommand } from "./redis-link.ts";
import { type Script, scripts } from "./scripts.ts";

export interface RedisCoordinatorOptions {
  /** `redis://`, `rediss://` or `redis+unix://`, with user and password where it wants them. */
  readonly url: string;
  /** The same without anything secret, for messages. */
  readonly address: string;
  /** Longest wait for an answer, milliseconds. */
  readonly timeoutMs: number;
  /** Gateways with the same prefix stand for one. */
  readonly prefix: string;
  /** Epoch milliseconds in the place of the server's clock. */
  readonly now?: (() => number) | undefined;
}

type Listener = (message: string) => void;

/** It holds nothing. */
const probeMs = 1000;

/** Decisions as scripts in one Redis, by its clock. */
export function createRedisCoordinator({ url, address, timeoutMs, prefix, now }: RedisCoordinatorOptions): Coordinator {
  // Braces: where keys are spread over servers, ours stay together, as every script wants them.
  const root = `{${prefix}}:`;
  const channel = `${root}news`;
  const own = createId("m");
  const listeners = new Map<string, Set<Listener>>();
  const link = createRedisLink({ url, address, timeoutMs, channel, onMessage: heard, probe });

  /** `sender channel message`; neither of the first two has a blank in it. */
  function heard(text: string): void {
    const [, sender, name = "", message = ""] = /^(\S+) (\S+) (.*)$/s.exec(text) ?? [];
    if (sender === undefined || sender === own) return;
    for (const listener of listeners.get(name) ?? []) listener(message);
  }

  /** The server answers, but not with what was asked for: read-only, out of memory, no right. */
  function refused(error: unknown): unknown {
    if (error instanceof GatewayError) return error;
    const message = `Redis at ${address} refused a command: ${errorText(error).slice(0, 200)}.`;
    return new GatewayError({ code: "overloaded", status: 503, message, retryable: true, retryAfterSeconds: 1 });
  }

  async function send(command: string, words: string[]): Promise<unknown> {
    try {
      return await link.send(command, words);
    } catch (error) {
      throw refused(error);
    }
  }

  function wordsOf<Name extends DecisionName>({ keys, words }: Script<Name>, input: DecisionInput<Name>): string[] {
    const names = keys(input).map((key) => root + key);
    return [String(names.length), ...names, ...words(input, now?.())];
  }

  async function run<Name extends DecisionName>(script: Script<Name>, input: DecisionInput<Name>): Promise<unknown> {
    const words = wordsOf(script, input);
    try {
      return await link.send("EVALSHA", [script.sha, ...words]);
    } catch (error) {
      // It has done nothing.
      if (!isMissingScript(error)) throw refused(error);
      return send("EVAL", [script.source, ...words]);
    }
  }

  /**
   * The decision that nearly all requests ask for, of a limit that is nobody's. Without places: Redis lets a script that has
   * taken something away write on although it is full.
   */
  function probe(): RedisCommand {
    const script = scripts["limits.take"];
    const scopes = [{ key: "probe", rpm: Number.MAX_SAFE_INTEGER, tpm: Number.MAX_SAFE_INTEGER }];
    const words = wordsOf(script, { lease: own, ttlMs: probeMs, tokens: 0, isWaiting: false, scopes });
    return { command: "EVAL", words: [script.source, ...words] };
  }

  return {
    async decide<Name extends DecisionName>(name: Name, input: DecisionInput<Name>): Promise<DecisionOutput<Name>> {
      const script: Script<Name> = scripts[name];
      return script.read(await run(script, input));
    },
    publish(name, message) {
      send("PUBLISH", [channel, `${own} ${name} ${message}`]).catch(() => undefined);
    },
    subscribe(name, listener) {
      let known = listeners.get(name);
      if (known === undefined) listeners.set(name, (known = new Set()));
      const heardBy = known.add(listener);
      return () => void heardBy.delete(listener);
    },
    state: () => link.state(),
    onState: (listener) => link.onState(listener),
    close() {
      link.close();
      return Promise.resolve();
    },
  };
}
