import { GatewayError } from "../errors.ts";
import type { KeyBook } from "../keys/key-book.ts";
import { readTeam, type Team, teamIdPrefix, teamKind } from "../keys/virtual-key.ts";
import { budgetOwner } from "../limits/budget-owner.ts";
import type { Budgets } from "../limits/budgets.ts";
import type { StoredDocument } from "../storage/document-store.ts";
import type { BeginBudgets } from "./begin-budgets.ts";
import type { TeamCreate, TeamPatch, TeamView } from "./contract/teams.ts";
import { createResource, type Resource, type ResourceTools } from "./resource.ts";
import { spendingOf } from "./spending.ts";
import { keysOfTeam } from "./spent-since.ts";
import { isoTime, withChanges, withoutNulls } from "./stored-fields.ts";

/** Those that keys belong to. */
export type Teams = Resource<TeamView, TeamView, TeamCreate, TeamPatch>;

export interface TeamsOptions extends ResourceTools {
  readonly book: Pick<KeyBook, "keys" | "team" | "teams">;
  readonly budgets: Pick<Budgets, "view" | "forget">;
  readonly beginBudgets: BeginBudgets;
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
  const { book, budgets, beginBudgets } = options;

  function checkRemoval({ id }: Team): void {
    const count = keysOfTeam(book, id).length;
    if (count > 0) throw stillHasKeys(id, count);
  }

  async function changed(document: StoredDocument, { version: _version, ...patch }: TeamPatch): Promise<unknown> {
    const owner = { kind: "team", id: document.id } as const;
    if (patch.budgets) await beginBudgets({ owner, had: readTeam(document)?.budgets, wanted: patch.budgets });
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
