import { defineCommand } from "citty";
import { isPlainObject } from "../config/path.ts";
import { configuredUrl } from "./gateway-url.ts";
import { fetchJson, httpUrl, UnreachableError, type JsonReply } from "./http.ts";
import { palette, print, printJson } from "./output.ts";

const description = `Ask a running gateway whether it is ready (exit code 0) or not (1)

Examples:
  orcestator health
  orcestator health --url https://gateway.example:8000 --json`;

const timeoutMs = 3000;

interface Health {
  readonly url: string;
  readonly ready: boolean;
  /** HTTP status; `null` when nobody answered. */
  readonly status: number | null;
  readonly message: string;
}

function reasonIn({ status, body }: JsonReply): string {
  const reasons = isPlainObject(body) && Array.isArray(body["reasons"]) ? body["reasons"] : [];
  return reasons.length > 0 ? reasons.map(String).join(" ") : `HTTP ${status}`;
}

async function askHealth(url: string): Promise<Health> {
  try {
    const reply = await fetchJson({ url: `${url}/health/ready`, timeoutMs });
    const { status, body } = reply;
    if (status === 200 && !(isPlainObject(body) && body["status"] === "ready")) {
      return { url, ready: false, status, message: "something answers there, but it is no Orcestator" };
    }
    const ready = status === 200;
    return { url, ready, status, message: ready ? "ready" : `not ready: ${reasonIn(reply)}` };
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    return { url, ready: false, status: null, message: error.message };
  }
}

export default defineCommand({
  meta: { name: "health", description },
  args: {
    url: { type: "string", valueHint: "http://host:8000", description: "Gateway to ask (default: the configured one)" },
    config: { type: "string", valueHint: "path", description: "Configuration file" },
    json: { type: "boolean", description: "Print JSON" },
  },
  async run({ args }) {
    const url = args.url === undefined ? configuredUrl({ configPath: args.config }) : httpUrl(args.url);
    const health = await askHealth(url);
    if (args.json === true) printJson(health);
    else {
      const { green, red } = palette();
      print(`${(health.ready ? green : red)(health.message)}${health.status === null ? "" : ` (${url})`}`);
    }
    if (!health.ready) process.exitCode = 1;
  },
});
