import { forbiddenNames } from "../../config/forbidden-names.ts";
import { invalidRequest } from "../../errors.ts";
import type { EntryRules } from "./named-entries.ts";

export const modelRules: EntryRules = {
  kind: "model",
  names: ({ config }) => Object.keys(config.models),
  more: ({ config }, name) => ({ strategy: config.models[name]?.strategy }),
  plain: (fields) => fields,
  checkName(name) {
    if (forbiddenNames.has(name)) throw invalidRequest(`A model cannot be called '${name}'.`, "name");
  },
  // Which providers serve it, and what it costs them, is for whoever may change models to say.
  checkChange: () => undefined,
};
