import { factsOf, providerTypeNames, type ProviderType } from "../provider-types.ts";
import { upstreamHeaders } from "../upstream-headers.ts";
import { compact, count, isSendable, noteRest, seconds } from "./fields.ts";
import { providerName } from "./names.ts";
import { copyPart, type Part } from "./part.ts";
import { hostKind, isBaseUrl, kindWithBase, openaiKind, type ProviderKind } from "./provider-kind.ts";

/** One group as a provider of ours. */
export interface Group {
  readonly part: Part;
  readonly name: string;
  /** `providerType` in lower case. */
  readonly type: string;
  /** Names that clients may ask for. */
  readonly offered: readonly string[];
  /** Higher goes first. */
  readonly priority: number;
  /** Entry under `providers` without its priority. */
  readonly tree: Record<string, unknown>;
}

export interface GroupOptions {
  /** The gateway itself is told, no file is made of it: it knows what masked keys stand for. */
  readonly isLive: boolean;
}

/** Reads a field of a group; `name` in lower case without `_`. */
type ReadField = (name: string) => Part;

/** `group_name`, `groupName` and `GroupName` are one name: the export, the API and the database write each its own. */
function plainName(name: PropertyKey | undefined): string {
  return String(name).replaceAll("_", "").toLowerCase();
}

function fieldReader(group: Part): ReadField {
  const keys = new Map(Object.keys(group.value ?? {}).map((key) => [plainName(key), key]));
  return (name) => group.get(keys.get(name) ?? name);
}

function baseUrlOf(part: Part): string {
  const text = part.text()?.trim() ?? "";
  if (text !== "" && !isBaseUrl(text)) part.refuse("must be an http:// or https:// URL without user and password");
  return text;
}

function kindOf(read: ReadField, type: string): ProviderKind {
  const baseUrl = baseUrlOf(read("baseurl"));
  if (type === "openai" || type === "openai_responses") return openaiKind(baseUrl);
  if (type === "anthropic" || type === "gemini" || type === "ollama") return hostKind(type, baseUrl);
  const known = providerTypeNames.find((name) => name === type.replaceAll("_", "-"));
  if (known !== undefined) return kindWithBase(known, baseUrl);
  const part = read("providertype");
  if (baseUrl === "") part.refuse("must be openai, openai_responses, anthropic or gemini");
  else part.note("there is no such type; it is asked by OpenAI's protocol (openai-compatible)");
  return kindWithBase("openai-compatible", baseUrl);
}

function protocolsOf(kind: ProviderKind, type: string): string[] {
  const { protocols, alsoSpeaks } = factsOf(kind.type);
  const speaks: readonly string[] = [...protocols, ...alsoSpeaks];
  return type === "openai_responses" && speaks.includes("openai-responses") ? ["openai-responses"] : [];
}

function texts(part: Part): string[] {
  const found =
    typeof part.value === "string" ? part.value.split(/[\s,]+/) : part.items().map((item) => item.text() ?? "");
  return [...new Set(found.map((text) => text.trim()).filter((text) => text !== ""))];
}

function credentialsOf(part: Part, { isLive }: GroupOptions): string[] {
  const keys = texts(part);
  if (isLive) return keys;
  const whole = keys.filter((key) => !/\*{3}|…/.test(key));
  for (const key of whole) isSendable(key, part);
  if (whole.length < keys.length) part.note("masked keys cannot be carried over; write them yourself");
  if (whole.length > 0) part.note('the API keys are written out; better put them into .env and write "${NAME}"');
  return whole;
}

const policies: readonly string[] = ["round_robin", "random", "least_used", "weighted", "priority"];

/** An unknown policy takes the first key that works there. */
function balanceOf(part: Part): string | undefined {
  const policy = part.text()?.toLowerCase();
  if (policy === undefined || policies.includes(policy)) return policy;
  if (policy !== "failover") part.note("there is no such policy; the keys are used in their order (priority)");
  return "priority";
}

const mostRetries = 10;

function retriesOf(part: Part): number | undefined {
  const found = part.number();
  if (found !== undefined && found > mostRetries) part.note(`at most ${mostRetries} retries are possible here`);
  return found === undefined ? undefined : Math.min(Math.max(Math.floor(found), 0), mostRetries);
}

const usualTotalSeconds = 600;

/** The original waits this long for an answer in one piece and for the beginning of a stream, which may then go on. */
function timeoutsOf(part: Part): Record<string, unknown> {
  const timeout = seconds(part);
  if (timeout === undefined) return {};
  if (Number(part.value) > usualTotalSeconds) return { firstByte: timeout, answer: timeout, total: timeout };
  part.note(
    "limits the wait for a stream's beginning (firstByte), and for an answer in one piece (answer) while there is another target; the last one may take timeouts.total, 10m",
  );
  return { firstByte: timeout, answer: timeout };
}

const notParameters: readonly string[] = ["model", "stream", "messages", "input", "contents"];

function fieldsOf(part: Part): Record<string, unknown> {
  const fields = part.entries().flatMap(([name, item]): [string, unknown][] => {
    if (!notParameters.includes(name) && name !== "" && !name.includes(".")) return [[name, copyPart(item)]];
    item.note("this field cannot be set here; left out");
    return [];
  });
  return Object.fromEntries(fields);
}

