import { defineCommand } from "citty";

const description = `Check or show the configuration, or print its JSON Schema

Examples:
  orcestator config check
  orcestator config show --all
  orcestator config schema > orcestator.schema.json`;

export default defineCommand({
  meta: { name: "config", description },
  subCommands: {
    check: () => import("./config-check.ts").then(({ default: command }) => command),
    show: () => import("./config-show.ts").then(({ default: command }) => command),
    schema: () => import("./config-schema.ts").then(({ default: command }) => command),
  },
});
