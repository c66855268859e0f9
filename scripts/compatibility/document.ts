import type { CompatibilityResult } from "./results.ts";

interface Upstream {
  id: string;
  name: string;
}

const titles: Readonly<Record<string, string>> = {
  models: "Model list",
  plain: "Plain",
  stream: "Stream",
  tools: "Two tools at once",
  image: "Picture in",
  structured: "JSON by schema",
  error: "Errors",
  abort: "Leaving early",
  usage: "Usage",
  reasoning: "Reasoning",
  signatures: "Reasoning kept across tools",
  count: "Counting tokens",
  embeddings: "Embeddings",
  images: "Pictures out",
  speech: "Speech",
  transcription: "Transcription",
  moderations: "Moderation",
  agent: "Writes a file with its own tool and answers",
  "requests upstream": "Every request is valid upstream",
  "gateway restarted": "Goes on after the gateway was restarted",
};

/** Notes below the tables, each once, numbered by first use. */
function createNotes() {
  const numbers = new Map<string, number>();
  return {
    mark(note: string): string {
      const number = numbers.get(note) ?? numbers.size + 1;
      numbers.set(note, number);
      return `[^${number}]`;
    },
    text: () => [...numbers].map(([note, number]) => `[^${number}]: ${note}`).join("\n"),
  };
}

type Notes = ReturnType<typeof createNotes>;

function cell(found: CompatibilityResult | undefined, notes: Notes): string {
  if (found === undefined) return "–";
  if (found.result === "ok") return "✓";
  const note = found.note.replaceAll(/\s+/g, " ").replaceAll("|", "\\|");
  return found.result === "explained" ? notes.mark(note) : `✗${notes.mark(note)}`;
}

function table(results: readonly CompatibilityResult[], upstreams: readonly Upstream[], notes: Notes): string {
  const known = Object.keys(titles).filter((feature) => results.some((result) => result.feature === feature));
  const others = [...new Set(results.map(({ feature }) => feature))].filter((feature) => !(feature in titles));
  const rows = [...known, ...others].map((feature) => {
    const cells = upstreams.map(({ id }) =>
      cell(
        results.find((result) => result.feature === feature && result.upstream === id),
        notes,
      ),
    );
    return `| ${titles[feature] ?? feature} | ${cells.join(" | ")} |`;
  });
  const head = `| | ${upstreams.map(({ name }) => name).join(" | ")} |`;
  return [head, `| --- |${" :-: |".repeat(upstreams.length)}`, ...rows].join("\n");
}

function summary(results: readonly CompatibilityResult[]): string {
  const count = (wanted: CompatibilityResult["result"]) => results.filter(({ result }) => result === wanted).length;
  const clients = new Set(results.map(({ client }) => client)).size;
  const failed = count("failed") === 0 ? "none failed" : `${count("failed")} failed (✗)`;
  return `${clients} clients, ${results.length} combinations: ${count("ok")} work, ${count("explained")} cannot because of the protocols (numbered), ${failed}.`;
}

/** The document, one table a client in the order of the results. */
export function compatibilityDocument(results: readonly CompatibilityResult[], upstreams: readonly Upstream[]): string {
  const notes = createNotes();
  const clients = [...new Set(results.map(({ client }) => client))];
  const sections = clients.map((client) => {
    const own = results.filter((result) => result.client === client);
    const version = own[0]?.version ?? "";
    return `## ${client}${version === "" ? "" : ` ${version}`}\n\n${table(own, upstreams, notes)}`;
  });
  return `# Which client works with which upstream

Written by \`bun scripts/compatibility.ts\`, which runs the real clients against the gateway, with an upstream behind it that
speaks the protocol of the column, checks every request as the real service would, and plays answers back. ✓ works · –
the client does not have it, or it was not tried · a number: it cannot work, for the reason below, and the client is told.

${summary(results)}

${sections.join("\n\n")}

${notes.text()}
`.replace(/\n+$/, "\n");
}
