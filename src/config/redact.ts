import { isPlainObject, type ConfigPath } from "./path.ts";
import type { ResolvedConfig } from "./resolve.ts";

const secretName = /auth|key|token(?!s)|secret|cookie|pass|pwd|credential|signature|^sig$/i;
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

function maskQuery(text: string, isSecret: (name: string) => boolean): string {
  return text.replace(/([?&])([^=&#]*)=([^&#]+)/g, (whole, sign: string, name: string) =>
    isSecret(name) ? `${sign}${name}=…` : whole,
  );
}

/** A URL with its password masked; a text that is no URL is masked as a whole when it holds an `@`. */
function maskUrl(text: string, isSecret: (name: string) => boolean): string {
  const url = URL.parse(text);
  if (url === null) return text.includes("@") ? "…" : text;
  const isAnonymous = url.password === "" && url.username === "";
  return maskQuery(isAnonymous ? text : text.replace(/\/\/[^/]*@/, "//…@"), isSecret);
}

function maskCondition(name: string, value: string): string {
  return secretName.test(name) || /^(?:bearer|basic)\s/i.test(value) ? maskSecret(value) : value;
}

/** Fields of requests are anybody's invention: what they are called, at any depth, says whether they are secret. */
function isSecretParameter(path: ConfigPath): boolean {
  const start = path.findIndex((key) => key === "parameters" || key === "overrides");
  return start >= 0 && path.slice(start + 1).some((key) => secretName.test(String(key)));
}

function maskText(text: string, path: ConfigPath): string {
  const [section, name, key] = path;
  if (section === "providers" && key === "credentials") return maskSecret(text);
  // Their names do not say which of them let somebody in.
  if (section === "providers" && key === "headers") return maskSecret(text);
  if (section === "providers" && key === "baseUrl") return maskUrl(text, () => true);
  if (section === "routes" && path[3] === "headers") return maskCondition(String(path[4]), text);
  if (section === "keys" && name === "inbound") return maskSecret(text);
  if (section === "admin" && (name === "token" || name === "jwtSecret" || key === "clientSecret"))
    return maskSecret(text);
  // Not a character of what people make up.
  if ((section === "admin" && name === "password") || (section === "storage" && name === "secretKey")) return "…";
  if (isSecretParameter(path)) return maskSecret(text);
  return text.includes("://") ? maskUrl(text, (parameter) => secretName.test(parameter)) : text;
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
