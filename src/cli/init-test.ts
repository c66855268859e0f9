import { isPlainObject } from "../config/path.ts";
import { factsOf } from "../config/provider-types.ts";
import { providers } from "../providers/registry.ts";
import { fetchJson, UnreachableError } from "./http.ts";
import { serviceName, type Choices } from "./init-choices.ts";

export interface KeyTest {
  readonly outcome: "works" | "refused" | "unclear";
  /** One sentence for people, without the key. */
  readonly message: string;
}

const timeoutMs = 10_000;

function remaining(body: unknown): string {
  const data = isPlainObject(body) ? body["data"] : undefined;
  const credits = isPlainObject(data) ? data["limit_remaining"] : undefined;
  return typeof credits === "number" ? ` It has $${credits.toFixed(2)} left.` : "";
}

async function testOne(choices: Choices, key: string): Promise<KeyTest> {
  const service = serviceName(choices);
  const path = factsOf(choices.provider).credentialTestPath;
  const headers: Record<string, string> = {};
  providers[choices.provider].authorize(headers, key === "" ? undefined : key);
  try {
    const { status, body } = await fetchJson({ url: `${choices.baseUrl}${path}`, headers, timeoutMs });
    if (status === 200) {
      const does = key === "" ? "answers without a key" : "accepts the key";
      return { outcome: "works", message: `${service} ${does}.${remaining(body)}` };
    }
    if (status === 401 || status === 403) {
      if (key === "") return { outcome: "refused", message: `${service} wants a key (HTTP ${status}); give it one` };
      const advice = "check it, or make a new one";
      return { outcome: "refused", message: `${service} refuses the key (HTTP ${status}); ${advice}` };
    }
    return {
      outcome: "unclear",
      message: `${choices.baseUrl}${path} answers HTTP ${status}, which tells nothing about the key`,
    };
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    return { outcome: "unclear", message: `the key could not be tested: ${error.message}` };
  }
}

/** Tries every key of the comma list; the first that is not accepted decides. */
export async function testKey(choices: Choices): Promise<KeyTest> {
  const keys = choices.apiKey.split(",").map((key) => key.trim());
  let result: KeyTest = { outcome: "works", message: "" };
  for (const [index, key] of keys.entries()) {
    result = await testOne(choices, key);
    if (result.outcome === "works") continue;
    const which = keys.length === 1 ? "" : `key ${index + 1} of ${keys.length}: `;
    return { ...result, message: which + result.message };
  }
  return result;
}
