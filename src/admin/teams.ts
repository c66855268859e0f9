import { GatewayError } from "../errors.ts";
import type { KeyBook } from "../keys/key-book.ts";
import { readTeam, type Team, teamIdPrefix, teamKind } from "../keys/virtual-key.ts";
import { budgetOwner } from "../limits/budget-owner.ts";
import type { Budgets } from "../limits/budgets.ts";
import type { StoredDocument } from "../storage/document-store.ts";
import type { RequestStore } from "../storage/store.ts";
import { beginBudgets } from "./begin-budgets.ts";
import type { TeamCreate, TeamPatch, TeamView } from "./contract/teams.ts";
import { createResource, type Resource, type ResourceTools } from "./resource.ts";
import { spendingOf } from "./spending.ts";
import { keysOfTeam, spentByTeam } from "./spent-since.ts";
import { isoTime, withChanges, withoutNulls } from "./stored-fields.ts";

/** Those that keys belong to. */
export type Teams = Resource<TeamView, TeamView, TeamCreate, TeamPatch>;

export interface TeamsOptions extends ResourceTools {
  readonly book: Pick<KeyBook, "keys" | "team" | "teams">;
  readonly budgets: Pick<Budgets, "view" | "forget" | "begin">;
  readonly requests: Pick<RequestStore, "keyTotals">;
}

function plainView({ createdAt, ...team }: Team): TeamView {
  return { ...(team as Omit<TeamView, "createdAt">), createdAt: isoTime(createdAt) };
}

function stillHasKeys(id: string, count: number): GatewayError {
  const keys = count === 1 ? "1 key belongs" : `${count} keys belong`;
  const message = `${keys} to the team ${id}: delete them, or give them another teamId, first (GET /api/keys?team=${id}).`;
  return new GatewayError({ code: "conflict", status: 409, message });
}

export function createTeams(options: TeamsOptions): Teams {
  const { book, budgets, requests } = options;

  function checkRemoval({ id }: Team): void {
    const count = keysOfTeam(book, id).length;
    if (count > 0) throw stillHasKeys(id, count);
  }

  async function changed(document: StoredDocument, { version: _version, ...patch }: TeamPatch): Promise<unknown> {
    const { id } = document;
    if (patch.budgets) {
      const owner = { kind: "team", id } as const;
      const spentSince = (start: number): Promise<number> => spentByTeam(requests, keysOfTeam(book, id), start);
      await beginBudgets(budgets, { owner, had: readTeam(document)?.budgets, wanted: patch.budgets, spentSince });
    }
    return withChanges(document.value, patch);
  }

  return createResource<Team, TeamView, TeamCreate, TeamPatch>(
    {
      kind: teamKind,
      idPrefix: teamIdPrefix,
      find: (id) => book.team(id),
      all: (cursor) => book.teams(cursor),
      read: readTeam,
      view: (team) => ({ ...plainView(team), ...spendingOf(budgets, budgetOwner("team", team)) }),
      plainView,
      made: (input, createdAt) => ({ value: withoutNulls({ ...input, createdAt }) }),
      changed,
      checkRemoval,
      onRemoved: (id) => budgets.forget(id),
    },
    options,
  );
}
