import { isPlainObject, type ConfigPath } from "./path.ts";
import type { ResolvedConfig } from "./resolve.ts";

const secretHeader = /auth|key|token|secret|cookie|password|credential|signature/i;
/** Public beginnings of keys, which say whose key it is. */
const vendorPrefix = /^(?:sk|pk|gsk|xai|hf|r8|nvapi)[-_](?:(?:or|ant|proj)-)?/;

/**
 * A secret as it may be shown: `sk-or-…abcd`. At most its vendor prefix and its last four characters survive, and
 * short secrets nothing at all.
 */
export function maskSecret(secret: string): string {
  if (secret.length < 16) return secret === "" ? "" : "…";
  return `${vendorPrefix.exec(secret)?.[0] ?? ""}…${secret.slice(-4)}`;
}

/** A URL with its password masked; a text that is no URL is masked as a whole when it holds an `@`. */
function maskUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null) return text.includes("@") ? "…" : text;
  if (url.password === "" && url.username === "") return text;
  return text.replace(/\/\/[^/]*@/, "//…@");
}

function maskHeader(name: string, value: string): string {
  return secretHeader.test(name) || /^(?:bearer|basic)\s/i.test(value) ? maskSecret(value) : value;
}

function maskText(text: string, path: ConfigPath): string {
  const [section, name, key] = path;
  if (section === "providers" && key === "credentials") return maskSecret(text);
  if (section === "providers" && key === "headers") return maskHeader(String(path[3]), text);
  if (section === "routes" && path[3] === "headers") return maskHeader(String(path[4]), text);
  if (section === "keys" && name === "inbound") return maskSecret(text);
  if (section === "admin" && (name === "token" || name === "jwtSecret" || key === "clientSecret"))
    return maskSecret(text);
  // Not a character of what people make up.
  if ((section === "admin" && name === "password") || (section === "storage" && name === "secretKey")) return "…";
  return text.includes("://") ? maskUrl(text) : text;
}

/** Whether a text at this place must not be shown as it is. */
export function isSecretAt(path: ConfigPath, text: string): boolean {
  return maskText(text, path) !== text;
}

/** A copy of a tree of the configuration, or of what stands in it at `path`, that may be shown. */
export function redactTree(value: unknown, path: ConfigPath = []): unknown {
  return mask(value, path);
}

function mask(value: unknown, path: ConfigPath): unknown {
  if (typeof value === "string") return maskText(value, path);
  if (Array.isArray(value)) return value.map((item, index) => mask(item, [...path, index]));
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mask(item, [...path, key])]));
}

/** A copy of the configuration that may be shown to anyone who may see the rest of it. */
export function redactConfig(config: ResolvedConfig): ResolvedConfig {
  return redactTree(config) as ResolvedConfig;
}
