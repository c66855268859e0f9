import { originIn } from "../../config/layers.ts";
import type { LoadedConfig } from "../../config/load.ts";
import { type NamedKind, overlayPlace } from "../../config/overlay.ts";
import { redactTree } from "../../config/redact.ts";
import { GatewayError, invalidRequest } from "../../errors.ts";
import type { By } from "../audit-trail.ts";
import { checkVersion, notFound, pageFrom, type Resource } from "../resource.ts";
import { withoutNulls } from "../stored-fields.ts";
import type { Changes } from "./changes.ts";
import type { OpenedEntry } from "./entry-document.ts";
import { checkNumbers } from "./check-numbers.ts";
import { changeOf, isSameValue, type ReadyChange } from "./entry-change.ts";
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

export type NamedEntries = Resource<EntryView, EntryView, Fields & { name: string }, EntryPatch>;

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

  function check(change: ReadyChange): LoadedConfig {
    const before = changes.loaded();
    const after = changes.check([change]);
    rules.checkChange({ name: change.name, before, after, given: change.given });
    return after;
  }

  function told(name: string): EntryView | undefined {
    const loaded = changes.loaded();
    return namesIn(loaded).includes(name) ? view(loaded, name) : undefined;
  }

  async function keep(change: ReadyChange | { name: string; fields: undefined }, by: By): Promise<void> {
    const { name, fields } = change;
    const before = told(name);
    await changes.keep([{ kind, name, fields }]);
    const action = before === undefined ? "create" : fields === undefined ? "delete" : "update";
    await changes.tell({ action: `${kind}.${action}`, subject: `${kind}/${name}`, before, after: told(name) }, by);
  }

  return {
    page({ limit, cursor }) {
      const loaded = changes.loaded();
      const names = namesIn(loaded);
      const from = cursor === undefined ? 0 : names.indexOf(cursor) + 1;
      const entries = names.slice(from).map((id) => ({ id }));
      return pageFrom(entries, { limit, view: ({ id }) => view(loaded, id) });
    },
    get: (id) => view(known(id), id),
    together: (work) => changes.together(work),
    create: ({ name, ...input }, by) =>
      changes.alone(async () => {
        rules.checkName(name);
        if (namesIn(changes.loaded()).includes(name)) throw isThere(kind, name);
        const fields = rules.plain(withoutNulls(input));
        const change = changeOf(changes, { kind, name }, fields);
        checkNumbers(kind, fields);
        check(change);
        await keep(change, by);
        return view(changes.loaded(), name);
      }),
    patch: (id, { version, ...input }, by) =>
      changes.alone(async () => {
        known(id);
        if (Object.keys(input).length === 0)
          throw invalidRequest(`Nothing is to be changed: name a field of the ${kind}.`);
        const stored = changes.stored({ kind, name: id });
        checkVersion(kind, { id, version: stored.version }, version);
        const fields = rules.plain(input);
        const change = changeOf(changes, { kind, name: id }, fields);
        const current = writtenIn(changes.loaded(), id);
        const news = Object.entries(fields).filter(([field, value]) => !isSameValue(value, current?.[field]));
        checkNumbers(kind, Object.fromEntries(news));
        if (!change.isNews) return view(changes.loaded(), id);
        check(change);
        await keep(change, by);
        return view(changes.loaded(), id);
      }),
    remove: (id, by) =>
      changes.alone(async () => {
        const stored = changes.stored({ kind, name: id });
        if (stored.version === 0) {
          const { origin } = view(known(id), id);
          throw isBeneath(kind, { name: id, origin });
        }
        changes.check([{ kind, name: id, fields: undefined }]);
        await keep({ name: id, fields: undefined }, by);
      }),
  };
}
