import { fieldPlace } from "../../config/overlay.ts";
import { type ConfigPath, isPlainObject, pathText, valueAt } from "../../config/path.ts";
import { isSecretAt, redactTree } from "../../config/redact.ts";
import { invalidRequest } from "../../errors.ts";
import type { Fields, Named } from "./written-entry.ts";

/** A change in which masks stand no more. */
export interface Restored {
  readonly fields: Fields;
  /** Fields in which a mask stood for what is kept. */
  readonly kept: ReadonlySet<string>;
}

/** The character that masks have. */
const maskSign = "…";

/** Neither a header nor an API key can hold the sign itself; elsewhere it may be part of an ordinary text. */
function isMask(text: string, path: ConfigPath): boolean {
  if (!text.includes(maskSign)) return false;
  const isWireText = path[0] === "providers" && (path[2] === "credentials" || path[2] === "headers");
  return isWireText || isSecretAt(path, text.replaceAll(maskSign, "user:password"));
}

function unknownMask(path: ConfigPath): never {
  const place = pathText(path);
  const message = `\`${place}\` is masked, and nothing that is kept here looks like it: send the whole secret.`;
  throw invalidRequest(message, place);
}

interface Credential {
  readonly key: string;
  isTaken: boolean;
}

function keyOf(credential: unknown): string {
  const key = isPlainObject(credential) ? credential["key"] : credential;
  return typeof key === "string" ? key : "";
}

/** The key at the same place, if it looks like that, else the first that does and was not taken. */
function credentialFor(mask: string, pool: readonly Credential[], path: ConfigPath): string {
  const looksAlike = ({ key, isTaken }: Credential): boolean => !isTaken && redactTree(key, path) === mask;
  const same = pool[Number(path[3])];
  const found = same !== undefined && looksAlike(same) ? same : pool.find(looksAlike);
  if (found === undefined) return unknownMask(path);
  found.isTaken = true;
  return found.key;
}

function restoreField(given: unknown, { place, kept }: { place: ConfigPath; kept: unknown }): unknown {
  const isCredentials = place[0] === "providers" && place[2] === "credentials";
  const stored = isCredentials && Array.isArray(kept) ? kept : [];
  const pool = stored.map((item): Credential => ({ key: keyOf(item), isTaken: false }));

  function restoreText(text: string, path: ConfigPath): string {
    if (!isMask(text, path)) return text;
    if (isCredentials) return credentialFor(text, pool, path);
    const found = valueAt(kept, path.slice(place.length));
    return typeof found === "string" && redactTree(found, path) === text ? found : unknownMask(path);
  }

  function restore(value: unknown, path: ConfigPath): unknown {
    if (typeof value === "string") return restoreText(value, path);
    if (Array.isArray(value)) return value.map((item, index) => restore(item, [...path, index]));
    if (!isPlainObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, restore(item, [...path, key])]));
  }
  return restore(given, place);
}

function someText(value: unknown, path: ConfigPath, test: (text: string, path: ConfigPath) => boolean): boolean {
  if (typeof value === "string") return test(value, path);
  if (Array.isArray(value)) return value.some((item, index) => someText(item, [...path, index], test));
  return isPlainObject(value) && Object.entries(value).some(([key, item]) => someText(item, [...path, key], test));
}

/** A change in which what was sent back as it was shown stands for what is kept. Throws GatewayError (400). */
export function restoreSecrets(entry: Named, given: Fields, current: Fields | undefined): Restored {
  const fields = Object.entries(given).map(([field, value]) => {
    const kept = current !== undefined && Object.hasOwn(current, field) ? current[field] : undefined;
    return [field, restoreField(value, { place: fieldPlace(entry, field), kept })] as const;
  });
  const masked = Object.keys(given).filter((field) =>
    someText(given[field], fieldPlace(entry, field), (text, path) => isMask(text, path)),
  );
  return { fields: Object.fromEntries(fields), kept: new Set(masked) };
}

/** Places where a mask stands for a secret. */
export function maskedPlaces(value: unknown, path: ConfigPath = []): string[] {
  if (typeof value === "string") return isMask(value, path) ? [pathText(path)] : [];
  if (Array.isArray(value)) return value.flatMap((item, index) => maskedPlaces(item, [...path, index]));
  if (!isPlainObject(value)) return [];
  return Object.entries(value).flatMap(([key, item]) => maskedPlaces(item, [...path, key]));
}

/** Fields of what was written that hold a secret. */
export function secretFields(entry: Named, fields: Fields): string[] {
  return Object.keys(fields).filter((field) =>
    someText(fields[field], fieldPlace(entry, field), (text, path) => isSecretAt(path, text)),
  );
}
