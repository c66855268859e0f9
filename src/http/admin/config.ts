import { Elysia } from "elysia";
import {
  configExportSchema,
  configImportResultSchema,
  configImportSchema,
  importedDocument,
  importSchemaOf,
  exportQuery,
  importQuery,
} from "../../admin/contract/config.ts";
import { jsonContent, requestContent } from "../docs/openapi.ts";
import { type ConfigurationParts, configurationOf } from "./configuration-of.ts";
import { readInput } from "../../admin/read-input.ts";
import { json, readJson, readQuery } from "./json.ts";
import { adminOf, checkLoaded, describeAs, parametersOf, refusals } from "./resource-routes.ts";

const details = {
  export: describeAs("configuration", {
    summary: "The configuration as one document",
    description:
      "What was written in file, environment and by this API, without defaults, and where each value comes from. Secrets are masked; `secrets=true` and `include=keys` need the role admin.",
    parameters: parametersOf(exportQuery),
    responses: { 200: { description: "The configuration", ...jsonContent(configExportSchema) }, ...refusals },
  }),
  import: describeAs("configuration", {
    summary: "Change the configuration by a document",
    description:
      "Takes an export, or a configuration as its file says it, whole or in part. Each provider, model and section that it names gets what it says; all others stay. It is checked as a whole before anything is changed. A masked secret stays what it is.",
    parameters: parametersOf(importQuery),
    requestBody: { required: true, ...requestContent(configImportSchema) },
    responses: { 200: { description: "What has changed", ...jsonContent(configImportResultSchema) }, ...refusals },
  }),
};

/** Many times what `mostImported` keys take as they are usual. */
const mostBytes = 16 * 1024 * 1024;

/** /api/config: the configuration as one document. */
export function configRoutes(parts: ConfigurationParts) {
  return new Elysia({ name: "config" })
    .get(
      "/api/config/export",
      async ({ request }) => {
        adminOf(request, parts, "viewer");
        const query = readQuery(request, exportQuery);
        checkLoaded(parts);
        const by = adminOf(request, parts, query.secrets || query.include.length > 0 ? "admin" : "viewer");
        return json(await configurationOf(parts).exchange.export(query, by));
      },
      details.export,
    )
    .post(
      "/api/config/import",
      async ({ request }) => {
        const by = adminOf(request, parts, "admin");
        const { exchange } = configurationOf(parts);
        const query = readQuery(request, importQuery);
        const document = await readJson(request, importedDocument, parts, mostBytes);
        return json(await exchange.import(readInput(importSchemaOf(document), document), query, by));
      },
      details.import,
    );
}
