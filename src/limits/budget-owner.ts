import type { BudgetOwner } from "./budget-ledger.ts";

/** A key or a team; a changed one is another object. */
type MaybeBounded = Pick<BudgetOwner, "id"> & { readonly budgets?: BudgetOwner["budgets"] | undefined };

const owners = new WeakMap<MaybeBounded, BudgetOwner>();

/** Whoever has budgets, as those who count them know them; `undefined` = nothing bounds what is spent. */
export function budgetOwner(kind: BudgetOwner["kind"], who: MaybeBounded | undefined): BudgetOwner | undefined {
  if (who?.budgets === undefined || who.budgets.length === 0) return undefined;
  let owner = owners.get(who);
  if (owner === undefined) owners.set(who, (owner = { kind, id: who.id, budgets: who.budgets }));
  return owner;
}
