import { defineCommand } from "citty";

const description = `Look at the database, or bring its schema up to date

Examples:
  orcestator db check
  orcestator db migrate`;

export default defineCommand({
  meta: { name: "db", description },
  subCommands: {
    check: () => import("./db-check.ts").then(({ default: command }) => command),
    migrate: () => import("./db-migrate.ts").then(({ default: command }) => command),
  },
});
