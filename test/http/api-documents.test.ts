import { expect, test } from "bun:test";
import { startWholeGateway } from "../support/whole-gateway.ts";
import { publicRoutes } from "./public-routes.ts";

/** Models may be asked by whoever is on this machine; nothing else may. */
const { port } = await startWholeGateway({
  server: { anonymous: "loopback" },
  providers: { local: { type: "dummy" } },
  models: { m: { targets: [{ provider: "local", model: "dummy" }] } },
  admin: { token: "documents-admin-token" },
});
const origin = `http://127.0.0.1:${port}`;

type Security = readonly Readonly<Record<string, unknown>>[];

interface Schema {
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, object>>;
}

interface Operation {
  readonly security?: Security;
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
}

interface Documents {
  readonly security: Security;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

const documents = (await (await fetch(`${origin}/swagger/json`)).json()) as Documents;
const operations = Object.entries(documents.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
);

type Described = (typeof operations)[number];

const nameOf = ({ method, path }: Described): string => `${method} ${path.replace(/\{(\w+)\}/g, ":$1")}`;
const securityOf = ({ operation }: Described): Security => operation.security ?? documents.security;
const isOpen = (described: Described): boolean => securityOf(described).length === 0;
const mayBeLeftOut = (described: Described): boolean =>
  securityOf(described).some((way) => Object.keys(way).length === 0);

test("say of exactly the public routes that they need nothing", () => {
  const isPublic = (described: Described): boolean => nameOf(described) in publicRoutes;
  expect(operations.filter(isPublic).length).toBeGreaterThan(8);
  expect(operations.filter(isOpen).map(nameOf)).toEqual(operations.filter(isPublic).map(nameOf));
});

test("say that a credential may be left out only where it may", async () => {
  const others = operations.filter((described) => !isOpen(described));
  expect(others.filter(mayBeLeftOut).length).toBeGreaterThan(20);
  expect(others.filter((described) => !mayBeLeftOut(described)).length).toBeGreaterThan(50);
  const wrong: string[] = [];
  for (const described of others) {
    const { method, path } = described;
    const response = await fetch(origin + path.replace(/\{\w+\}/g, "x"), {
      method,
      ...(method === "GET" ? {} : { body: "{}" }),
    });
    await response.body?.cancel();
    const isRefused = [401, 403].includes(response.status);
    if (isRefused === mayBeLeftOut(described)) wrong.push(`${nameOf(described)}: ${response.status}`);
  }
  expect(wrong).toEqual([]);
});

test("demand no field of a body that has a default", () => {
  const demanded = operations.flatMap((described) =>
    Object.values(described.operation.requestBody?.content ?? {}).flatMap(({ schema: { required, properties } }) =>
      Object.entries(properties ?? {})
        .filter(([name, property]) => "default" in property && required?.includes(name))
        .map(([name]) => `${nameOf(described)}: ${name}`),
    ),
  );
  expect(demanded).toEqual([]);
});
