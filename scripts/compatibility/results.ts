import { Glob } from "bun";
import { join } from "node:path";
import { z } from "zod";

const recorded = z.array(
  z.strictObject({
    client: z.string().min(1),
    version: z.string(),
    upstream: z.enum(["chat", "responses", "claude", "gemini", "ollama"]),
    feature: z.string().min(1),
    result: z.enum(["ok", "explained", "failed"]),
    note: z.string(),
  }),
);

/** One feature of one client before one upstream. */
export type CompatibilityResult = z.infer<typeof recorded>[number];

/** What other programmes wrote into the folder; nothing when there is none. Throws where a file is not of this form. */
export async function readRecorded(folder: string): Promise<CompatibilityResult[]> {
  const names: string[] = await Array.fromAsync(new Glob("*.json").scan({ cwd: folder })).catch(() => []);
  const results: CompatibilityResult[] = [];
  for (const name of names.toSorted()) {
    const parsed = recorded.safeParse(await Bun.file(join(folder, name)).json());
    if (!parsed.success) throw new Error(`${join(folder, name)}: ${z.prettifyError(parsed.error)}`);
    results.push(...parsed.data);
  }
  return results;
}

/** Replaces what one programme wrote before. */
export async function record(folder: string, name: string, results: readonly CompatibilityResult[]): Promise<void> {
  await Bun.write(join(folder, `${name}.json`), `${JSON.stringify(recorded.parse(results), undefined, 2)}\n`);
}
