import type { TeamView } from "../admin/contract/teams.ts";
import { budgetsText, limitsText } from "./bounds-text.ts";
import type { Column } from "./output.ts";
import { detailsTable, fittingTable, type TableLayout } from "./table-layout.ts";

export function formatTeams(teams: readonly TeamView[], layout: TableLayout): string {
  const columns: Column<TeamView>[] = [
    { title: "ID", text: ({ id }) => id },
    { title: "NAME", text: ({ name }) => name, narrowest: 10 },
    { title: "LIMITS", text: limitsText, narrowest: 8 },
    { title: "SPENT", text: budgetsText, narrowest: 12 },
    { title: "MADE", text: ({ createdAt }) => createdAt.slice(0, 10) },
  ];
  return fittingTable(columns, teams, { ...layout, dispensable: ["MADE", "LIMITS"] });
}

/** One team, a line for each thing that is set. */
export function formatTeam(team: TeamView, layout: Pick<TableLayout, "colors">): string {
  const fields = [
    ["id", team.id],
    ["name", team.name],
    ["created", team.createdAt],
    ["models", team.models?.join(", ")],
    ["limits", limitsText(team)],
    ["spent", budgetsText(team)],
    ["version", String(team.version)],
  ] as const;
  return detailsTable(fields, layout);
}
