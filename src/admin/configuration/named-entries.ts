import { originIn } from "../../config/layers.ts";
import type { LoadedConfig } from "../../config/load.ts";
import { type NamedKind, overlayPlace } from "../../config/overlay.ts";
import { redactTree } from "../../config/redact.ts";
import { GatewayError, invalidRequest } from "../../errors.ts";
import type { By } from "../audit-trail.ts";
import { inLargeParts } from "../in-large-parts.ts";
import { checkVersion, notFound, pageFrom, type Resource, type Step } from "../resource.ts";
import { withoutNulls } from "../stored-fields.ts";
import type { Change, Changes } from "./changes.ts";
import type { OpenedEntry } from "./entry-document.ts";
import { checkNumbers } from "./check-numbers.ts";
import { changeOf, isSameValue } from "./entry-change.ts";
import { stillUsed } from "./still-used.ts";
import { type Fields, writtenEntry } from "./written-entry.ts";

/** What every entry is told with; the rest is what was written of it, secrets masked. */
export interface EntryView extends Record<string, unknown> {
  readonly id: string;
  readonly name: string;
  /** `overlay` = it was made by the admin API; else where it was written. */
  readonly origin: string;
  /** Field → where its value was written. */
  readonly origins: Readonly<Record<string, string>>;
  /** Of the change that is laid over it; 0 = none is. */
  readonly version: number;
  /** Why what is stored of it is not served. */
  readonly problem?: string;
}

export interface EntryPatch extends Record<string, unknown> {
  readonly version?: number | undefined;
}

/** What is peculiar to a kind of entries. */
export interface EntryRules {
  readonly kind: NamedKind;
  /** Names there are, in their order. */
  names(loaded: LoadedConfig): readonly string[];
  /** Told besides what was written. */
  more(loaded: LoadedConfig, name: string): Readonly<Record<string, unknown>>;
  /** Brings other spellings of fields to ours. Throws GatewayError (400). */
  plain(fields: Fields): Fields;
  /** May refuse a sound change, by throwing GatewayError (400). */
  checkChange(change: {
    readonly name: string;
    readonly before: LoadedConfig;
    readonly after: LoadedConfig;
    /** Fields that were sent, and not as a mask. */
    readonly given: ReadonlySet<string>;
  }): void;
  /** May refuse the name of a new entry, by throwing GatewayError (400). */
  checkName(name: string): void;
}

type EntryCreate = Fields & { name: string };

export type NamedEntries = Resource<EntryView, EntryView, EntryCreate, EntryPatch>;

type EntryStep = Step<EntryCreate, EntryPatch>;

/** What a step comes to. */
interface Plan extends Change {
  /** Fields that were sent in full; `undefined` = the entry is removed. */
  readonly given?: ReadonlySet<string>;
  readonly isNews: boolean;
}

function nameOf(step: EntryStep): string {
  return step.action === "create" ? step.input.name : step.id;
}

/** The first steps of a part, as long as each is about another entry: what they come to does not depend on each other. */
function differentEntries(part: readonly EntryStep[]): readonly EntryStep[] {
  const names = part.map(nameOf);
  const again = names.findIndex((name, index) => names.indexOf(name) < index);
  return again === -1 ? part : part.slice(0, again);
}

