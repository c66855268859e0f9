import { GatewayError, invalidRequest } from "../errors.ts";
import { type KeyBounds, type KeyEndpoint, type KeyGrant, keyEndpoints } from "../keys/virtual-key.ts";
import type { RequestFacts } from "../routing/route.ts";
import { createGlob } from "../routing/wildcards.ts";
import type { Operation } from "../telemetry/request-record.ts";

type NameTest = (name: string) => boolean;

const tests = new WeakMap<readonly string[], NameTest>();

function testOf(patterns: readonly string[]): NameTest {
  let test = tests.get(patterns);
  if (test === undefined) {
    const globs = patterns.map(createGlob);
    test = (name) => globs.some((glob) => glob(name));
    tests.set(patterns, test);
  }
  return test;
}

function allows({ models }: KeyBounds, name: string): boolean {
  return models === undefined || testOf(models)(name);
}

/** Whether a key, and the team it belongs to, may ask for a model. */
export function mayAskFor({ key, team }: KeyGrant, model: string): boolean {
  return allows(key, model) && (team === undefined || allows(team, model));
}

/** Of what the holder of a key may ask for. */
export function modelsFor<Model extends { id: string }>(grant: KeyGrant | undefined, models: Model[]): Model[] {
  return grant === undefined ? models : models.filter(({ id }) => mayAskFor(grant, id));
}

function forbidden(message: string, param?: string): GatewayError {
  return new GatewayError({ code: "forbidden", status: 403, message, param });
}

/** Who may ask may count as well. */
function isOpenTo(endpoints: readonly KeyEndpoint[], operation: Operation): boolean {
  return endpoints.includes(operation) || (operation === "count_tokens" && endpoints.includes("chat"));
}

/** Throws GatewayError (403) where the key is not for this kind of request. */
export function checkEndpoint({ key }: KeyGrant, operation: Operation): void {
  const { endpoints, id } = key;
  if (endpoints === undefined || isOpenTo(endpoints, operation)) return;
  throw forbidden(`The key ${id} may be used for ${endpoints.join(", ")} only, and this is ${operation}.`);
}

/**
 * Throws GatewayError (403) for the first name that the key may not ask for. `isNamed`: the request names them itself; one
 * that names no model is about the usual one.
 */
export function checkModels(grant: KeyGrant, { names, isNamed }: { names: readonly string[]; isNamed: boolean }): void {
  for (const name of names) {
    if (mayAskFor(grant, name)) continue;
    const whose = allows(grant.key, name) ? `The team of the key ${grant.key.id}` : `The key ${grant.key.id}`;
    const model = `the model '${name.slice(0, 200)}'`;
    const advice = isNamed
      ? "GET /v1/models lists those it may."
      : "it is meant where a request names none: send `model` with one of those that GET /v1/models lists.";
    throw forbidden(`${whose} may not use ${model}; ${advice}`, "model");
  }
}

/** Throws GatewayError (400) where it cannot be told which models a request names: an upstream may turn to any of them. */
export function checkModelList(facts: RequestFacts): void {
  if (!facts.hasOddModels()) return;
  throw invalidRequest(
    '`models` must be one list of names, as ["a", "b"]: the key of this request may use certain models only, or has a budget.',
    "models",
  );
}

/** Whether a key, or its team, may use certain models only. */
export function hasModels({ key, team }: KeyGrant): boolean {
  return key.models !== undefined || team?.models !== undefined;
}

function opening(id: string, endpoints: readonly KeyEndpoint[] | undefined): string {
  const wanted = endpoints === undefined ? keyEndpoints : [...endpoints, "opaque"];
  return `\`orcestator keys update ${id} --endpoints ${wanted.join(",")}\` opens all of it to this key.`;
}

/** Throws GatewayError (403) where the key may not go on with a conversation that a provider keeps. */
export function checkKept({ key: { id, endpoints } }: KeyGrant): void {
  if (endpoints?.includes("opaque") === true) return;
  throw forbidden(
    `The key ${id} may not use a \`conversation\`: those that a provider keeps have no owner there. Send the whole history, or \`previous_response_id\`; ${opening(id, endpoints)}`,
    "conversation",
  );
}

/**
 * What a provider keeps (files, batches, responses) belongs to the gateway's credential, and so to every key that may ask
 * there: that is for keys which are told to by name, others only ask a model there as they do elsewhere. Throws GatewayError
 * (403), also where models are restricted: nobody can tell which one a request is for.
 */
export function checkOpaque(grant: KeyGrant, isModelCall: boolean): void {
  const { id, endpoints } = grant.key;
  if (hasModels(grant))
    throw forbidden(
      `The key ${id} may use certain models only. Below /p/ nobody can tell which one a request is for: it is closed to this key.`,
    );
  if (endpoints === undefined ? isModelCall : endpoints.includes("opaque")) return;
  throw forbidden(
    `The key ${id} may not ask for this below /p/: what a provider keeps (files, batches, responses) has no owner there; ${opening(id, endpoints)}`,
  );
}

/** Characters of prompts and answers that records keep of a key's requests: `usual`, or fewer where the key says so. */
export function textLimitFor(grant: KeyGrant | undefined, usual: number): number {
  const content = grant?.key.content;
  if (content === undefined) return usual;
  if (content === "none") return 0;
  return content === "full" ? usual : Math.min(usual, Number(content.slice("truncate:".length)));
}
