import { compact, count, isReference, seconds, type Amount } from "./fields.ts";
import { isShort, retriesOf, shortTimeout, type CommonSettings } from "./litellm-connection.ts";
import { copyPart, type Part } from "./part.ts";

/** The sections besides `model_list`. */
export interface Sections {
  readonly router: Part;
  readonly library: Part;
  readonly general: Part;
}

export function readCommon({ router, library }: Sections): CommonSettings {
  const timeouts = [router.get("timeout"), library.get("request_timeout")] as const;
  const [first, second] = [seconds(timeouts[0]), seconds(timeouts[1])];
  const timeout = first ?? second;
  if (timeout !== undefined && isShort(timeout)) timeouts[first === undefined ? 1 : 0].note(shortTimeout);
  const retries = [retriesOf(router.get("num_retries")), retriesOf(library.get("num_retries"))];
  return { retries: retries[0] ?? retries[1], timeout, streamTimeout: seconds(router.get("stream_timeout")) };
}

function firstCount(...parts: readonly Part[]): Amount | undefined {
  return parts.map(count).find((found) => found !== undefined);
}

/** The limit that LiteLLM sets for every deployment without one. */
export function readConcurrency({ router, general }: Sections): Amount | undefined {
  const parts = [router.get("default_max_parallel_requests"), general.get("max_parallel_requests")];
  const found = firstCount(...parts);
  if (found !== undefined)
    parts.find((part) => part.isWritten)?.note("holds for each provider here, not for each deployment");
  return found;
}

function healthOf({ router, library, general }: Sections): Record<string, unknown> {
  const pick = (name: string): Part => (router.get(name).isWritten ? router.get(name) : library.get(name));
  const fails = pick("allowed_fails").number();
  const disabled = router.get("disable_cooldowns");
  if (disabled.flag() === true) disabled.note("circuits cannot be switched off; health.maxErrors sets when they open");
  return compact({
    probes: general.get("background_health_checks").flag(),
    interval: seconds(general.get("health_check_interval")),
    // LiteLLM rests a deployment when it fails more often than this.
    maxErrors: fails === undefined ? undefined : Math.max(1, Math.floor(fails) + 1),
    cooldown: seconds(pick("cooldown_time")),
  });
}

const shortestToken = 8;

interface Access {
  readonly keys: Record<string, unknown>;
  readonly admin: Record<string, unknown>;
}

/** The master key opens everything in LiteLLM: it is a key of clients and the token of the admin API. */
function accessOf(general: Part): Access {
  const part = general.get("master_key");
  const master = part.text()?.trim() ?? "";
  const header = general.get("litellm_key_header_name");
  const name = header.text()?.trim();
  const isHeader = name !== undefined && /^[A-Za-z0-9-]+$/.test(name);
  if (name !== undefined && !isHeader) header.note("this is no name of a header; left out");
  if (master === "") {
    general.note(
      "without a master_key LiteLLM answers anybody; here only this machine is served without a key (server.anonymous)",
    );
  } else if (!isReference(master)) {
    part.note('the key is written out; better put it into .env and write "${NAME}"');
    if (master.length < shortestToken)
      part.note("too short for admin.token (8 characters); it is a key for clients only");
  }
  const isToken = isReference(master) || master.length >= shortestToken;
  return {
    keys: compact({ inbound: master === "" ? undefined : [master], header: isHeader ? name : undefined }),
    admin: isToken ? { token: master } : {},
  };
}

function loggingOf({ library }: Sections): Record<string, unknown> {
  return compact({
    level: library.get("set_verbose").flag() === true ? "debug" : undefined,
    content: library.get("turn_off_message_logging").flag() === true ? "none" : undefined,
  });
}

const reserved: readonly string[] = ["model", "stream", "messages", "input", "contents"];

/** Fields that the router adds to all requests. */
function parametersOf(part: Part): Record<string, unknown> {
  const fields = part.entries().flatMap(([name, item]): [string, unknown][] => {
    if (
      !reserved.includes(name) &&
      !/^$|\.|_cost_|^(?:api_|metadata$|tags$|rpm$|tpm$|timeout$|max_retries$)/.test(name)
    ) {
      return [[name, copyPart(item)]];
    }
    item.note("there is no counterpart; left out");
    return [];
  });
  return Object.fromEntries(fields);
}

