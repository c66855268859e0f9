import { defineCommand } from "citty";

const description = `Teams of a running gateway, to which keys belong: make, list, show, change and delete them

Examples:
  orcestator teams create platform
  orcestator teams list
  orcestator teams update --help              what a team may have`;

export default defineCommand({
  meta: { name: "teams", description },
  subCommands: {
    list: () => import("./teams-commands.ts").then(({ list }) => list),
    create: () => import("./teams-commands.ts").then(({ create }) => create),
    show: () => import("./teams-commands.ts").then(({ show }) => show),
    update: () => import("./teams-commands.ts").then(({ update }) => update),
    delete: () => import("./teams-commands.ts").then(({ remove }) => remove),
  },
});
