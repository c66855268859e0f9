import { once } from "node:events";
import { existsSync, statSync } from "node:fs";
import { defineCommand } from "citty";
import { loadConfig } from "../config/load.ts";
import { parseDuration } from "../lib/duration.ts";
import { tailFile } from "../telemetry/tail.ts";
import { adminTokenFor } from "./admin-token.ts";
import { CliError, hasColor, createPalette, printNote, usageError } from "./output.ts";
import { outputWidth } from "./output-width.ts";
import { createTailRenderer, parseStatusFilter, type TailFilter } from "./tail-format.ts";
import { tailHttp } from "./tail-http.ts";

const description = `Show requests from the traffic log, live

Examples:
  orcestator tail-logs                                    the last 50 requests, then live
  orcestator tail-logs --status error --no-follow         what failed lately
  orcestator tail-logs --model gpt --min-latency 2s       slow requests of a model
  orcestator tail-logs --url http://host:8000 --token T   from a gateway elsewhere`;

interface TailArguments {
  lines: string;
  file?: string | undefined;
  url?: string | undefined;
  token?: string | undefined;
  config?: string | undefined;
  follow: boolean;
  model?: string | undefined;
  status?: string | undefined;
  "min-latency"?: string | undefined;
  grep?: string | undefined;
  raw?: boolean | undefined;
  json?: boolean | undefined;
}

const maxLines = 1_000_000;

function lineCountOf(text: string): number {
  const count = /^\d{1,7}$/.test(text) ? Number(text) : undefined;
  if (count === undefined || count > maxLines)
    throw usageError(`--lines ${text}: write a number from 0 to ${maxLines}`);
  return count;
}

function filterOf(args: TailArguments): TailFilter {
  const status = args.status === undefined ? undefined : parseStatusFilter(args.status);
  if (args.status !== undefined && status === undefined) {
    throw usageError(`--status ${args.status}: write a status (503), a class (5xx), error or ok`);
  }
  const latency = args["min-latency"];
  const minLatencyMs = latency === undefined ? undefined : parseDuration(latency);
  if (latency !== undefined && minLatencyMs === undefined) {
    throw usageError(`--min-latency ${latency}: write a duration such as 500ms or 2s`);
  }
  return { model: args.model, status, minLatencyMs, grep: args.grep };
}

function modeOf(args: TailArguments): "people" | "raw" | "json" {
  if (args.raw === true && args.json === true) throw usageError("--raw and --json cannot be combined");
  if (args.raw === true) return "raw";
  return args.json === true ? "json" : "people";
}

function fileOf(args: TailArguments): string {
  const file = args.file ?? loadConfig({ configPath: args.config, needsCredential: false }).config.logging.file;
  const source = args.file === undefined ? "setting logging.file, OR_LOG_FILE" : "--file";
  if (file === "") {
    throw new CliError("the traffic log is switched off: setting logging.file (OR_LOG_FILE) is empty");
  }
  if (!existsSync(file)) {
    throw new CliError(
      `there is no file ${file} (${source}); the gateway creates it with its first request. ` +
        "Name another one with --file, or ask a running gateway with --url http://host:8000",
    );
  }
  if (!statSync(file).isFile()) throw new CliError(`${file} (${source}) is no file`);
  return file;
}

/** Ends following on Ctrl+C and when the reader of a pipe has gone. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  const stop = () => controller.abort();
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  process.stdout.on("error", stop);
  return controller.signal;
}

/** Waits when the reader of a pipe is slower than the log, which would otherwise pile up in memory. */
function printPaced(text: string, signal: AbortSignal): void | Promise<void> {
  if (process.stdout.write(`${text}\n`)) return;
  return once(process.stdout, "drain", { signal }).then(
    () => undefined,
    () => undefined,
  );
}

async function tail(args: TailArguments): Promise<void> {
  if (args.file !== undefined && args.url !== undefined) throw usageError("--file and --url cannot be combined");
  const lines = lineCountOf(args.lines);
  const layout = { width: outputWidth(process.stdout), colors: createPalette(hasColor()) };
  const render = createTailRenderer({ mode: modeOf(args), filter: filterOf(args), layout });
  const signal = stopSignal();
  const onLine = (raw: string) => {
    const text = render(raw);
    return text === undefined ? undefined : printPaced(text, signal);
  };
  const common = { lines, follow: args.follow, signal, onLine };
  if (args.url === undefined) {
    await tailFile({ ...common, file: fileOf(args) });
    return;
  }
  const token = adminTokenFor(args);
  await tailHttp({ ...common, url: args.url, token, onNotice: printNote });
}

export default defineCommand({
  meta: { name: "tail-logs", description },
  args: {
    lines: { type: "string", alias: "n", default: "50", valueHint: "count", description: "Lines that come first" },
    file: { type: "string", valueHint: "path", description: "Traffic log to read (default: setting logging.file)" },
    url: {
      type: "string",
      valueHint: "http://host:8000",
      description: "Ask a running gateway instead of reading a file",
    },
    token: { type: "string", valueHint: "token", description: "Admin token for --url (default: AUTH_TOKEN)" },
    config: { type: "string", valueHint: "path", description: "Configuration file" },
    follow: {
      type: "boolean",
      default: true,
      alias: "f",
      negativeDescription: "Stop after the lines that are there",
      description: "Go on with new requests",
    },
    model: { type: "string", valueHint: "text", description: "Only models whose name contains this" },
    status: {
      type: "string",
      valueHint: "503|5xx|error|ok",
      description: "Only requests with this outcome (error: without those the client left)",
    },
    "min-latency": { type: "string", valueHint: "2s", description: "Only requests that took at least this long" },
    grep: { type: "string", valueHint: "text", description: "Only requests that contain this text" },
    raw: { type: "boolean", description: "Lines as they stand in the log" },
    json: { type: "boolean", description: "One JSON object a line" },
  },
  run: ({ args }) => tail(args),
});