const reasons: Readonly<Record<string, string>> = {
  cache: "answers are not cached yet; left out",
  cache_params: "answers are not cached yet; left out",
  callbacks: "nothing is sent to other systems; there are the traffic log, SQLite and /metrics",
  success_callback: "nothing is sent to other systems; there are the traffic log, SQLite and /metrics",
  failure_callback: "nothing is sent to other systems; there are the traffic log, SQLite and /metrics",
  service_callbacks: "nothing is sent to other systems; there are the traffic log, SQLite and /metrics",
  alerting: "there are no alerts yet; left out",
  alerting_threshold: "there are no alerts yet; left out",
  database_url:
    "virtual keys, teams and budgets are in LiteLLM's database, not in this file; they are not carried over",
  store_model_in_db: "models that LiteLLM keeps in its database are not in this file; they are not carried over",
  redis_host: "LiteLLM's own keys in Redis are not carried over; gateways share limits over redis.url (REDIS_URL)",
  redis_port: "LiteLLM's own keys in Redis are not carried over; gateways share limits over redis.url (REDIS_URL)",
  redis_password: "LiteLLM's own keys in Redis are not carried over; gateways share limits over redis.url (REDIS_URL)",
  redis_url: "LiteLLM's own keys in Redis are not carried over; gateways share limits over redis.url (REDIS_URL)",
  retry_policy: "retries are one number for all causes here (num_retries); what can be repeated is known by itself",
  allowed_fails_policy: "health.maxErrors is one number for all causes; client errors never count",
  retry_after: "waits follow the provider's Retry-After, else a growing delay; left out",
  enable_pre_call_checks:
    "a prompt that is too long is sent elsewhere when the provider refuses it (contextWindowFallbacks)",
  enable_tag_filtering: "routes choose by header, key or model here instead of by tags",
  pass_through_endpoints: "the whole API of a provider is at /p/{provider}/…; other servers cannot be added",
  guardrails: "there are no guardrails; left out",
  max_budget: "there are no budgets yet; left out",
  budget_duration: "there are no budgets yet; left out",
  ssl_verify: "certificates are always checked; name further authorities in `ca` of a provider",
};

/** Keys whose meaning is the usual one here, or that say nothing for a gateway. */
const quiet = {
  router: ["debug_level", "set_verbose"],
  library: ["drop_params", "telemetry", "json_logs", "allowed_fails", "cooldown_time"],
} as const;

function noteSettings(section: Part, known: readonly string[]): void {
  for (const name of known) section.get(name);
  for (const part of section.rest()) {
    const key = String(part.path.at(-1));
    const reason = Object.hasOwn(reasons, key) ? reasons[key] : undefined;
    part.note(reason ?? "there is no counterpart; left out");
  }
}

/** Everything that is no provider and no model, in the order of our file. */
export function convertSettings(sections: Sections): Record<string, unknown> {
  const { router, library, general } = sections;
  const megabytes = general.get("max_request_size_mb").number();
  const { keys, admin } = accessOf(general);
  const total = count(general.get("global_max_parallel_requests"));
  const tree = {
    server: compact({ maxBodyBytes: megabytes === undefined ? undefined : bodyBytes(megabytes) }),
    parameters: parametersOf(router.get("default_litellm_params")),
    health: healthOf(sections),
    limits: total === undefined ? {} : { total: { concurrency: total } },
    keys,
    logging: loggingOf(sections),
    admin,
  };
  noteSettings(router, quiet.router);
  noteSettings(library, quiet.library);
  noteSettings(general, []);
  return tree;
}

function bodyBytes(megabytes: number): number {
  return Math.min(Math.max(Math.round(megabytes * 1024 * 1024), 1024), 1024 ** 3);
}

/** Names, but not the values, of variables that the file sets. */
export function noteVariables(part: Part): void {
  const names = part.entries().map(([name]) => name);
  if (names.length > 0)
    part.note(`put these variables into .env: ${names.map((name) => name.slice(0, 64)).join(", ")}`);
}
