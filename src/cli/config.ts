import { defineCommand } from "citty";

const description = `Check, show, compare, export or import the configuration, or print its JSON Schema

Examples:
  orcestator config check
  orcestator config show --all
  orcestator config diff new.yaml
  orcestator config export --out gateway.json
  orcestator config import gateway.json --dry-run
  orcestator config schema > orcestator.schema.json`;

export default defineCommand({
  meta: { name: "config", description },
  subCommands: {
    check: () => import("./config-check.ts").then(({ default: command }) => command),
    show: () => import("./config-show.ts").then(({ default: command }) => command),
    diff: () => import("./config-diff.ts").then(({ default: command }) => command),
    export: () => import("./config-export.ts").then(({ default: command }) => command),
    import: () => import("./config-import.ts").then(({ default: command }) => command),
    schema: () => import("./config-schema.ts").then(({ default: command }) => command),
  },
});
