import { defineCommand } from "citty";
import { ConfigError, loadConfig } from "../config/load.ts";
import { askYes } from "./ask.ts";
import { askChoices, choicesFromFlags, type Choices } from "./init-choices.ts";
import { environmentSettings, planFiles, writeFiles, type InitPlan } from "./init-files.ts";
import { testKey } from "./init-test.ts";
import { CliError, palette, print, printNote } from "./output.ts";

const description = `Set up: choose a provider, test the key, write .env or orcestator.yaml

Examples:
  orcestator init
  orcestator init --api-key sk-or-... --model openai/gpt-4o --yes
  orcestator init --provider openai-compatible --base-url http://127.0.0.1:8080/v1 --model llama --no-test --yes`;

async function settleTest(choices: Choices, isInteractive: boolean): Promise<void> {
  printNote("Testing the key …");
  const { outcome, message } = await testKey(choices);
  const colors = palette(process.stderr);
  if (outcome === "works") {
    printNote(colors.green(message));
    return;
  }
  if (!isInteractive) throw new CliError(`${message}. Nothing was written; --no-test writes without testing`);
  printNote(colors.yellow(message));
  if (!(await askYes("Save it anyway?"))) throw new CliError("nothing was written");
}

async function settleConflicts({ conflicts }: InitPlan, isInteractive: boolean): Promise<void> {
  if (conflicts.length === 0) return;
  const list = conflicts.map((conflict) => `  ${conflict}`).join("\n");
  if (!isInteractive) {
    throw new CliError(`this would overwrite what is there:\n${list}\nNothing was written; add --force to overwrite`);
  }
  printNote(`This would overwrite what is there:\n${list}`);
  if (!(await askYes("Overwrite it?"))) throw new CliError("nothing was written");
}

/** What else in this folder or in the environment still stands in the way of a start. */
function reportResult(cwd: string, choices: Choices): void {
  for (const [name, value] of environmentSettings(choices)) {
    const fromShell = process.env[name] ?? "";
    if (fromShell === "" || fromShell === value) continue;
    printNote(`Note: ${name} is also set in this shell's environment, and that one wins over .env.`);
  }
  try {
    for (const warning of loadConfig({ cwd }).warnings) printNote(`Note: ${warning}`);
    print("\nStart the gateway with:  orcestator serve");
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    printNote(`Note: the gateway cannot start yet.\n${error.message}`);
  }
}

export default defineCommand({
  meta: { name: "init", description },
  args: {
    provider: {
      type: "string",
      valueHint: "openrouter|openai|anthropic|gemini|ollama|openai-compatible",
      description: "Where the models come from",
    },
    "api-key": {
      type: "string",
      valueHint: "key",
      description: "API key of the provider; several separated by commas",
    },
    "base-url": {
      type: "string",
      valueHint: "url",
      description: "Base URL with its version path, e.g. http://127.0.0.1:8080/v1",
    },
    model: { type: "string", valueHint: "name", description: "Upstream model behind the name orcestator" },
    format: {
      type: "string",
      valueHint: "env|yaml",
      description: "What to write: .env, or orcestator.yaml with the key in .env",
    },
    test: { type: "boolean", default: true, negativeDescription: "Do not test the key", description: "Test the key" },
    force: { type: "boolean", description: "Overwrite existing files and values" },
    yes: { type: "boolean", alias: "y", description: "Ask nothing; flags and defaults only" },
  },
  async run({ args }) {
    const isInteractive = args.yes !== true && process.stdin.isTTY && process.stdout.isTTY;
    const choices = isInteractive ? await askChoices(args) : choicesFromFlags(args);
    const plan = planFiles(process.cwd(), choices);
    if (args.force !== true) await settleConflicts(plan, isInteractive);
    if (args.test) await settleTest(choices, isInteractive);
    writeFiles(plan);
    for (const { path } of plan.files) print(`${palette().green("wrote")} ${path}`);
    reportResult(process.cwd(), choices);
  },
});
