import { z } from "zod";
import { fieldPlace, type OverlayEntry, overlaySettings } from "../../config/overlay.ts";
import { type ConfigPath, isPlainObject } from "../../config/path.ts";
import { isSecretAt } from "../../config/redact.ts";
import { GatewayError } from "../../errors.ts";
import { isSealed, type SecretBox } from "../../keys/secret-box.ts";
import { errorText } from "../../lib/error-text.ts";
import type { StoredDocument } from "../../storage/document-store.ts";
import type { Fields } from "./written-entry.ts";

const entryKinds = ["provider", "model", "setting"] as const satisfies readonly OverlayEntry["kind"][];

export function isEntryKind(kind: string): kind is OverlayEntry["kind"] {
  return entryKinds.some((known) => known === kind);
}

const documentSchema = z.looseObject({ fields: z.record(z.string(), z.unknown()) });

type ChangeText = (text: string, path: ConfigPath) => string;

function mapTexts(value: unknown, path: ConfigPath, change: ChangeText): unknown {
  if (typeof value === "string") return change(value, path);
  if (Array.isArray(value)) return value.map((item, index) => mapTexts(item, [...path, index], change));
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapTexts(item, [...path, key], change)]));
}

function need(box: SecretBox | undefined): SecretBox {
  if (box !== undefined) return box;
  const message =
    "API keys are sealed where they are kept, and this gateway has no key to seal with: set ORCESTATOR_SECRET_KEY (openssl rand -hex 32) to one value on all gateways, and start them again.";
  throw new GatewayError({ code: "conflict", status: 409, message });
}

function mapFields(entry: OverlayEntry, change: ChangeText): Fields {
  const fields = Object.entries(entry.fields).map(
    ([field, value]) => [field, mapTexts(value, fieldPlace(entry, field), change)] as const,
  );
  return Object.fromEntries(fields);
}

/** A change as it is kept: whatever is masked where it is shown is sealed. */
export function entryDocument(entry: OverlayEntry, box: SecretBox | undefined): { fields: Fields } {
  const seal: ChangeText = (text, path) => (isSecretAt(path, text) ? need(box).seal(text) : text);
  return { fields: mapFields(entry, seal) };
}

/** A change as it was kept, as far as it can be read here. */
export interface OpenedEntry {
  readonly entry: OverlayEntry;
  /** Fields that it has and whose secrets cannot be opened, each with why; `entry` is without them. */
  readonly unopened: Readonly<Record<string, string>>;
}

/** The change that a document keeps; `undefined` = it keeps none. */
export function entryIn({ kind, id, value }: StoredDocument, box: SecretBox | undefined): OpenedEntry | undefined {
  const { data } = documentSchema.safeParse(value);
  if (data === undefined || !isEntryKind(kind)) return undefined;
  if (kind === "setting" && !overlaySettings.some((name) => name === id)) return undefined;
  const open: ChangeText = (text) => (isSealed(text) ? need(box).open(text) : text);
  const fields: Record<string, unknown> = {};
  const unopened: Record<string, string> = {};
  for (const [field, kept] of Object.entries(data.fields)) {
    try {
      Object.assign(fields, mapFields({ kind, name: id, fields: { [field]: kept } }, open));
    } catch (error) {
      unopened[field] = errorText(error);
    }
  }
  return { entry: { kind, name: id, fields }, unopened };
}
