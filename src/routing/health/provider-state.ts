import type { ResolvedProvider } from "../../config/resolve.ts";
import { type GatewayError, withoutSecret } from "../../errors.ts";
import { createCredentialPool } from "../credential-pool.ts";
import type { CredentialAlarm, CredentialPool } from "../credential.ts";
import { limitScope } from "../limit-scope.ts";
import { type CredentialOptions, CredentialState } from "./credential-state.ts";
import type { CredentialChange } from "./health-change.ts";
import type { HealthSettings, HealthStatus, ProbeResult, ProviderHealthView } from "./health.ts";
import { PooledCredential } from "./pooled-credential.ts";
import { upstreamStatusOf } from "./results.ts";
import type { TargetState } from "./target-state.ts";
import { withoutWords } from "./words.ts";

export interface ProviderOptions {
  readonly settings: () => HealthSettings;
  readonly now: () => number;
  readonly random: () => number;
  readonly keepsWords: boolean;
  readonly onCredential: CredentialAlarm | undefined;
  readonly onChange?: CredentialOptions["onChange"];
}

/** A pool that is not in use yet. */
export interface PoolDraft {
  readonly pool: CredentialPool;
  /** It is in use from now on. */
  adopt(): void;
}

/** Its end is shown only where that gives little of it away. */
const shortestShown = 16;
const longestMessage = 300;

function labelOf(place: number, key: string): string {
  return key.length < shortestShown ? `#${place}` : `#${place} …${key.slice(-4)}`;
}

/** `earlier` = how often the same key stands before it in the list. */
function idOf(key: string | undefined, earlier: number): string {
  return key === undefined ? "none" : `${earlier} ${key}`;
}

function isDown(parts: readonly { status: HealthStatus }[]): boolean {
  return parts.length > 0 && parts.every(({ status }) => status === "unhealthy");
}

/** One provider's credentials and what its probes found, kept while configurations come and go. */
export class ProviderState {
  readonly name: string;
  /** Not configured any more: forgotten when nothing is on its way to it. */
  isGone = false;
  /** Where it is; `undefined` until it is configured. */
  baseUrl: string | undefined;
  private credentials: readonly PooledCredential[] = [];
  private readonly options: ProviderOptions;
  /** Also those that are no longer configured but have requests on their way. */
  private readonly known = new Map<string, CredentialState>();
  private probe: ProviderHealthView["probe"];
  /** It has refused its list of models to a credential, so that a list says something of one. */
  private keysMatter = false;

  constructor(name: string, options: ProviderOptions) {
    this.name = name;
    this.options = options;
  }

  get inFlight(): number {
    let sum = 0;
    for (const credential of this.known.values()) sum += credential.inFlight;
    return sum;
  }

  /** A pool for a configuration, which changes nothing before it is adopted. */
  draft({ baseUrl, credentials, balance }: ResolvedProvider): PoolDraft {
    // What another host said of a key says nothing.
    const known: ReadonlyMap<string, CredentialState> = baseUrl === this.baseUrl ? this.known : new Map();
    const states = new Map<string, CredentialState>();
    const stateOf = (key: string | undefined, earlier: number): CredentialState => {
      const id = idOf(key, earlier);
      const state = known.get(id) ?? new CredentialState({ ...this.options, provider: this.name, key });
      states.set(id, state);
      return state;
    };
    const configured = credentials.map(({ key, weight, ...limits }, index) => {
      const earlier = credentials.slice(0, index).filter((one) => one.key === key).length;
      const label = labelOf(index + 1, key);
      const scope = limitScope({ kind: "credential", id: `${this.name}/${label}` }, limits);
      return new PooledCredential(stateOf(key, earlier), { label, weight, scope });
    });
    const keyless = { label: "none", weight: 1, scope: undefined };
    const members = configured.length === 0 ? [new PooledCredential(stateOf(undefined, 0), keyless)] : configured;
    return {
      pool: createCredentialPool({ members, balance, random: this.options.random }),
      adopt: () => this.adopt(baseUrl, members, states),
    };
  }

  /** Whether the provider is there. */
  probed({ at, ms, credential, outcome }: ProbeResult): boolean {
    const error = outcome === "ok" ? undefined : this.told(withoutSecret(outcome, credential.key));
    const status = error && upstreamStatusOf(error);
    this.keysMatter ||= status === 401;
    // Not everybody has a list, or shows it to every key: any other answer of the provider's own says that it is there.
    const isThere = error === undefined || (status !== undefined && status < 500 && status !== 401);
    this.probe = { at, ms, ok: isThere, message: error?.message.slice(0, longestMessage) };
    const known = credential instanceof PooledCredential ? credential.state : undefined;
    const asked = this.credentials.find(({ state }) => state === known);
    asked?.state.probed(error ?? "ok", { keysMatter: this.keysMatter, label: asked.label });
    return isThere;
  }

  /** Another gateway has found it out. */
  heard(change: CredentialChange): void {
    for (const state of this.known.values()) if (state.mark === change.mark) state.heard(change);
  }

  view(targets: readonly TargetState[]): ProviderHealthView {
    const credentials = this.credentials.map((credential) => credential.view());
    const views = targets.map((target) => ({ ...target.view(), model: target.model }));
    const isDoubtful = [...credentials, ...views].some(({ status }) => status !== "healthy");
    const usable: HealthStatus = isDoubtful || this.probe?.ok === false ? "degraded" : "healthy";
    const status = isDown(credentials) || isDown(views) ? "unhealthy" : usable;
    return { provider: this.name, status, probe: this.probe, targets: views, credentials };
  }

  private told(error: GatewayError): GatewayError {
    return this.options.keepsWords ? error : withoutWords(error);
  }

  private adopt(
    baseUrl: string,
    credentials: readonly PooledCredential[],
    states: ReadonlyMap<string, CredentialState>,
  ): void {
    if (baseUrl !== this.baseUrl) this.moved(baseUrl);
    this.credentials = credentials;
    for (const [id, state] of this.known) if (state.inFlight === 0 && !states.has(id)) this.known.delete(id);
    for (const [id, state] of states) this.known.set(id, state);
  }

  private moved(baseUrl: string): void {
    this.baseUrl = baseUrl;
    this.known.clear();
    this.probe = undefined;
    this.keysMatter = false;
  }
}
