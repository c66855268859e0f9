/** What the root command lists; a module is loaded only when its command runs, which keeps the start fast. */
export interface CommandEntry {
  readonly summary: string;
  /** Other names; they are not listed by themselves. */
  readonly aliases?: readonly string[];
  /** Lines for the help of a command whose description brings none. */
  readonly examples?: string;
  readonly load: () => Promise<{ default: unknown }>;
}

export const commands: Readonly<Record<string, CommandEntry>> = {
  serve: {
    summary: "Start the gateway",
    examples: `  orcestator serve
  orcestator serve --demo                                      answers by itself, needs no API key
  orcestator serve --config gateway.yaml --port 9000 --open
  orcestator serve --drain-delay 5s --drain 60s                behind a load balancer`,
    load: () => import("./serve.ts"),
  },
  init: {
    summary: "Set up: choose a provider, test the key, write .env or orcestator.yaml",
    load: () => import("./init.ts"),
  },
  import: {
    summary: "Convert the configuration of llm-orch, LiteLLM or OrchestrationApi",
    load: () => import("./import.ts"),
  },
  models: { summary: "List the models this gateway offers", load: () => import("./models.ts") },
  "tail-logs": {
    summary: "Show requests from the traffic log, live",
    aliases: ["tail"],
    load: () => import("./tail-logs.ts"),
  },
  explain: { summary: "Show why a request went where it went", load: () => import("./explain.ts") },
  providers: { summary: "Health of the providers, and why", load: () => import("./providers.ts") },
  stats: { summary: "Requests, errors, tokens, cost and latency", load: () => import("./stats.ts") },
  keys: { summary: "Virtual keys: make, list, limit and revoke them", load: () => import("./keys.ts") },
  teams: { summary: "Teams that keys belong to", load: () => import("./teams.ts") },
  users: { summary: "Those who look after the gateway", load: () => import("./users.ts") },
  prices: { summary: "What models are charged by, and whether it is right", load: () => import("./prices.ts") },
  db: { summary: "Look at the database, or bring its schema up to date", load: () => import("./db.ts") },
  backup: { summary: "Save the database into a file", load: () => import("./backup.ts") },
  restore: { summary: "Bring the database back from a backup", load: () => import("./restore.ts") },
  rekey: { summary: "Seal the secrets in the database with another key", load: () => import("./rekey.ts") },
  health: { summary: "Ask a running gateway whether it is ready", load: () => import("./health.ts") },
  config: {
    summary: "Check, show, compare, export or import the configuration",
    load: () => import("./config.ts"),
  },
  version: { summary: "Show the version of this executable", load: () => import("./version.ts") },
};
