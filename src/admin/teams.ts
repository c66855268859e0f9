import { GatewayError } from "../errors.ts";
import type { KeyBook } from "../keys/key-book.ts";
import { readTeam, type Team, teamKind } from "../keys/virtual-key.ts";
import type { BudgetOwner } from "../limits/budget-ledger.ts";
import type { Budgets } from "../limits/budgets.ts";
import type { TeamCreate, TeamPatch, TeamView } from "./contract/teams.ts";
import { createResource, type Resource, type ResourceTools } from "./resource.ts";
import { spendingOf } from "./spending.ts";
import { isoTime, withChanges, withoutNulls } from "./stored-fields.ts";

/** Those that keys belong to. */
export type Teams = Resource<TeamView, TeamView, TeamCreate, TeamPatch>;

export interface TeamsOptions extends ResourceTools {
  readonly book: Pick<KeyBook, "keys" | "team" | "teams">;
  readonly budgets: Pick<Budgets, "view" | "forget">;
}

function plainView({ createdAt, ...team }: Team): TeamView {
  return { ...(team as Omit<TeamView, "createdAt">), createdAt: isoTime(createdAt) };
}

function budgetOwner({ id, budgets }: Team): BudgetOwner | undefined {
  return budgets === undefined ? undefined : { kind: "team", id, budgets };
}

function stillHasKeys(id: string, count: number): GatewayError {
  const keys = count === 1 ? "1 key belongs" : `${count} keys belong`;
  const message = `${keys} to the team ${id}: delete them, or give them another teamId, first (GET /api/keys?team=${id}).`;
  return new GatewayError({ code: "conflict", status: 409, message });
}

export function createTeams(options: TeamsOptions): Teams {
  const { book, budgets } = options;

  function checkRemoval({ id }: Team): void {
    let count = 0;
    for (const { teamId } of book.keys()) if (teamId === id) count += 1;
    if (count > 0) throw stillHasKeys(id, count);
  }

  return createResource<Team, TeamView, TeamCreate, TeamPatch>(
    {
      kind: teamKind,
      idPrefix: "team_",
      find: (id) => book.team(id),
      all: (cursor) => book.teams(cursor),
      read: readTeam,
      view: (team) => ({ ...plainView(team), ...spendingOf(budgets, budgetOwner(team)) }),
      plainView,
      made: (input, createdAt) => ({ value: withoutNulls({ ...input, createdAt }) }),
      changed: ({ value }, { version: _version, ...patch }) => Promise.resolve(withChanges(value, patch)),
      checkRemoval,
      onRemoved: (id) => budgets.forget(id),
    },
    options,
  );
}
