import { swagger } from "@elysiajs/swagger";
import { z } from "zod";
import { version } from "../../version.ts";

interface JsonContent {
  content: Record<string, { schema: object }>;
}

const described: z.ZodType[] = [];
/** Every reload makes the routes anew: what was described already keeps its number. */
const numbers = new WeakMap<z.ZodType, number>();

function numberOf(schema: z.ZodType): number {
  let number = numbers.get(schema);
  if (number === undefined) {
    number = described.push(schema) - 1;
    numbers.set(schema, number);
  }
  return number;
}

/**
 * A zod schema that becomes OpenAPI's when the document is written, and not at every start: that takes a tenth of it. The
 * router copies what describes a route, so only a number is held here.
 */
class LazySchema {
  readonly number: number;
  readonly io: "input" | "output";

  constructor(schema: z.ZodType, io: "input" | "output") {
    this.number = numberOf(schema);
    this.io = io;
  }

  toJSON(): object {
    const schema = described[this.number];
    if (schema === undefined) return {};
    const { $schema: _dialect, ...openapi } = z.toJSONSchema(schema, {
      target: "openapi-3.0",
      unrepresentable: "any",
      io: this.io,
    });
    return openapi;
  }
}

/** A zod schema, made once for the process, as OpenAPI content; the plugin itself would print zod's insides. */
export function jsonContent(schema: z.ZodType, type = "application/json"): JsonContent {
  return { content: { [type]: { schema: new LazySchema(schema, "output") } } };
}

/** As `jsonContent`, of what is sent to us: before defaults are filled in and texts are read. */
export function requestContent(schema: z.ZodType): JsonContent {
  return { content: { "application/json": { schema: new LazySchema(schema, "input") } } };
}

const withCredential = [{ bearer: [] }, { apiKey: [] }];

/** For the description of a route that whoever asks may use where `server.anonymous` lets them. */
export const anonymousWhereAllowed = [...withCredential, {}];

const keyHeader = (name: string): object => ({ type: "apiKey", in: "header", name });

/** GET /swagger/json: the whole API, gathered from the routes' own descriptions. */
export function openapiDocument() {
  return swagger({
    path: "/swagger",
    specPath: "/swagger/json",
    exclude: [/^\/swagger/, "/docs", /^\/$/, "/api/hello"],
    documentation: {
      info: {
        title: "Orcestator",
        version,
        description: "One executable LLM gateway: any client in, any provider out.",
      },
      tags: [
        { name: "models", description: "What may be asked for" },
        { name: "inference", description: "Asking models" },
        { name: "keys", description: "Virtual keys, teams, and what a key was used for" },
        { name: "configuration", description: "Providers, models and settings, as they are served" },
        { name: "groups", description: "Providers and virtual keys in the words of OrchestrationApi" },
        { name: "admin", description: "Logging in, users, and the audit log" },
        { name: "operation", description: "Health, metrics and logs of the gateway itself" },
      ],
      components: {
        securitySchemes: {
          bearer: { type: "http", scheme: "bearer" },
          apiKey: keyHeader("x-api-key"),
        } as never,
      },
      security: withCredential,
    },
  });
}
