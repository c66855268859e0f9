import { defineCommand } from "citty";
import { isPlainObject } from "../config/path.ts";
import { ConfigError, type LoadedConfig } from "../config/load.ts";
import type { ModelInfo } from "../routing/offered-models.ts";
import { configArgument } from "./config-argument.ts";
import { urlArgument } from "./gateway-arguments.ts";
import { gatewayUrl, type AskedGateway } from "./gateway-url.ts";
import { fetchJson, UnreachableError } from "./http.ts";
import { formatModels } from "./models-format.ts";
import { CliError, palette, print, printJson, printNote } from "./output.ts";
import { outputWidth } from "./output-width.ts";
import { tryLoad } from "./try-load.ts";

const description = `List the models this gateway offers

Examples:
  orcestator models                         from the running gateway, or from the configuration
  orcestator models gpt --provider openrouter
  orcestator models --url https://gateway.example:8000 --key KEY --json`;

const localTimeoutMs = 2000;
const remoteTimeoutMs = 15_000;

function isModelList(body: unknown): body is { data: ModelInfo[] } {
  if (!isPlainObject(body) || !Array.isArray(body["data"])) return false;
  return body["data"].every((item) => isPlainObject(item) && typeof item["id"] === "string");
}

interface Question {
  readonly url: string;
  readonly key: string | undefined;
  readonly timeoutMs: number;
}

async function askServer({ url, key, timeoutMs }: Question): Promise<readonly ModelInfo[]> {
  const { status, body } = await fetchJson({ url: `${url}/v1/models`, token: key, timeoutMs });
  if (status === 401 || status === 403) {
    throw new CliError(`${url} wants a key (HTTP ${status}); give one with --key or ORCH_INBOUND_API_KEYS`);
  }
  if (status !== 200 || !isModelList(body)) {
    throw new UnreachableError(`${url}/v1/models gave no list of models (HTTP ${status}); is that the gateway?`);
  }
  return body.data;
}

function keyIn(loaded: LoadedConfig | ConfigError): string | undefined {
  if (loaded instanceof ConfigError) return undefined;
  return loaded.config.keys.inbound[0] ?? loaded.config.admin.token;
}

interface Request extends AskedGateway {
  readonly key?: string | undefined;
}

async function findModels(request: Request): Promise<readonly ModelInfo[]> {
  const loaded = tryLoad(request.config);
  const key = request.key ?? keyIn(loaded);
  const url = gatewayUrl(request);
  if (request.url !== undefined) return askServer({ url, key, timeoutMs: remoteTimeoutMs });
  try {
    return await askServer({ url, key, timeoutMs: localTimeoutMs });
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    if (loaded instanceof ConfigError) throw loaded;
    printNote(`No gateway answers at ${url}; this is what the configuration offers.`);
    for (const warning of loaded.warnings) printNote(`warning: ${warning}`);
    const { offeredModels } = await import("../routing/offered-models.ts");
    return offeredModels(loaded.config);
  }
}

function matches(model: ModelInfo, filter: string | undefined, provider: string | undefined): boolean {
  if (provider !== undefined && model.provider !== provider) return false;
  const text = `${model.id} ${model.upstream_model ?? ""}`.toLowerCase();
  return filter === undefined || text.includes(filter.toLowerCase());
}

export default defineCommand({
  meta: { name: "models", description },
  args: {
    filter: { type: "positional", required: false, description: "Only models whose name contains this text" },
    provider: { type: "string", valueHint: "name", description: "Only models of this provider" },
    ...urlArgument,
    key: {
      type: "string",
      valueHint: "key",
      description: "Key for that gateway (default: ORCH_INBOUND_API_KEYS, AUTH_TOKEN)",
    },
    ...configArgument,
    json: { type: "boolean", description: "Print JSON" },
  },
  async run({ args }) {
    const all = await findModels(args);
    const models = all.filter((model) => matches(model, args.filter, args.provider));
    if (args.json === true) {
      printJson(models);
      return;
    }
    if (models.length > 0) print(formatModels(models, { width: outputWidth(process.stdout), colors: palette() }));
    const colors = palette(process.stderr);
    printNote(
      colors.gray(models.length === all.length ? `${all.length} models` : `${models.length} of ${all.length} models`),
    );
  },
});
