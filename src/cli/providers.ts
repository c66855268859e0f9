import { defineCommand } from "citty";
import { allProvidersHealthSchema, type ProviderHealth } from "../routing/health/view-schema.ts";
import { adminTokenFor, type AdminAccess, tokenAdvice } from "./admin-token.ts";
import { configArgument } from "./config-argument.ts";
import { accessArguments } from "./gateway-arguments.ts";
import { gatewayUrl } from "./gateway-url.ts";
import { errorMessageIn, fetchJson, UnreachableError, type JsonReply } from "./http.ts";
import { CliError, palette, print, printable, printJson, printNote } from "./output.ts";
import { outputWidth } from "./output-width.ts";
import { formatProvider, formatProviders } from "./providers-format.ts";

const description = `Show the health of a running gateway's providers, and why

Examples:
  orcestator providers                    all of them: circuits, errors, latency, credentials
  orcestator providers openrouter         one of them, with its models and credentials
  orcestator providers --url https://gateway.example:8000 --token TOKEN --json`;

const timeoutMs = 10_000;

interface ProvidersArguments extends AdminAccess {
  readonly name?: string | undefined;
  readonly json?: boolean | undefined;
}

function tokenFor(args: ProvidersArguments): string {
  const found = adminTokenFor(args);
  if (found !== undefined) return found;
  throw new CliError(`the health of providers is told to those who look after the gateway: ${tokenAdvice}`);
}

function messageIn(reply: JsonReply): string {
  const message = errorMessageIn(reply);
  return message === undefined ? "" : `: ${printable(message)}`;
}

async function ask(url: string, token: string): Promise<JsonReply> {
  try {
    return await fetchJson({ url: `${url}/api/providers/health`, token, timeoutMs });
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    throw new CliError(`${error.message}; is the gateway running there?`);
  }
}

async function providersOf(args: ProvidersArguments): Promise<ProviderHealth[]> {
  const url = gatewayUrl(args);
  const token = tokenFor(args);
  const reply = await ask(url, token);
  if (reply.status === 401 || reply.status === 403)
    throw new CliError(`${url} does not accept this admin token (HTTP ${reply.status})${messageIn(reply)}`);
  const { data } = allProvidersHealthSchema.safeParse(reply.body);
  if (reply.status === 200 && data !== undefined) return data.providers;
  throw new CliError(
    `${url} tells nothing of providers (HTTP ${reply.status}); is an Orcestator of this version there?`,
  );
}

function chosen(providers: readonly ProviderHealth[], name: string): ProviderHealth {
  const provider = providers.find((one) => one.provider === name);
  if (provider !== undefined) return provider;
  const names = providers.map((one) => printable(one.provider)).join(", ");
  throw new CliError(`there is no provider ${printable(name)}${names === "" ? "" : `; there are ${names}`}`);
}

function show(providers: readonly ProviderHealth[], name: string | undefined): void {
  const colors = palette();
  const layout = { width: outputWidth(process.stdout), colors, now: Date.now() };
  if (name !== undefined) {
    const { text, note } = formatProvider(chosen(providers, name), layout);
    print(text);
    printNote(palette(process.stderr).gray(printable(note)));
    return;
  }
  if (providers.length === 0) print("No provider is in use.");
  else print(formatProviders(providers, layout));
}

export default defineCommand({
  meta: { name: "providers", description },
  args: {
    name: { type: "positional", required: false, description: "One provider, with its models and credentials" },
    ...accessArguments,
    ...configArgument,
    json: { type: "boolean", description: "Print JSON" },
  },
  async run({ args }) {
    const providers = await providersOf(args);
    if (args.json !== true) show(providers, args.name);
    else printJson(args.name === undefined ? { providers } : chosen(providers, args.name));
  },
});
