import { accessSync, constants } from "node:fs";
import { resolve } from "node:path";
import { choiceWarnings } from "./checks/check-choices.ts";
import type { CheckContext, CheckResult } from "./checks/check-context.ts";
import { parameterProblems } from "./checks/check-parameters.ts";
import { priceProblems, priceWarnings } from "./checks/check-prices.ts";
import { providerProblems, providerWarnings } from "./checks/check-providers.ts";
import { referenceProblems, referenceWarnings } from "./checks/check-references.ts";
import type { LocatedProblem } from "./config-error.ts";
import { serverAddressOf } from "./database-url.ts";
import type { ResolvedConfig } from "./resolve.ts";

/** What OR_API_KEY is and every way to set it. */
function missingKeyMessage(cwd: string): string {
  return [
    "OR_API_KEY is not set, so there is no provider to send requests to.",
    "It is your OpenRouter API key (https://openrouter.ai/keys). Set it in one of these ways:",
    '  PowerShell  $env:OR_API_KEY = "sk-or-..."',
    "  cmd.exe     set OR_API_KEY=sk-or-...",
    '  bash, zsh   export OR_API_KEY="sk-or-..."',
    `  .env file   the line OR_API_KEY=sk-or-... in a file named .env in ${cwd}`,
    "Or run `orcestator init`, which asks for everything and tests the key;",
    "or `orcestator serve --demo`, which needs no key and answers by itself.",
  ].join("\n");
}

/** Files that a server with this configuration reads at start. */
function fileProblems(config: ResolvedConfig, cwd: string): LocatedProblem[] {
  const { tls } = config.server;
  const files: [LocatedProblem["path"], string][] = [];
  if (tls !== undefined) files.push([["server", "tls", "cert"], tls.cert], [["server", "tls", "key"], tls.key]);
  const rootCertificate = config.storage.url && serverAddressOf(config.storage.url)?.rootCertificate;
  if (rootCertificate !== undefined) files.push([["storage", "url"], rootCertificate]);
  for (const [name, { enabled, ca }] of Object.entries(config.providers)) {
    if (enabled && ca !== undefined) files.push([["providers", name, "ca"], ca]);
  }
  return files.flatMap(([path, file]): LocatedProblem[] => {
    try {
      accessSync(resolve(cwd, file), constants.R_OK);
      return [];
    } catch {
      const message = `the file ${resolve(cwd, file)} cannot be read; give the path of a PEM file`;
      return [{ kind: "invalid", path, message }];
    }
  });
}

/** What the schema cannot see: references between parts, and what a provider's type demands. */
export function checkConfig(config: ResolvedConfig, context: CheckContext): CheckResult {
  const { cwd, declared, needsFiles } = context;
  const problems = [
    ...providerProblems(config, context),
    ...referenceProblems(config, context),
    ...parameterProblems(config),
    ...priceProblems(config),
  ];
  if (needsFiles) problems.push(...fileProblems(config, cwd));
  if (declared.providers.length === 0) {
    problems.push({ kind: "missing-credential", path: [], message: missingKeyMessage(cwd) });
  }
  return {
    problems,
    warnings: [
      ...providerWarnings(config, context),
      ...referenceWarnings(config, context),
      ...choiceWarnings(config),
      ...priceWarnings(config),
    ],
  };
}
