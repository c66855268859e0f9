import { randomBytes } from "node:crypto";
import type { ResolvedConfig } from "../config/resolve.ts";
import { keystoreWord } from "../config/secret-keys.ts";
import { errorText } from "../lib/error-text.ts";

const entry = { service: "orcestator", name: "secret-key" };

async function keptKey(): Promise<string> {
  const known = await Bun.secrets.get(entry);
  if (known !== null) return known;
  const value = randomBytes(32).toString("hex");
  await Bun.secrets.set({ ...entry, value });
  return value;
}

/** The configuration with the key of the operating system's keystore where it asks for that. Rejects with an Error for people. */
export async function withKeystoreKey(config: ResolvedConfig): Promise<ResolvedConfig> {
  if (config.storage.secretKey !== keystoreWord) return config;
  try {
    return { ...config, storage: { ...config.storage, secretKey: await keptKey() } };
  } catch (error) {
    const advice = "set storage.secretKey (ORCESTATOR_SECRET_KEY) to a key instead, or leave it out for a file";
    throw new Error(`The system's keystore cannot be used (${errorText(error)}): ${advice}.`, { cause: error });
  }
}
