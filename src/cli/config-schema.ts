import { defineCommand } from "citty";
import { configJsonSchema } from "../config/json-schema.ts";
import { printJson } from "./output.ts";

const description = `Print the JSON Schema of the configuration file, for editors

Examples:
  orcestator config schema > orcestator.schema.json
  # then, as the first line of orcestator.yaml:
  # yaml-language-server: $schema=./orcestator.schema.json`;

export default defineCommand({
  meta: { name: "schema", description },
  args: { json: { type: "boolean", description: "The output is JSON anyway" } },
  run: () => printJson(configJsonSchema()),
});
