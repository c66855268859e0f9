import { resolve } from "node:path";
import { defineCommand } from "citty";
import { exportedConfig } from "../admin/configuration/exported-config.ts";
import { type ConfigExport, exportFormat } from "../admin/contract/config.ts";
import { loadConfig } from "../config/load.ts";
import { version } from "../version.ts";
import { adminArguments, askAdmin } from "./admin-api.ts";
import { writeFiles } from "./init-files.ts";
import { palette, print, printJson, usageError } from "./output.ts";

const description = `Print the configuration of a running gateway as one JSON document, with what its admin API has changed; secrets are masked

Examples:
  orcestator config export --out gateway.json
  orcestator config export --secrets --keys --out everything.json
  orcestator config export --local                 of the files here, without a gateway`;

/** With all keys it may be many megabytes. */
const timeoutMs = 120_000;

/** As a gateway that starts here would tell it. */
function localExport(configPath: string | undefined, hasSecrets: boolean): ConfigExport {
  const loaded = loadConfig({ configPath, needsCredential: false });
  const exportedAt = new Date().toISOString();
  return { format: exportFormat, version, exportedAt, ...exportedConfig(loaded, hasSecrets), leftOut: [] };
}

const { json: _json, ...gatewayArguments } = adminArguments;

export default defineCommand({
  meta: { name: "export", description },
  args: {
    out: { type: "string", valueHint: "file", description: "What to write (default: the standard output)" },
    secrets: { type: "boolean", description: "API keys and passwords as they are; the file is readable by you only" },
    keys: { type: "boolean", description: "Virtual keys and teams too: hashes, no tokens" },
    local: { type: "boolean", description: "Of the files and the environment here, without a running gateway" },
    ...gatewayArguments,
  },
  async run({ args }) {
    const { out, secrets = false, keys = false, local = false } = args;
    if (local && keys) throw usageError("--keys: virtual keys are known to a running gateway only; leave --local out");
    const query = new URLSearchParams({ secrets: String(secrets), ...(keys && { include: "keys" }) });
    const path = `/api/config/export?${query.toString()}`;
    const document = local
      ? localExport(args.config, secrets)
      : await askAdmin(args, { method: "GET", path, timeoutMs });
    if (out === undefined) {
      printJson(document);
      return;
    }
    writeFiles({ files: [{ path: resolve(out), text: `${JSON.stringify(document, null, 2)}\n` }], conflicts: [] });
    print(`${palette().green("wrote")} ${resolve(out)}`);
  },
});
