import { defineCommand } from "citty";

const description = `Check, show or compare the configuration, or print its JSON Schema

Examples:
  orcestator config check
  orcestator config show --all
  orcestator config diff new.yaml
  orcestator config schema > orcestator.schema.json`;

export default defineCommand({
  meta: { name: "config", description },
  subCommands: {
    check: () => import("./config-check.ts").then(({ default: command }) => command),
    show: () => import("./config-show.ts").then(({ default: command }) => command),
    diff: () => import("./config-diff.ts").then(({ default: command }) => command),
    schema: () => import("./config-schema.ts").then(({ default: command }) => command),
  },
});