function headersOf(part: Part): Record<string, string> {
  const headers = part.entries().flatMap(([name, item]): [string, string][] => {
    const value = item.text();
    if (value !== undefined && upstreamHeaders.safeParse({ [name]: value }).success)
      return [[name.toLowerCase(), value]];
    item.note("this header cannot be set here; left out");
    return [];
  });
  return Object.fromEntries(headers);
}

function proxyOf(read: ReadField): string | undefined {
  const config = read("proxyconfig");
  const option = fieldReader(config);
  if (read("proxyenabled").flag() !== true) return undefined;
  const [type, host, port] = [option("type").text() ?? "http", option("host").text() ?? "", option("port").number()];
  const url = URL.parse(`${type.toLowerCase()}://${host}:${port ?? 8080}`);
  if (host === "" || url === null || !/^https?:$/.test(url.protocol)) {
    config.note("only HTTP proxies can be used; left out, requests go out directly");
    return undefined;
  }
  const [user, password] = [option("username").text() ?? "", option("password").text() ?? ""];
  if (user !== "") {
    url.username = user;
    url.password = password;
    config.note('the proxy\'s password is written out; better put the URL into .env and write "${NAME}"');
  }
  if (option("bypassdomains").items().length > 0) config.note("domains without proxy belong into NO_PROXY; left out");
  return url.href.replace(/\/$/, "");
}

/** What the API and the database say besides settings. */
const quiet = /^(?:id|testmodel|proxyconfig|createdat|updatedat|isdeleted|.*keys|.*count|.*status|.*at)$/;

function readModels(part: Part): string[] {
  const names = texts(part);
  const plain = names.filter((name) => !name.includes("*"));
  if (plain.length < names.length) part.note(starNote);
  return plain;
}

const starNote = "a * is a letter as any other there, and stands for anything here; left out";

function readAliases(part: Part): Record<string, string> {
  const aliases = part.entries().flatMap(([alias, item]): [string, string][] => {
    const model = item.text()?.trim() ?? "";
    if (alias.includes("*") || model.includes("*")) {
      item.note(starNote);
      return [];
    }
    return alias === "" || model === "" || alias === model ? [] : [[alias, model]];
  });
  return Object.fromEntries(aliases);
}

function nameOf(read: ReadField, index: number): string {
  const part = read("groupname");
  const text = part.text()?.trim() ?? "";
  if (text === "") part.refuse("is missing; it must be the name of the group");
  const name = providerName(text, `group-${index + 1}`);
  if (name !== text) part.note(`is called '${name}' here: names are made of letters, digits, '.', '_' and '-'`);
  return name;
}

/** Whether the group is to be used: enabled, and with a key where its service wants one. */
function isOn(read: ReadField, { type }: { type: ProviderType }, credentials: readonly string[]): boolean {
  if (read("enabled").flag() === false) return false;
  if (credentials.length > 0 || !factsOf(type).needsCredential) return true;
  read("apikeys").note("has no key that can be used: the provider is switched off (enabled: false)");
  return false;
}

/** What a group offers; nothing reaches one that offers nothing. */
function readOffer(read: ReadField): { models: string[]; aliases: Record<string, string> } {
  const [models, aliases] = [readModels(read("models")), readAliases(read("modelaliases"))];
  if (models.length + Object.keys(aliases).length === 0) {
    read("models").note("serves no model, so nothing reaches it; list its models");
  }
  return { models, aliases };
}

/** Balance, limits, parameters and the like. */
function readSettings(read: ReadField, hasBalance: boolean): Record<string, unknown> {
  const limit = read("rpmlimit");
  const balance = balanceOf(read("balancepolicy"));
  return {
    balance: hasBalance ? balance : undefined,
    rpm: limit.number() === 0 ? undefined : count(limit),
    parameters: fieldsOf(read("parameters")),
    overrides: fieldsOf(read("parameteroverrides")),
    headers: headersOf(read("headers")),
    proxy: proxyOf(read),
    retries: retriesOf(read("retrycount")),
    timeouts: timeoutsOf(read("timeout")),
  };
}

function noteOthers(group: Part): void {
  for (const { path } of group.rest()) {
    if (quiet.test(plainName(path.at(-1)))) group.get(String(path.at(-1)));
  }
  noteRest(group);
}

/** `undefined` for a group that was deleted. */
export function readGroup(group: Part, index: number, options: GroupOptions = { isLive: false }): Group | undefined {
  const read = fieldReader(group);
  if (read("isdeleted").flag() === true) {
    group.note("was deleted; left out");
    return undefined;
  }
  const name = nameOf(read, index);
  const type = read("providertype").text()?.trim().toLowerCase() ?? "";
  if (type === "") read("providertype").refuse("is missing; it must be openai, openai_responses, anthropic or gemini");
  const kind = kindOf(read, type);
  const credentials = credentialsOf(read("apikeys"), options);
  const { models, aliases } = readOffer(read);
  const { balance, ...settings } = readSettings(read, options.isLive || credentials.length > 1);
  const enabled = isOn(read, kind, credentials) ? undefined : false;
  const protocols = protocolsOf(kind, type);
  const tree = compact({ ...kind, protocols, credentials, balance, models, aliases, enabled, ...settings });
  const priority = read("priority").number() ?? 0;
  if (read("fakestreaming").flag() === true) {
    group.note("fake streaming is not done here: what the provider cannot stream is not streamed");
  }
  noteOthers(group);
  return { part: group, name, type, offered: [...models, ...Object.keys(aliases)], priority, tree };
}
