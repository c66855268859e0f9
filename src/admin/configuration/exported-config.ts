import { originIn } from "../../config/layers.ts";
import type { LoadedConfig } from "../../config/load.ts";
import { isPlainObject, leaves } from "../../config/path.ts";
import { redactTree } from "../../config/redact.ts";
import type { ConfigExport } from "../contract/config.ts";
import { type Fields, writtenForm } from "./written-entry.ts";

/** What was written, in one form. */
function wholeTree({ written: { tree } }: LoadedConfig): Fields {
  const { $schema: _schema, providers, ...rest } = tree;
  if (!isPlainObject(providers)) return rest;
  const entries = Object.entries(providers).map(
    ([name, fields]) => [name, isPlainObject(fields) ? writtenForm("provider", fields) : fields] as const,
  );
  return { providers: Object.fromEntries(entries), ...rest };
}

/** A copy of what was written that can be shown to whoever may see the configuration. */
export function exportedConfig(loaded: LoadedConfig, hasSecrets: boolean): Pick<ConfigExport, "config" | "origins"> {
  const tree = wholeTree(loaded);
  const origins = leaves(tree).map(({ keys, path }) => [path, originIn(loaded.written.origins, keys)] as const);
  const config = (hasSecrets ? tree : redactTree(tree)) as Record<string, unknown>;
  return { config, origins: Object.fromEntries(origins) };
}
