import type { Store } from "../store.ts";
import { appendSteps, auditPageSteps, deleteAuditSteps } from "./audit.ts";
import type { Dialect } from "./dialect.ts";
import {
  changesSteps,
  forgetRemovedSteps,
  getSteps,
  listDocumentsSteps,
  putSteps,
  removeSteps,
  updateSteps,
} from "./documents.ts";
import { deletedNamesSteps } from "./names.ts";
import type { Steps } from "./steps.ts";

type Carry = <Answer>(steps: () => Steps<Answer>) => Promise<Answer>;

export interface DocumentsAndAuditOptions {
  /** How an engine carries steps out: without changing anything, and all or nothing. */
  readonly read: Carry;
  readonly write: Carry;
  readonly dialect: Dialect;
  readonly now: () => number;
}

/** Documents and the audit log, the same on every engine. */
export function documentsAndAudit(options: DocumentsAndAuditOptions): Pick<Store, "documents" | "audit"> {
  const { read, write, dialect, now } = options;
  const tools = () => ({ dialect, now: now() });
  return {
    documents: {
      get: (kind, id) => read(() => getSteps(kind, id)),
      put: (document) => write(() => putSteps(document, tools())),
      update: (change) => write(() => updateSteps(change, tools())),
      remove: (named) => write(() => removeSteps(named, tools())),
      list: (kind) => read(() => listDocumentsSteps(kind)),
      changesSince: (version) => read(() => changesSteps(version)),
      forgetRemoved: (since) => write(() => forgetRemovedSteps(since)),
    },
    audit: {
      append: (entry) => write(() => appendSteps(entry, tools())),
      list: (query) => read(() => auditPageSteps(query)),
      deletedNames: (kind, ids) => read(() => deletedNamesSteps(kind, ids)),
      deleteBefore: (instant) => write(() => deleteAuditSteps(instant)),
    },
  };
}
