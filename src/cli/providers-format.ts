import type { ProviderHealth } from "../routing/health/view-schema.ts";
import { fitColumns } from "./fit-columns.ts";
import { formatMs } from "./format-number.ts";
import { type Column, type Paint, type Palette, table } from "./output.ts";
import { longestModel, shortModel } from "./short-model.ts";

export interface ProvidersLayout {
  /** Columns of the terminal; Infinity where the output may be as wide as it needs. */
  width: number;
  colors: Palette;
  /** Epoch milliseconds. */
  now: number;
}

type TargetHealth = ProviderHealth["targets"][number];
type CredentialHealth = ProviderHealth["credentials"][number];
type Place = Pick<TargetHealth, "status" | "errors" | "requests" | "latencyMs">;

const unknown = "-";
/** Narrower ones can hardly be understood, or told apart. */
const tellingReason = 32;
const tellingName = 16;
const narrowestName = 10;
const narrowestState = 12;
const longestReason = 120;

/** `2 of 3`, or the number alone where it is all of them. */
function share(some: number, all: number): string {
  return some === all ? String(all) : `${some} of ${all}`;
}

function untilText(until: number | null | undefined, now: number): string {
  const left = until === null || until === undefined ? 0 : until - now;
  return left > 0 ? ` for ${formatMs(left)}` : "";
}

function errorsText(places: readonly Pick<Place, "errors" | "requests">[]): string {
  const sum = (field: "errors" | "requests"): number => places.reduce((total, place) => total + place[field], 0);
  return sum("requests") === 0 ? unknown : `${sum("errors")}/${sum("requests")}`;
}

/** The slowest counts: it is what one waits for. */
function latencyText(places: readonly Pick<Place, "latencyMs">[]): string {
  const known = places.flatMap(({ latencyMs: { stream, whole } }) => stream ?? whole ?? []);
  return known.length === 0 ? unknown : formatMs(Math.max(...known));
}

function circuitText(targets: readonly TargetHealth[]): string {
  const open = targets.filter(({ circuit }) => circuit === "open").length;
  const trying = targets.filter(({ circuit }) => circuit === "half_open").length;
  const parts = [];
  if (open > 0) parts.push(`${share(open, targets.length)} open`);
  if (trying > 0) parts.push(`${share(trying, targets.length)} half open`);
  return parts.length === 0 ? "closed" : parts.join(", ");
}

/** What goes through without a model (/p/…) has none. */
function modelName({ model }: TargetHealth): string {
  return model === "" ? "(passthrough)" : model;
}

function isCooling({ coolingUntil }: CredentialHealth): boolean {
  return Object.keys(coolingUntil).length > 0;
}

/** A 403 is no limit that passes by itself. */
function isBlocked({ refusedModels }: CredentialHealth): boolean {
  return refusedModels.length > 0;
}

function credentialsText(credentials: readonly CredentialHealth[]): string {
  const disabled = credentials.filter((credential) => credential.disabled).length;
  const resting = credentials.filter((credential) => !credential.disabled && isCooling(credential));
  const blocked = resting.filter(isBlocked).length;
  const cooling = resting.length - blocked;
  const parts = [];
  if (disabled > 0) parts.push(`${share(disabled, credentials.length)} disabled`);
  if (blocked > 0) parts.push(`${share(blocked, credentials.length)} blocked`);
  if (cooling > 0) parts.push(`${share(cooling, credentials.length)} cooling`);
  return parts.length === 0 ? `${credentials.length} ok` : parts.join(", ");
}

function reasonOf({ targets, credentials, probe, status }: ProviderHealth): string {
  if (status === "healthy") return "";
  const worst = targets.find((target) => target.status === "unhealthy") ?? targets.find(({ reason }) => reason);
  if (worst?.reason) return targets.length === 1 ? worst.reason : `${modelName(worst)}: ${worst.reason}`;
  const refused = credentials.find(({ reason }) => reason);
  if (refused?.reason) return `${refused.label}: ${refused.reason}`;
  return probe?.ok === false ? `probe: ${probe.message ?? "failed"}` : "";
}

function stateOf(credential: CredentialHealth, now: number): string {
  const { circuit, disabled, coolingUntil, refusedModels } = credential;
  if (disabled && circuit === "half_open") return "to be tried again";
  if (disabled) return `disabled${untilText(disabled.until, now)}`;
  const all = Object.entries(coolingUntil);
  const models = isBlocked(credential) ? all.filter(([model]) => refusedModels.includes(model)) : all;
  const longest = models.toSorted(([, left], [, right]) => right - left)[0];
  if (longest === undefined) return "ok";
  const more = models.length > 1 ? ` and ${models.length - 1} more` : "";
  return `${isBlocked(credential) ? "blocked" : "cooling"}${untilText(longest[1], now)} (${longest[0]}${more})`;
}

