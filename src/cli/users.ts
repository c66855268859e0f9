import { defineCommand } from "citty";

const description = `Those who look after a running gateway: make, list, change and delete them

A password is asked for, or read from the standard input; it is never an argument, which other programs could see.

Examples:
  orcestator users create ann                 asks for the password
  orcestator users password ann < password.txt
  orcestator users role ann operator
  orcestator users hash                       makes a hash for ADMIN_PASSWORD
  orcestator users create --help`;

export default defineCommand({
  meta: { name: "users", description },
  subCommands: {
    list: () => import("./users-list.ts").then(({ list }) => list),
    create: () => import("./users-list.ts").then(({ create }) => create),
    password: () => import("./users-change.ts").then(({ password }) => password),
    role: () => import("./users-change.ts").then(({ role }) => role),
    disable: () => import("./users-change.ts").then(({ disable }) => disable),
    enable: () => import("./users-change.ts").then(({ enable }) => enable),
    delete: () => import("./users-change.ts").then(({ remove }) => remove),
    hash: () => import("./users-hash.ts").then(({ default: command }) => command),
  },
});
