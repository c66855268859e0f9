import { Elysia } from "elysia";
import { z } from "zod";
import type { By } from "../../admin/audit-trail.ts";
import { type Batch, runBatch } from "../../admin/batch.ts";
import { batchOutcome, type Page } from "../../admin/contract/fields.ts";
import type { Admin } from "../../admin/index.ts";
import type { Resource } from "../../admin/resource.ts";
import type { Role } from "../../keys/role.ts";
import { jsonContent, requestContent } from "../docs/openapi.ts";
import type { RouteParts } from "../route-parts.ts";
import { notLoaded } from "../key-grant.ts";
import { json, readJson, readQuery } from "./json.ts";

export interface AdminParts extends Pick<RouteParts, "access" | "connections" | "server"> {
  /** `undefined` = no database is configured. */
  readonly admin: Admin | undefined;
}

/** Who asks for something, or makes a change. Throws GatewayError: 401, 403 with a role that is not enough. */
export function adminOf(
  request: Request,
  { access, connections }: Pick<AdminParts, "access" | "connections">,
  needed: Role,
): By {
  const { actor, holder } = access.admin(request, needed);
  return { actor, ...(holder && { name: holder.name }), address: connections.addressOf(request) };
}

/** Throws GatewayError (503) until all is known that the database has: "nothing" would be taken for an answer. */
export function checkLoaded({ admin }: Pick<AdminParts, "admin">): void {
  if (admin?.isLoaded() === false) throw notLoaded("The keys, users and changes");
}

interface Schemas<Create, Patch, Query> {
  readonly create: z.ZodType<Create>;
  readonly patch: z.ZodType<Patch>;
  readonly batch: z.ZodType<Batch<Create, Patch>>;
  readonly query: z.ZodType<Query>;
  readonly page: z.ZodType;
  readonly view: z.ZodType;
  /** What creating answers. */
  readonly made: z.ZodType;
  /** For the API documents, where the schemas that read leave values to be judged later. */
  readonly forms?: { readonly create: z.ZodType; readonly patch: z.ZodType };
}

type Served<Create, Patch, Query> = Omit<Resource<object, { id: string }, Create, Patch>, "page"> & {
  page(query: Query): Page<unknown>;
};

export interface ResourceRoutesOptions<Create, Patch, Query> {
  /** `/api/keys` */
  readonly path: string;
  /** For people: one, and several. */
  readonly words: readonly [one: string, several: string];
  readonly schemas: Schemas<Create, Patch, Query>;
  /** Throws GatewayError (409) where there is no database. */
  readonly resource: () => Served<Create, Patch, Query>;
  /** Who may look, and who may change; default: viewers and operators. */
  readonly roles?: { readonly look: Role; readonly change: Role };
  /** Where the API documents list it. */
  readonly tag?: string;
}

type Context = { request: Request; params: { id: string } };

export const idParameter = { name: "id", in: "path", required: true, schema: { type: "string" } };

export const refusals = {
  400: { description: "A field is wrong, unknown or cannot be set: the message names it" },
  401: { description: "No admin token or login, or one that is not good" },
  403: { description: "The role is not enough" },
  409: {
    description: "Somebody else was faster (`version`), what is deleted is in use, or no database is configured",
  },
  503: { description: "The database is out of reach" },
};

/** How the API documents tell of a route, below a tag. */
export function describeAs(tag: string, detail: object): { parse: "none"; detail: never } {
  return { parse: "none", detail: { tags: [tag], ...detail } as never };
}

export function describe(detail: object): { parse: "none"; detail: never } {
  return describeAs("keys", detail);
}

/** The query parameters that a schema knows. */
export function parametersOf(schema: z.ZodType): object[] {
  const { properties = {} } = z.toJSONSchema(schema, { io: "input" });
  return Object.entries(properties).map(([name, own]) => ({ name, in: "query", required: false, schema: own }));
}

function bodyOf(schema: z.ZodType): object {
  return { required: true, ...requestContent(schema) };
}

function described<Create, Patch, Query>(options: ResourceRoutesOptions<Create, Patch, Query>) {
  const { words, schemas, tag = "keys" } = options;
  const [one, several] = words;
  const describe = (detail: object) => describeAs(tag, detail);
  const notFound = { 404: { description: `No such ${one}` } };
  const answer = (status: number, description: string, schema: z.ZodType): object => ({
    [status]: { description, ...jsonContent(schema) },
    ...refusals,
  });
  return {
    list: describe({
      summary: `List ${several}`,
      parameters: parametersOf(schemas.query),
      responses: answer(200, `A page of ${several}`, schemas.page),
    }),
    create: describe({
      summary: `Make a ${one}`,
      requestBody: bodyOf(schemas.forms?.create ?? schemas.create),
      responses: answer(201, `The ${one}`, schemas.made),
    }),
    batch: describe({
      summary: `Make, change and delete several ${several}`,
      description:
        "The form of all changes is checked before the first is made: one that is malformed refuses them all (400). Then each succeeds or fails by itself.",
      requestBody: bodyOf(schemas.batch),
      responses: answer(200, "What became of each", batchOutcome),
    }),
    get: describe({
      summary: `Show a ${one}`,
      parameters: [idParameter],
      responses: { ...answer(200, `The ${one}`, schemas.view), ...notFound },
    }),
    patch: describe({
      summary: `Change a ${one}`,
      description: "What is left out stays as it is; `null` takes a field away.",
      parameters: [idParameter],
      requestBody: bodyOf(schemas.forms?.patch ?? schemas.patch),
      responses: { ...answer(200, `The ${one} as it is now`, schemas.view), ...notFound },
    }),
    remove: describe({
      summary: `Delete a ${one}`,
      parameters: [idParameter],
      responses: { 204: { description: "It is gone" }, ...refusals, ...notFound },
    }),
  };
}

/** The routes that every kind of things has. */
export function resourceRoutes<Create, Patch, Query>(
  options: ResourceRoutesOptions<Create, Patch, Query>,
  parts: AdminParts,
) {
  const { path, schemas, resource, roles = { look: "viewer", change: "operator" } } = options;
  const details = described(options);
  return new Elysia({ name: path })
    .get(
      path,
      ({ request }) => {
        adminOf(request, parts, roles.look);
        checkLoaded(parts);
        return json(resource().page(readQuery(request, schemas.query)));
      },
      details.list,
    )
    .post(
      path,
      async ({ request }) => {
        const by = adminOf(request, parts, roles.change);
        const served = resource();
        return json(await served.create(await readJson(request, schemas.create, parts), by), 201);
      },
      details.create,
    )
    .post(
      `${path}/batch`,
      async ({ request }) => {
        const by = adminOf(request, parts, roles.change);
        const served = resource();
        return json(await runBatch(served, await readJson(request, schemas.batch, parts), by));
      },
      details.batch,
    )
    .get(
      `${path}/:id`,
      ({ request, params }: Context) => {
        adminOf(request, parts, roles.look);
        checkLoaded(parts);
        return json(resource().get(params.id));
      },
      details.get,
    )
    .patch(
      `${path}/:id`,
      async ({ request, params }: Context) => {
        const by = adminOf(request, parts, roles.change);
        const served = resource();
        return json(await served.patch(params.id, await readJson(request, schemas.patch, parts), by));
      },
      details.patch,
    )
    .delete(
      `${path}/:id`,
      async ({ request, params }: Context) => {
        const by = adminOf(request, parts, roles.change);
        await resource().remove(params.id, by);
        return new Response(null, { status: 204 });
      },
      details.remove,
    );
}
