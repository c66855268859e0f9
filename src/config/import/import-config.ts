import { existsSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { ConfigError, type Origin } from "../config-error.ts";
import { isPlainObject } from "../path.ts";
import type { Converted } from "./findings.ts";
import { convertLitellm } from "./litellm.ts";
import { readOrchFolder } from "./orch-config-dir.ts";
import { convertOrchestrationApi } from "./orchestration-api.ts";
import { readForeignFile } from "./read-source.ts";

export const systems = ["llm-orch", "litellm", "orchestration-api"] as const;
export type System = (typeof systems)[number];

export interface Imported extends Converted {
  readonly from: System;
  readonly files: readonly string[];
}

function unusable(path: string, message: string): ConfigError {
  const origin: Origin = `file ${path}`;
  return new ConfigError([{ kind: "unreadable", path: "", message, origin }], path);
}

function hasAny(value: Readonly<Record<string, unknown>>, keys: readonly string[]): boolean {
  return keys.some((key) => Object.hasOwn(value, key));
}

const groupNames = ["groupName", "group_name", "GroupName"];

function isGroupList(value: unknown): boolean {
  const items = Array.isArray(value) ? value : isPlainObject(value) ? Object.values(value) : [];
  return items.some((item) => isPlainObject(item) && hasAny(item, groupNames));
}

/** Whose configuration a parsed file is; `undefined` when nothing tells. */
export function detectSystem(value: unknown): System | undefined {
  if (isGroupList(value)) return "orchestration-api";
  if (!isPlainObject(value)) return undefined;
  if (hasAny(value, ["model_list", "litellm_settings", "router_settings", "general_settings"])) return "litellm";
  if (hasAny(value, groupNames) || ["groups", "Groups", "data"].some((key) => isGroupList(value[key]))) {
    return "orchestration-api";
  }
  return undefined;
}

const orchFiles: readonly string[] = ["providers.toml", "providers.dummy.toml", "router.yaml"];

function importOrch(folder: string, file?: string): Imported {
  const isDummy = file === "providers.dummy.toml" || !existsSync(join(folder, "providers.toml"));
  const useDummy = isDummy && existsSync(join(folder, "providers.dummy.toml"));
  return { from: "llm-orch", ...readOrchFolder(folder, { useDummy }) };
}

/** What a file is that is none of those that can be converted. */
function unknownMessage(value: unknown): string {
  if (isPlainObject(value) && isPlainObject(value["OrchestrationApi"])) {
    return "these are OrchestrationApi's server settings; its providers are groups: export them with POST /admin/groups/export";
  }
  if (isPlainObject(value) && hasAny(value, ["providers", "models"])) {
    return "this looks like a configuration of Orcestator itself; use it with --config";
  }
  return `this is none of the configurations that are known; name the system with --from ${systems.join("|")}`;
}

function importFile(path: string, from: System | undefined): Imported {
  const { value, origin, notes } = readForeignFile(path);
  const system = from ?? detectSystem(value);
  if (system === undefined) throw unusable(path, unknownMessage(value));
  const convert = system === "litellm" ? convertLitellm : convertOrchestrationApi;
  const converted = convert(value, { origin });
  return { from: system, files: [path], tree: converted.tree, notes: [...notes, ...converted.notes] };
}

/** Reads a file or folder of another system and converts it. `from`: whose it is, else its content tells. Throws ConfigError. */
export function importConfig(path: string, from?: System): Imported {
  if (!existsSync(path)) throw unusable(path, "there is no such file or folder");
  if (statSync(path).isDirectory()) {
    if (from === undefined || from === "llm-orch") return importOrch(path);
    throw unusable(
      path,
      `this is a folder; name ${from === "litellm" ? "LiteLLM's config.yaml" : "the file with the groups"} in it`,
    );
  }
  const name = basename(path);
  if (from === "llm-orch" || (from === undefined && orchFiles.includes(name))) return importOrch(dirname(path), name);
  return importFile(path, from);
}
