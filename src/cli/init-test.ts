import { isPlainObject } from "../config/path.ts";
import { fetchJson, UnreachableError } from "./http.ts";
import { providerFacts, type Choices } from "./init-choices.ts";

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
  const { label } = providerFacts[choices.provider];
  // OpenRouter lists its models for anyone; only /key tells whether a key is good.
  const path = choices.provider === "openrouter" ? "/key" : "/models";
  const headers: Record<string, string> = key === "" ? {} : { authorization: `Bearer ${key}` };
  try {
    const { status, body } = await fetchJson({ url: `${choices.baseUrl}${path}`, headers, timeoutMs });
    if (status === 200) return { outcome: "works", message: `${label} accepts the key.${remaining(body)}` };
    if (status === 401 || status === 403) {
      return { outcome: "refused", message: `${label} refuses the key (HTTP ${status}); check it, or make a new one` };
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
