import { factsOf } from "../provider-types.ts";
import { upstreamHeaders } from "../upstream-headers.ts";
import { amount, compact, isReference, isSendable, seconds } from "./fields.ts";
import type { LitellmService } from "./litellm-services.ts";
import type { Part } from "./part.ts";
import { azureBase, hostKind, isBaseUrl, kindWithBase, openaiKind, type ProviderKind } from "./provider-kind.ts";

/** Reads one of `litellm_params`, or what its named credential says instead. */
export type ReadParameter = (name: string) => Part;

/** What LiteLLM sets for all deployments. */
export interface CommonSettings {
  readonly retries: number | undefined;
  /** Durations as text. */
  readonly timeout: string | undefined;
  readonly streamTimeout: string | undefined;
}

const noBase = "needs an api_base: nothing says where this server is";

/** `${OLLAMA_API_BASE:-http://…}`: LiteLLM looks there, and knows a place without it. */
function baseFromVariable({ type, baseVariable, baseUrl }: LitellmService, part: Part): string {
  const own = baseUrl ?? factsOf(type).baseUrl;
  if (baseVariable !== undefined) return own === undefined ? `\${${baseVariable}}` : `\${${baseVariable}:-${own}}`;
  if (own === undefined) part.refuse(noBase);
  return own ?? "";
}

function baseOf(read: ReadParameter, service: LitellmService): string {
  const part = read("api_base").isWritten ? read("api_base") : read("base_url");
  const text = part.text()?.trim() ?? "";
  if (text === "") return baseFromVariable(service, part);
  if (!isBaseUrl(text)) part.refuse("must be an http:// or https:// URL without user and password");
  return text;
}

function kindOf(read: ReadParameter, service: LitellmService): ProviderKind {
  const { type } = service;
  const base = baseOf(read, service);
  if (type === "anthropic" || type === "gemini" || type === "ollama") return hostKind(type, base);
  if (type === "azure") return kindWithBase(type, azureBase(base));
  const isOpen = type === "openai" || type === "openai-compatible";
  return isOpen && base !== "" ? openaiKind(base) : kindWithBase(type, base);
}

/** Texts that people write because LiteLLM wants some key where the server wants none. */
const noKey =
  /^(?:none|null|empty|dummy|fake|fake-key|anything|n\/?a|not-needed|no-key|no-key-required|sk-no-key-required)$/i;

function credentialsOf(read: ReadParameter, service: LitellmService, { type }: ProviderKind): string[] {
  const part = read("api_key");
  const token = read("azure_ad_token");
  if (token.isWritten) token.note("tokens of Entra ID are not fetched here; the API key of the resource is used");
  const key = part.text()?.trim() ?? "";
  if (key.startsWith("os.environ/")) {
    part.note(
      'a variable\'s name is made of letters, digits and _ here: the provider is off (enabled: false) until you rename it and write credentials: ["${NAME}"]',
    );
    return [];
  }
  if (key === "" && service.variable !== undefined) return [`\${${service.variable}}`];
  if (key === "" || (noKey.test(key) && !factsOf(type).needsCredential)) return [];
  if (!isSendable(key, part)) return [];
  if (!isReference(key)) part.note('the API key is written out; better put it into .env and write "${NAME}"');
  return [key];
}

function addHeader(headers: Record<string, string>, name: string, part: Part): void {
  const value = part.text();
  if (value === undefined) return;
  if (upstreamHeaders.safeParse({ [name]: value }).success) headers[name.toLowerCase()] = value;
  else part.note("this header cannot be set here; left out");
}

function headersOf(read: ReadParameter): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of ["headers", "extra_headers"]) {
    for (const [header, part] of read(name).entries()) addHeader(headers, header, part);
  }
  const organization = read("organization");
  if (Array.isArray(organization.value))
    organization.note("several organizations are several providers here; left out");
  else if (organization.isWritten) addHeader(headers, "openai-organization", organization);
  return headers;
}

const usualTotalSeconds = 600;
const usualProgressSeconds = 300;

function secondsIn(duration: string): number {
  return Number.parseFloat(duration) / (duration.endsWith("ms") ? 1000 : 1);
}

/** A limit on a whole request would cut off streams that LiteLLM lets run. */
export function isShort(timeout: string): boolean {
  return secondsIn(timeout) < usualTotalSeconds;
}

export const shortTimeout =
  "limits every wait in a stream here (firstByte, idle), and an answer in one piece (answer) while there is another target; the last one may take timeouts.total, 10m";

/**
 * LiteLLM's timeouts are those of one try and of each silence in a stream. Ours of the whole request would cut long
 * streams off, so it is only raised.
 */
function timeoutsOf(read: ReadParameter, common: CommonSettings): Record<string, unknown> {
  const own = { timeout: seconds(read("timeout")), stream: seconds(read("stream_timeout")) };
  const whole = own.timeout ?? common.timeout;
  const stream = own.stream ?? own.timeout ?? common.streamTimeout ?? common.timeout;
  if (own.timeout !== undefined && isShort(own.timeout)) {
    read("timeout").note(shortTimeout);
  }
  return compact({
    firstByte: stream,
    answer: whole,
    idle: stream,
    progress: stream !== undefined && secondsIn(stream) > usualProgressSeconds ? stream : undefined,
    total: whole !== undefined && secondsIn(whole) > usualTotalSeconds ? whole : undefined,
  });
}

const mostRetries = 10;

export function retriesOf(part: Part): number | undefined {
  const found = amount(part);
  if (typeof found === "string") part.note("a number of retries cannot come from a variable; left out");
  if (typeof found !== "number") return undefined;
  if (found > mostRetries) part.note(`at most ${mostRetries} retries are possible here`);
  return Math.min(Math.max(Math.floor(found), 0), mostRetries);
}

/** The entry under `providers` of one deployment, without its limits. */
export function readConnection(
  read: ReadParameter,
  service: LitellmService,
  common: CommonSettings,
): Record<string, unknown> {
  const kind = kindOf(read, service);
  const version = read("api_version").text();
  const credentials = credentialsOf(read, service, kind);
  const isOff = credentials.length === 0 && factsOf(kind.type).needsCredential;
  const retries = retriesOf(read("num_retries")) ?? retriesOf(read("max_retries")) ?? common.retries;
  return compact({
    ...kind,
    apiVersion: kind.type === "azure" ? version : undefined,
    credentials,
    enabled: isOff ? false : undefined,
    headers: headersOf(read),
    retries,
    timeouts: timeoutsOf(read, common),
  });
}
