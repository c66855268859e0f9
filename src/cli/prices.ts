import { defineCommand } from "citty";
import { ConfigError, type LoadedConfig } from "../config/load.ts";
import { configuredTargets } from "../prices/configured-targets.ts";
import { createPriceBook } from "../prices/price-book.ts";
import { type PriceReport, priceReport, priceReportSchema, type PriceRow } from "../prices/price-report.ts";
import { createPriceTable } from "../prices/price-table.ts";
import { viewJson } from "../telemetry/request-view.ts";
import { adminTokenFor, type AdminAccess, tokenAdvice } from "./admin-token.ts";
import { configArgument } from "./config-argument.ts";
import { accessArguments } from "./gateway-arguments.ts";
import { gatewayUrl } from "./gateway-url.ts";
import { fetchJson, UnreachableError } from "./http.ts";
import { CliError, palette, print, printNote } from "./output.ts";
import { outputWidth } from "./output-width.ts";
import { formatPrices, tableNote } from "./prices-format.ts";
import { tryLoad } from "./try-load.ts";

const description = `What this gateway charges its models by, and from where it knows

Examples:
  orcestator prices                             all configured models
  orcestator prices claude                      those with this text in a name
  orcestator prices --url https://gateway.example:8000 --token TOKEN --json`;

const timeoutMs = 10_000;

interface PricesArguments extends AdminAccess {
  readonly filter?: string | undefined;
  readonly json?: boolean | undefined;
}

async function ask(url: string, token: string): Promise<PriceReport> {
  const { status, body } = await fetchJson({ url: `${url}/api/prices`, token, timeoutMs });
  if (status === 401 || status === 403) throw new CliError(`${url} does not accept this admin token (HTTP ${status})`);
  const { data } = priceReportSchema.safeParse(body);
  if (status === 200 && data !== undefined) return data;
  throw new CliError(`${url} tells nothing of prices (HTTP ${status}); is an Orcestator of this version there?`);
}

/** Without a gateway: what the configuration and the table in this executable say. */
function reportHere({ config, warnings }: LoadedConfig): PriceReport {
  for (const warning of warnings) printNote(`warning: ${warning}`);
  const table = createPriceTable({
    onProblem: (error) => {
      throw error;
    },
  });
  const book = createPriceBook({ config: config.prices, table, findListed: () => undefined });
  return priceReport({ targets: configuredTargets(config), book, table, refresh: undefined });
}

async function findReport(args: PricesArguments): Promise<PriceReport> {
  const loaded = tryLoad(args.config);
  const token = adminTokenFor(args);
  const url = gatewayUrl(args);
  if (args.url !== undefined) {
    if (token !== undefined) return ask(url, token);
    throw new CliError(`prices are told to those who look after the gateway: ${tokenAdvice}`);
  }
  try {
    if (token !== undefined) return await ask(url, token);
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
  }
  if (loaded instanceof ConfigError) throw loaded;
  const why = token === undefined ? "No admin token is set to ask a running gateway" : `No gateway answers at ${url}`;
  printNote(`${why}: this is what the configuration and this executable say, without the upstreams' own lists.`);
  return reportHere(loaded);
}

function matches({ model, provider, upstreamModel }: PriceRow, filter: string | undefined): boolean {
  return filter === undefined || `${model} ${provider}/${upstreamModel}`.toLowerCase().includes(filter.toLowerCase());
}

async function showPrices(args: PricesArguments): Promise<void> {
  const report = await findReport(args);
  const prices = report.prices.filter((row) => matches(row, args.filter));
  if (args.json === true) {
    print(viewJson({ ...report, prices }, 2));
    return;
  }
  if (prices.length > 0) print(formatPrices(prices, { width: outputWidth(process.stdout), colors: palette() }));
  const { gray } = palette(process.stderr);
  printNote(gray(prices.length === 0 ? "No configured model has this in its name." : tableNote(report, Date.now())));
}

export default defineCommand({
  meta: { name: "prices", description },
  args: {
    filter: { type: "positional", required: false, description: "Only models with this text in their names" },
    ...accessArguments,
    ...configArgument,
    json: { type: "boolean", description: "Print JSON" },
  },
  subCommands: {
    reconcile: () => import("./prices-reconcile.ts").then(({ default: command }) => command),
  },
  run: ({ args }) => showPrices(args),
});