function resultOf<T>(work: () => T): T | GatewayError {
  try {
    return work();
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
}

function isThere(kind: NamedKind, name: string): GatewayError {
  const message = `There is a ${kind} '${name}' here already; PATCH /api/${kind}s/${encodeURIComponent(name)} changes it.`;
  return new GatewayError({ code: "conflict", status: 409, message });
}

function isBeneath(kind: NamedKind, { name, origin }: { name: string; origin: string }): GatewayError {
  const advice = kind === "provider" ? `, or switch it off: PATCH {"enabled": false}` : "";
  const message = `The ${kind} '${name}' is no change of the admin API: it stands in ${origin}. Take it out there${advice}.`;
  return new GatewayError({ code: "conflict", status: 409, message });
}

/** What is not served, and what to do about it. */
export function lockedText(kind: string, { entry, unopened }: OpenedEntry): string {
  const fields = Object.keys(unopened).join(" and ");
  const advice = `give it the key that sealed it (ORCESTATOR_SECRET_KEY), or set ${fields} again`;
  return `What is stored of the ${kind} '${entry.name}' is not served, for its ${fields} cannot be opened: ${advice}.`;
}

/** Providers or models: what file and environment say, and the changes that are laid over it, as one kind of things. */
export function createNamedEntries(changes: Changes, rules: EntryRules): NamedEntries {
  const { kind } = rules;

  function writtenIn(loaded: LoadedConfig, name: string): Fields | undefined {
    return writtenEntry(loaded.written.tree, { kind, name });
  }

  /** Those that are served, and those that are not because their secrets cannot be opened. */
  function namesIn(loaded: LoadedConfig): string[] {
    const locked = changes.locked().flatMap(({ entry }) => (entry.kind === kind ? entry.name : []));
    return [...new Set([...rules.names(loaded), ...locked])];
  }

  function known(name: string): LoadedConfig {
    const loaded = changes.loaded();
    if (namesIn(loaded).includes(name)) return loaded;
    throw notFound(kind, name);
  }

  function view(loaded: LoadedConfig, name: string): EntryView {
    const place = overlayPlace({ kind, name });
    const { version, entry, locked } = changes.stored({ kind, name });
    const served = writtenIn(loaded, name);
    const fields = served ?? locked?.entry.fields ?? {};
    const more = rules.more(loaded, name);
    // First in order, and in the form that is served.
    const told = { ...more, ...fields, ...more };
    const { origins: written, beneath } = loaded.written;
    const isOwn = (entry ?? locked) !== undefined && writtenEntry(beneath, { kind, name }) === undefined;
    const origins = Object.keys(served ?? {}).map((field) => [field, originIn(written, [...place, field])] as const);
    const below = origins.find(([, origin]) => origin !== "overlay")?.[1] ?? originIn(written, place);
    return {
      id: name,
      name,
      ...(redactTree(told, place) as Fields),
      origin: isOwn ? "overlay" : below,
      origins: Object.fromEntries(origins),
      version,
      ...(locked === undefined ? {} : { problem: lockedText(kind, locked) }),
    };
  }

  function plannedCreation({ name, ...input }: EntryCreate): Plan {
    rules.checkName(name);
    if (namesIn(changes.loaded()).includes(name)) throw isThere(kind, name);
    const fields = rules.plain(withoutNulls(input));
    const change = changeOf(changes, { kind, name }, fields);
    checkNumbers(kind, fields);
    return change;
  }

  function plannedUpdate(name: string, { version, ...input }: EntryPatch): Plan {
    known(name);
    if (Object.keys(input).length === 0) throw invalidRequest(`Nothing is to be changed: name a field of the ${kind}.`);
    checkVersion(kind, { id: name, version: changes.stored({ kind, name }).version }, version);
    const fields = rules.plain(input);
    const change = changeOf(changes, { kind, name }, fields);
    const current = writtenIn(changes.loaded(), name);
    const news = Object.entries(fields).filter(([field, value]) => !isSameValue(value, current?.[field]));
    checkNumbers(kind, Object.fromEntries(news));
    return change;
  }

  function plannedRemoval(name: string): Plan {
    if (changes.stored({ kind, name }).version > 0) return { kind, name, fields: undefined, isNews: true };
    const { origin } = view(known(name), name);
    throw isBeneath(kind, { name, origin });
  }

  /** What a step would change, of what is served now. Throws GatewayError for what the step itself is to blame for. */
  function planned(step: EntryStep): Plan {
    if (step.action === "create") return plannedCreation(step.input);
    return step.action === "update" ? plannedUpdate(step.id, step.patch) : plannedRemoval(step.id);
  }

  /** What would be served with them. Throws GatewayError: 409 where others stand on what is deleted, else 400. */
  function soundWith(plans: readonly Plan[], { config, written }: LoadedConfig): LoadedConfig {
    try {
      return changes.check(plans);
    } catch (error) {
      const [only, ...others] = plans;
      if (!(error instanceof GatewayError) || only === undefined || others.length > 0) throw error;
      const isGone = only.fields === undefined && writtenEntry(written.beneath, only) === undefined;
      throw isGone ? stillUsed(error, { kind, name: only.name, models: Object.keys(config.models) }) : error;
    }
  }

  /** Throws GatewayError where the configuration would not be sound with all of them. */
  function check(plans: readonly Plan[]): void {
    const before = changes.loaded();
    const after = soundWith(plans, before);
    for (const { name, given } of plans) if (given !== undefined) rules.checkChange({ name, before, after, given });
  }

  function told(name: string): EntryView | undefined {
    const loaded = changes.loaded();
    return namesIn(loaded).includes(name) ? view(loaded, name) : undefined;
  }

  /** Keeps all of them, or the first ones: so many, and why no more. Rejects with GatewayError where none was kept. */
  async function keep(plans: readonly Plan[], by: By): Promise<{ count: number; problem?: GatewayError }> {
    const before = plans.map(({ name }) => told(name));
    let count = 0;
    let problem: GatewayError | undefined;
    try {
      await changes.keep(plans, (written) => (count = written));
    } catch (error) {
      if (count === 0 || !(error instanceof GatewayError)) throw error;
      problem = error;
    }
    for (const [index, { name, fields }] of plans.slice(0, count).entries()) {
      const was = before[index];
      const action = was === undefined ? "create" : fields === undefined ? "delete" : "update";
      await changes.tell(
        { action: `${kind}.${action}`, subject: `${kind}/${name}`, before: was, after: told(name) },
        by,
      );
    }
    return { count, ...(problem && { problem }) };
  }

  /** Makes the first changes of a part, as many as can be made at once. Rejects with GatewayError where none was made. */
  async function make(part: readonly EntryStep[], by: By): Promise<(EntryView | void | GatewayError)[]> {
    const plans = differentEntries(part).map((step) => resultOf(() => planned(step)));
    const news = plans.filter((plan): plan is Plan => !(plan instanceof GatewayError) && plan.isNews);
    if (news.length > 0) check(news);
    const { count, problem } = news.length > 0 ? await keep(news, by) : { count: 0 };
    const missed = news[count];
    const done = missed === undefined ? plans : plans.slice(0, plans.indexOf(missed));
    const loaded = changes.loaded();
    const made = done.map((plan) => {
      if (plan instanceof GatewayError) return plan;
      return plan.fields === undefined ? undefined : view(loaded, plan.name);
    });
    return problem === undefined ? made : [...made, problem];
  }

  async function makeOne(step: EntryStep, by: By): Promise<EntryView | void> {
    const [made] = await changes.alone(() => make([step], by));
    if (made instanceof GatewayError) throw made;
    return made;
  }

  return {
    page({ limit, cursor }) {
      const loaded = changes.loaded();
      const names = namesIn(loaded);
      if (cursor !== undefined && !names.includes(cursor))
        throw invalidRequest(`cursor names no ${kind} that is there; begin anew without it.`, "cursor");
      const from = cursor === undefined ? 0 : names.indexOf(cursor) + 1;
      const entries = names.slice(from).map((id) => ({ id }));
      return pageFrom(entries, { limit, view: ({ id }) => view(loaded, id) });
    },
    get: (id) => view(known(id), id),
    create: (input, by) => makeOne({ action: "create", input }, by) as Promise<EntryView>,
    patch: (id, patch, by) => makeOne({ action: "update", id, patch }, by) as Promise<EntryView>,
    remove: (id, by) => makeOne({ action: "delete", id }, by) as Promise<void>,
    several: (steps, by) => changes.alone(() => changes.together(() => inLargeParts(steps, (part) => make(part, by)))),
  };
}