function statusColumn<Row extends Pick<Place, "status">>({ green, yellow, red }: Palette): Column<Row> {
  const paints: Record<Place["status"], Paint> = { healthy: green, degraded: yellow, unhealthy: red };
  return { title: "STATUS", text: ({ status }) => status, paint: ({ status }) => paints[status] };
}

interface Sheet<Row> {
  rows: readonly Row[];
  /** What a row is called. */
  name: Column<Row>;
  facts: readonly Column<Row>[];
  reasonOf: (row: Row) => string;
}

/** One table where it fits into the width, else the reasons in a second one below. */
function format<Row>({ rows, name, facts, reasonOf }: Sheet<Row>, { width, colors }: ProvidersLayout): string {
  const reason: Column<Row> = { title: "REASON", text: reasonOf, maxWidth: longestReason, narrowest: tellingReason };
  const single = fitColumns([{ ...name, narrowest: tellingName }, ...facts, reason], rows, width);
  if (single.fits) return table(single.columns, rows, colors);
  const short = { ...name, narrowest: narrowestName };
  const explained = rows.filter((row) => reasonOf(row) !== "");
  const tables = [table(fitColumns([short, ...facts], rows, width).columns, rows, colors)];
  if (explained.length > 0) {
    const { columns } = fitColumns([short, { ...reason, narrowest: narrowestName }], explained, width);
    tables.push(table(columns, explained, colors));
  }
  return tables.join("\n\n");
}

/** All providers, a line each. */
export function formatProviders(providers: readonly ProviderHealth[], layout: ProvidersLayout): string {
  const facts: Column<ProviderHealth>[] = [
    statusColumn(layout.colors),
    { title: "TARGETS", align: "right", text: ({ targets }) => String(targets.length) },
    { title: "CIRCUIT", text: ({ targets }) => circuitText(targets), narrowest: narrowestState },
    { title: "ERRORS", align: "right", text: ({ targets }) => errorsText(targets) },
    { title: "LATENCY", align: "right", text: ({ targets }) => latencyText(targets) },
    { title: "CREDENTIALS", text: ({ credentials }) => credentialsText(credentials), narrowest: narrowestState },
  ];
  const name: Column<ProviderHealth> = {
    title: "PROVIDER",
    text: ({ provider }) => provider,
    maxWidth: longestModel,
  };
  return format({ rows: providers, name, facts, reasonOf }, layout);
}

function formatTargets(targets: readonly TargetHealth[], layout: ProvidersLayout): string {
  const circuit = (target: TargetHealth): string =>
    target.circuit.replace("_", " ") + untilText(target.openUntil, layout.now);
  const facts: Column<TargetHealth>[] = [
    statusColumn(layout.colors),
    { title: "CIRCUIT", text: circuit },
    { title: "ERRORS", align: "right", text: (target) => errorsText([target]) },
    { title: "AT WORK", align: "right", text: ({ inFlight }) => String(inFlight) },
    { title: "LATENCY", align: "right", text: (target) => latencyText([target]) },
  ];
  const name: Column<TargetHealth> = {
    title: "MODEL",
    text: modelName,
    maxWidth: longestModel,
    shorten: shortModel,
    paint: () => layout.colors.cyan,
  };
  return format({ rows: targets, name, facts, reasonOf: ({ reason }) => reason ?? "" }, layout);
}

function formatCredentials(credentials: readonly CredentialHealth[], layout: ProvidersLayout): string {
  const state = (credential: CredentialHealth): string => stateOf(credential, layout.now);
  const facts: Column<CredentialHealth>[] = [
    statusColumn(layout.colors),
    { title: "STATE", text: state, maxWidth: longestModel, narrowest: narrowestState },
    { title: "ERRORS", align: "right", text: (credential) => errorsText([credential]) },
    { title: "AT WORK", align: "right", text: ({ inFlight }) => String(inFlight) },
  ];
  const name: Column<CredentialHealth> = { title: "CREDENTIAL", text: ({ label }) => label };
  return format({ rows: credentials, name, facts, reasonOf: ({ reason }) => reason ?? "" }, layout);
}

function probeText({ probe }: ProviderHealth, { now }: ProvidersLayout): string {
  if (!probe) return "Its list of models has not been asked for yet (health.probes).";
  const outcome = probe.message ?? `its list of models came after ${formatMs(probe.ms)}`;
  return `Probed ${formatMs(Math.max(0, now - probe.at))} ago: ${outcome}`;
}

/** One provider with its models and its credentials. */
export function formatProvider(provider: ProviderHealth, layout: ProvidersLayout): { text: string; note: string } {
  const { targets, credentials } = provider;
  const tables = targets.length === 0 ? [] : [formatTargets(targets, layout)];
  tables.push(formatCredentials(credentials, layout));
  return { text: tables.join("\n\n"), note: probeText(provider, layout) };
}
