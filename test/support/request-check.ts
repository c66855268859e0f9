import type { WireRequest } from "./http-request.ts";

export interface RequestRules {
  /** Keys that the upstream knows; `undefined` = any non-empty Bearer key. */
  credentials: readonly string[] | undefined;
  /** Texts that belong to the gateway's clients and must never travel further. */
  secrets: readonly string[];
  host: string;
}

const neverForwarded = new Set([
  "api-key",
  "content-encoding",
  "cookie",
  "forwarded",
  "keep-alive",
  "origin",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "referer",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "via",
  "x-api-key",
  "x-goog-api-key",
  "x-orch-task-kind",
  "x-real-ip",
]);

function headerViolations({ headerLines }: WireRequest): string[] {
  const found: string[] = [];
  const seen = new Set<string>();
  for (const [name, value] of headerLines) {
    if (seen.has(name)) found.push(`header ${name} came twice`);
    seen.add(name);
    if (neverForwarded.has(name) || name.startsWith("x-forwarded-") || name.startsWith("sec-")) {
      found.push(`header ${name} must not reach an upstream`);
    }
    if (name === "connection" && !/^(?:keep-alive|close)$/i.test(value)) found.push(`connection: ${value}`);
  }
  return found;
}

function credentialViolation(request: WireRequest, credentials: RequestRules["credentials"]): string[] {
  const authorization = request.headerLines.find(([name]) => name === "authorization")?.[1];
  const key = /^Bearer (\S+)$/.exec(authorization ?? "")?.[1];
  if (key === undefined) return [`authorization is '${authorization ?? ""}'`];
  return credentials === undefined || credentials.includes(key) ? [] : [`unknown credential '${key}'`];
}

function bodyViolations({ headerLines, body }: WireRequest): string[] {
  const found: string[] = [];
  const header = (name: string) => headerLines.find(([candidate]) => candidate === name)?.[1];
  if (header("content-length") === undefined) found.push("a POST without content-length");
  if (!/^application\/json\b/.test(header("content-type") ?? ""))
    found.push(`content-type is '${header("content-type")}'`);
  try {
    JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (error) {
    found.push(`body is no JSON: ${String(error)}`);
  }
  return found;
}

/** What is wrong with a request that a gateway sent upstream, in words; empty when nothing is. */
export function violationsOf(request: WireRequest, rules: RequestRules): string[] {
  const found = [...headerViolations(request), ...credentialViolation(request, rules.credentials)];
  const host = request.headerLines.find(([name]) => name === "host")?.[1];
  if (host !== rules.host) found.push(`host is '${host}'`);
  if (request.method === "POST") found.push(...bodyViolations(request));
  const head = [request.target, ...request.headerLines.map((line) => line.join(": "))].join("\n");
  for (const secret of rules.secrets) if (head.includes(secret)) found.push(`client secret '${secret}' leaked`);
  return found.map((text) => `${request.method} ${request.target}: ${text}`);
}
