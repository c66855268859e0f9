import { defineCommand } from "citty";
import { teamPageSchema, type TeamView, teamViewSchema } from "../admin/contract/teams.ts";
import { adminArguments, askAdmin } from "./admin-api.ts";
import { boundArguments, boundsOf, clearableBounds, clearArgument, clearedOf } from "./bound-fields.ts";
import { print, printable, printJson } from "./output.ts";
import { changeOne, type CliResource, listArguments, listThem, readAnswer, removeOne, showOne } from "./resource.ts";
import { formatTeam, formatTeams } from "./teams-format.ts";

const teamResource: CliResource<TeamView> = {
  word: "team",
  view: teamViewSchema,
  page: teamPageSchema,
  table: formatTeams,
  details: formatTeam,
};

function changedText(team: TeamView): string {
  return `${printable(team.name)} (${team.id}) is changed.`;
}

const id = { type: "positional", required: true, description: "Id of the team: team_…" } as const;

export const list = defineCommand({
  meta: { name: "list", description: "List teams, the newest first" },
  args: listArguments,
  run: ({ args }) => listThem(teamResource, args),
});

export const create = defineCommand({
  meta: {
    name: "create",
    description: `Make a team; its bounds hold for all its keys together

Examples:
  orcestator teams create platform --budget 500/month
  orcestator keys create alice --team team_…`,
  },
  args: {
    name: { type: "positional", required: true, description: "What it is called" },
    ...boundArguments,
    ...adminArguments,
  },
  async run({ args }) {
    const body = { name: args.name, ...boundsOf(args) };
    const answer = await askAdmin(args, { method: "POST", path: "/api/teams", body });
    if (args.json === true) return printJson(answer);
    const { id: own, name } = readAnswer(teamViewSchema, answer);
    print(`${printable(name)} is made: ${own}`);
  },
});

export const show = defineCommand({
  meta: { name: "show", description: "Show one team, its limits, and what is spent of its budgets" },
  args: { id, ...adminArguments },
  run: ({ args }) => showOne(teamResource, args),
});

export const update = defineCommand({
  meta: {
    name: "update",
    description: `Change what a team may have; what is left out stays

Examples:
  orcestator teams update team_… --rpm 600 --clear models`,
  },
  args: {
    id,
    name: { type: "string", valueHint: "text", description: "Another name" },
    ...boundArguments,
    ...clearArgument,
    ...adminArguments,
  },
  run({ args }) {
    const name = args.name === undefined ? {} : { name: args.name };
    const fields = { ...clearedOf(args.clear, clearableBounds), ...name, ...boundsOf(args) };
    return changeOne(teamResource, args, { fields, told: changedText });
  },
});

export const remove = defineCommand({
  meta: { name: "delete", description: "Delete a team that no key belongs to any more" },
  args: { id, ...adminArguments },
  run: ({ args }) => removeOne(teamResource, args),
});
