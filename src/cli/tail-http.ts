import { setTimeout as sleep } from "node:timers/promises";
import { createLineSplitter } from "../telemetry/line-splitter.ts";
import { tokenAdvice } from "./admin-token.ts";
import { get, httpUrl } from "./http.ts";
import { CliError } from "./output.ts";
import { createTailResume, type TailResume } from "./tail-resume.ts";

export interface HttpTailOptions {
  /** Base URL of a gateway, e.g. `http://host:8000`. */
  url: string;
  token: string | undefined;
  lines: number;
  follow: boolean;
  signal: AbortSignal;
  /** What it returns is not waited for: the gateway would give up a reader that does not read. */
  onLine: (line: string) => unknown;
  /** News about the connection, for people. */
  onNotice: (message: string) => void;
}

/** The gateway sends a heart-beat more often than this; longer silence means that the connection is dead. */
const silenceMs = 60_000;
const firstBackOffMs = 500;
const longestBackOffMs = 10_000;

type Outcome = { isFinal: true; error: CliError } | { isFinal: false; reason: string };

function addressOf({ url, lines, follow }: Pick<HttpTailOptions, "url" | "lines" | "follow">): URL {
  const query = new URLSearchParams({ lines: String(lines), follow: String(follow) });
  return new URL(`${httpUrl(url)}/api/logs/tail?${query.toString()}`);
}

function refusal(response: Response, address: URL, token: string | undefined): CliError {
  const where = `${address.origin}${address.pathname}`;
  if (response.status === 401 || response.status === 403) {
    const advice =
      token === undefined
        ? tokenAdvice
        : "it does not accept this token (the gateway's setting is admin.token, AUTH_TOKEN)";
    return new CliError(`${where} answered ${response.status}: ${advice}`);
  }
  if (response.status === 404) {
    return new CliError(
      `${where} answered 404: no Orcestator with its traffic log switched on (logging.file) answers there`,
    );
  }
  const location = response.headers.get("location");
  const target = location === null ? "" : ` to ${location}; give that address to --url`;
  return new CliError(`${where} answered ${response.status}${target}`);
}

async function readEvents(response: Response, onData: (data: string) => void, onBytes: () => void): Promise<void> {
  const splitter = createLineSplitter();
  for await (const chunk of response.body ?? []) {
    onBytes();
    for (const line of splitter.push(Buffer.from(chunk))) {
      if (line.startsWith("data:")) onData(line.slice(line.startsWith("data: ") ? 6 : 5));
    }
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error ? error.code : undefined;
  if (code === "ConnectionRefused" || code === "ECONNREFUSED") return "connection refused";
  return typeof code === "string" ? `${code}: ${error.message}` : error.message;
}

interface Connection {
  address: URL;
  options: HttpTailOptions;
  isFirst: boolean;
  resume: TailResume;
}

/** One connection from start to end; `undefined` when the gateway ended it properly. */
async function connectOnce({ address, options, isFirst, resume }: Connection): Promise<Outcome | undefined> {
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(), silenceMs);
  const { token, signal } = options;
  const headers: Record<string, string> = { accept: "text/event-stream" };
  if (token !== undefined) headers["authorization"] = `Bearer ${token}`;
  let isConnected = false;
  try {
    const response = await get(address, headers, AbortSignal.any([signal, silence.signal]));
    if (!response.ok) {
      await response.body?.cancel();
      const error = refusal(response, address, token);
      return isFirst || response.status < 500 ? { isFinal: true, error } : { isFinal: false, reason: error.message };
    }
    isConnected = true;
    if (!isFirst) resume.resume();
    await readEvents(
      response,
      (line) => resume.take(line),
      () => timer.refresh(),
    );
    return undefined;
  } catch (error) {
    if (signal.aborted) return undefined;
    const reason = silence.signal.aborted ? "no sign of life" : reasonOf(error);
    if (isConnected || !isFirst) return { isFinal: false, reason };
    const message = `cannot reach ${address.origin}: ${reason}; is the gateway running there?`;
    return { isFinal: true, error: new CliError(message) };
  } finally {
    resume.ended();
    clearTimeout(timer);
  }
}

/** Lines of a gateway's traffic log over HTTP; while following, a lost connection is made again without gaps or repeats. */
export async function tailHttp(options: HttpTailOptions): Promise<void> {
  const { signal, follow, onNotice } = options;
  let backOffMs = firstBackOffMs;
  let isFirst = true;
  const resume = createTailResume((line) => {
    backOffMs = firstBackOffMs;
    options.onLine(line);
  });
  while (!signal.aborted) {
    const address = addressOf({ url: options.url, follow, lines: isFirst ? options.lines : resume.linesToAsk() });
    const outcome = await connectOnce({ address, options, isFirst, resume });
    if (outcome?.isFinal === true) throw outcome.error;
    if (signal.aborted) return;
    if (!follow) {
      if (outcome !== undefined) throw new CliError(`${address.origin} broke off: ${outcome.reason}`);
      return;
    }
    onNotice(`${address.origin}: ${outcome?.reason ?? "connection closed"}; trying again in ${backOffMs / 1000} s`);
    await sleep(backOffMs, undefined, { signal }).catch(() => undefined);
    backOffMs = Math.min(longestBackOffMs, backOffMs * 2);
    isFirst = false;
  }
}
