import type { ClientCall } from "../../src/gateway/call.ts";
import { type Gateway, createGateway } from "../../src/gateway/handle.ts";
import { createKeyAdmission } from "../../src/gateway/key-admission.ts";
import { createRequestScopes } from "../../src/gateway/request-scopes.ts";
import { createStoredResponses, type StoredResponses } from "../../src/gateway/stored-responses.ts";
import type { KeyGrant, Team, VirtualKey } from "../../src/keys/virtual-key.ts";
import { type Budgets, createBudgets } from "../../src/limits/budgets.ts";
import { createId } from "../../src/lib/ids.ts";
import { type Price, priceOf, usedPrice } from "../../src/prices/price.ts";
import type { Target } from "../../src/routing/target.ts";
import type { RequestRecord } from "../../src/telemetry/request-record.ts";
import { configured } from "../routing/configured.ts";
import { createMemoryDocuments } from "../support/memory-documents.ts";
import { startRun } from "./rig.ts";
import { gatewayParts, type Routed, routed } from "./routed.ts";

function keyOf(fields: Partial<VirtualKey> = {}): VirtualKey {
  return { id: "key_1", name: "one", hash: "", last4: "abcd", createdAt: 0, enabled: true, version: 1, ...fields };
}

function teamOf(fields: Partial<Team> = {}): Team {
  return { id: "team_1", name: "ours", createdAt: 0, version: 1, ...fields };
}

export function grantOf(key: Partial<VirtualKey> = {}, team?: Partial<Team>): KeyGrant {
  return { key: keyOf(key), team: team && teamOf(team) };
}

export function price(input: number, output: number, more: { request?: number; cacheWrite?: number } = {}): Price {
  return priceOf(usedPrice({ input, output, ...more }, { source: "config", asOf: "2026-11-21" }));
}

export interface KeyRig {
  readonly gateway: Gateway;
  readonly budgets: Budgets;
  readonly records: RequestRecord[];
  readonly table: Routed;
  /** A client's call with a virtual key. */
  call(grant: KeyGrant | undefined, body: object, more?: Partial<ClientCall>): ClientCall;
}

export interface KeyRigOptions {
  readonly config: object;
  readonly priceOf?: (target: Target) => Price | undefined;
  /** Records are priced too, by the same. */
  readonly pricesRecords?: boolean;
  readonly unknownPrice?: "refuse" | "allow";
  readonly textLimit?: number;
  readonly responses?: StoredResponses;
}

/** A whole gateway for holders of virtual keys. */
export function keyRig({
  config,
  priceOf = () => price(1, 1),
  pricesRecords = false,
  unknownPrice = "refuse",
  textLimit = 0,
  responses = createStoredResponses(undefined),
}: KeyRigOptions): KeyRig {
  const resolved = configured({ ...config });
  const table = routed(resolved);
  const records: RequestRecord[] = [];
  const log = { info: () => undefined, warn: () => undefined };
  const budgets = createBudgets({ documents: createMemoryDocuments(), log, every: () => () => undefined });
  const parts = gatewayParts(table);
  const gateway = createGateway({
    ...parts,
    routing: pricesRecords ? { ...parts.routing, priceOf } : parts.routing,
    scopes: createRequestScopes(resolved.limits),
    admitKey: createKeyAdmission({ budgets, priceOf, answerTokensAt: () => 4096, unknownPrice }),
    translation: { ...startRun({ routed: table }).exchange.translation, responses },
    textLimit,
    onFinish: (record) => void records.push(record),
  });
  return {
    gateway,
    budgets,
    records,
    table,
    call: (grant, body, more = {}) => ({
      body: new TextEncoder().encode(JSON.stringify(body)),
      headers: new Headers({ "content-type": "application/json" }),
      signal: new AbortController().signal,
      keyId: grant?.key.id ?? "anonymous",
      grant,
      maySteer: true,
      clientAddress: "127.0.0.1",
      requestId: createId("req_"),
      startedAt: Date.now(),
      startedTick: performance.now(),
      allowSilence: () => undefined,
      ...more,
    }),
  };
}
