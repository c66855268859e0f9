import { defineCommand } from "citty";
import { isPlainObject } from "../config/path.ts";
import { urlArgument } from "./gateway-arguments.ts";
import { gatewayUrl } from "./gateway-url.ts";
import { fetchJson, UnreachableError, type JsonReply } from "./http.ts";
import { palette, print, printJson, printNote } from "./output.ts";

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
  /** What needs its owner although it may be ready. */
  readonly notices: readonly string[];
}

function textsIn({ body }: JsonReply, field: "reasons" | "notices"): string[] {
  const texts = isPlainObject(body) ? body[field] : undefined;
  return Array.isArray(texts) ? texts.map(String) : [];
}

function reasonIn(reply: JsonReply): string {
  const reasons = textsIn(reply, "reasons");
  return reasons.length > 0 ? reasons.join(" ") : `HTTP ${reply.status}`;
}

async function askHealth(url: string): Promise<Health> {
  try {
    const reply = await fetchJson({ url: `${url}/health/ready`, timeoutMs });
    const { status, body } = reply;
    if (status === 200 && !(isPlainObject(body) && body["status"] === "ready")) {
      return { url, ready: false, status, message: "something answers there, but it is no Orcestator", notices: [] };
    }
    const ready = status === 200;
    const message = ready ? "ready" : `not ready: ${reasonIn(reply)}`;
    return { url, ready, status, message, notices: textsIn(reply, "notices") };
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    return { url, ready: false, status: null, message: error.message, notices: [] };
  }
}

export default defineCommand({
  meta: { name: "health", description },
  args: {
    ...urlArgument,
    config: { type: "string", valueHint: "path", description: "Configuration file" },
    json: { type: "boolean", description: "Print JSON" },
  },
  async run({ args }) {
    const url = gatewayUrl(args);
    const health = await askHealth(url);
    if (args.json === true) printJson(health);
    else {
      const { green, red } = palette();
      print(`${(health.ready ? green : red)(health.message)}${health.status === null ? "" : ` (${url})`}`);
      for (const notice of health.notices) printNote(`${palette(process.stderr).yellow("notice")}: ${notice}`);
    }
    if (!health.ready) process.exitCode = 1;
  },
});
