import { defineCommand } from "citty";

const description = `Virtual keys of a running gateway: make, list, show, change, rotate, disable, enable and delete them

Examples:
  orcestator keys create alice
  orcestator keys list
  orcestator keys disable key_…
  orcestator keys create --help               what a key may have`;

export default defineCommand({
  meta: { name: "keys", description },
  subCommands: {
    list: () => import("./keys-list.ts").then(({ list }) => list),
    create: () => import("./keys-list.ts").then(({ create }) => create),
    show: () => import("./keys-show.ts").then(({ show }) => show),
    update: () => import("./keys-show.ts").then(({ update }) => update),
    rotate: () => import("./keys-show.ts").then(({ rotate }) => rotate),
    disable: () => import("./keys-show.ts").then(({ disable }) => disable),
    enable: () => import("./keys-show.ts").then(({ enable }) => enable),
    delete: () => import("./keys-show.ts").then(({ remove }) => remove),
  },
});
