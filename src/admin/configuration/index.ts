import type { SecretBox } from "../../keys/secret-box.ts";
import { noKeyToSealWith } from "../../keys/secret-key-source.ts";
import { GatewayError } from "../../errors.ts";
import { testProvider } from "../../routing/test-provider.ts";
import type { DocumentChange, DocumentStore } from "../../storage/document-store.ts";
import type { AuditTrail } from "../audit-trail.ts";
import type { BeginBudgets } from "../begin-budgets.ts";
import type { ProviderTest } from "../contract/providers.ts";
import { createAdminDocuments } from "../documents.ts";
import { notFound } from "../resource.ts";
import { createChanges, type Kept } from "./changes.ts";
import { createExchange, type Exchange } from "./exchange.ts";
import type { LiveConfig } from "./live-config.ts";
import { modelRules } from "./models.ts";
import { createNamedEntries, lockedText, type NamedEntries } from "./named-entries.ts";
import { createOverlayBook, type OverlayBook } from "./overlay-book.ts";
import { providerRules } from "./providers.ts";

/** Providers, models and the configuration as a whole, as they are served and may be changed. */
export interface Configuration {
  readonly live: LiveConfig;
  readonly providers: NamedEntries;
  readonly models: NamedEntries;
  readonly exchange: Exchange;
  /** Asks a provider for its models. Rejects with GatewayError: 404. */
  testProvider(name: string): Promise<ProviderTest>;
  /** What cannot be stored, or is stored and not served, for want of the key that secrets are sealed with; a line each. */
  notices(): string[];
  /** A change of any document, as the store tells it. */
  apply(change: DocumentChange): void;
  /** All changes that the store had were applied; they are served, and from now on every further one. */
  loaded(): void;
}

/** Where changes are kept. */
export interface ConfigurationStore {
  readonly documents: Pick<DocumentStore, "get" | "put" | "remove" | "list">;
  readonly trail: AuditTrail;
  readonly beginBudgets: BeginBudgets;
  /** Hears what others have changed. Never rejects. */
  readonly look: () => Promise<void>;
}

export interface ConfigurationOptions {
  readonly live: LiveConfig;
  /** `undefined` = nothing can be sealed: what has secrets is not kept. */
  readonly box: SecretBox | undefined;
  /** `undefined` = no database is configured: all can be read, nothing be changed. */
  readonly store: ConfigurationStore | undefined;
  readonly log: { warn(message: string): void };
  readonly now?: () => number;
}

const mostListed = 200;

function noStore(): GatewayError {
  const message =
    "Changes of the configuration are kept in a database, and this gateway has none: set storage.url (OR_DB_PATH=data/orcestator.db, or DATABASE_URL), and start it again.";
  return new GatewayError({ code: "conflict", status: 409, message });
}

function keptIn(
  store: ConfigurationStore | undefined,
  book: OverlayBook,
  box: SecretBox | undefined,
): Kept | undefined {
  if (store === undefined) return undefined;
  const onChange = (change: DocumentChange): void => void book.apply(change);
  return { ...store, box, documents: createAdminDocuments({ documents: store.documents, onChange }) };
}

export function createConfiguration({ live, box, store, log, now = Date.now }: ConfigurationOptions): Configuration {
  const book = createOverlayBook({ box, onProblem: (message) => log.warn(message) });
  const changes = createChanges({ live, book, kept: keptIn(store, book, box), cannotKeep: noStore });
  const providers = createNamedEntries(changes, providerRules);
  const models = createNamedEntries(changes, modelRules);
  let isLoaded = false;
  let isDue = false;

  /** A page of changes comes at once: it is served as one. */
  function serveSoon(): void {
    if (isDue || !isLoaded) return;
    isDue = true;
    queueMicrotask(() => {
      isDue = false;
      live.serve(book.overlay());
    });
  }

  return {
    live,
    providers,
    models,
    exchange: createExchange({ changes, store, now }),
    async testProvider(name) {
      const tested = await testProvider(live.loaded().config, name);
      if (tested === undefined) throw notFound("provider", name);
      const { latencyMs, models: listed, problem } = tested;
      if (listed === undefined) return { ok: false, latencyMs, ...(problem === undefined ? {} : { error: problem }) };
      return { ok: true, latencyMs, models: listed.slice(0, mostListed), count: listed.length };
    },
    notices: () => [
      ...(store !== undefined && box === undefined ? [noKeyToSealWith] : []),
      ...book.locked().map((locked) => lockedText(locked.entry.kind, locked)),
    ],
    apply(change) {
      if (book.apply(change)) serveSoon();
    },
    loaded() {
      isLoaded = true;
      if (book.overlay().length > 0) serveSoon();
    },
  };
}
