import { defineCommand } from "citty";
import { commit, version } from "../version.ts";
import { print, printJson } from "./output.ts";

const description = `Show the version of this executable

Examples:
  orcestator version
  orcestator version --json`;

export default defineCommand({
  meta: { name: "version", description },
  args: { json: { type: "boolean", description: "Print JSON" } },
  run({ args }) {
    const facts = {
      version,
      commit: commit ?? null,
      bun: Bun.version,
      platform: `${process.platform}-${process.arch}`,
    };
    if (args.json === true) {
      printJson(facts);
      return;
    }
    const build = commit === undefined ? "from source" : `commit ${commit.slice(0, 12)}`;
    print(`orcestator ${version} (${build}, Bun ${facts.bun}, ${facts.platform})`);
  },
});
