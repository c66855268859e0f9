// `bun scripts/test-clients.ts [NAME…]`: has real coding agents write a file through the gateway, before upstreams of
// several protocols, and be refused. Installs them by itself into .cache/clients; NAME is an agent, or AGENT-MODE, or AGENT-MODE-UPSTREAM.
// What they print is kept in dist/clients, what came out of it in dist/compatibility/agents.json.
import { join } from "node:path";
import { startGateway } from "../test/support/gateway.ts";
import { distFolder } from "./build/paths.ts";
import type { Agent, UpstreamId } from "./clients/agent.ts";
import { claudeCode } from "./clients/claude-code.ts";
import { cline } from "./clients/cline.ts";
import { codex } from "./clients/codex.ts";
import { continueCli } from "./clients/continue.ts";
import { copilotCli } from "./clients/copilot-cli.ts";
import { gatewayConfig } from "./clients/gateway-config.ts";
import { geminiCli } from "./clients/gemini-cli.ts";
import { installChromium, installPackages, whyNoVsCode } from "./clients/install.ts";
import { opencode } from "./clients/opencode.ts";
import { runAgent, type Finding } from "./clients/run-agent.ts";
import { createAgentUpstream, type AgentUpstream } from "./clients/upstream.ts";
import { modes } from "./clients/vscode/modes.ts";
import { runVsCode } from "./clients/vscode/run-vscode.ts";
import { record, type CompatibilityResult } from "./compatibility/results.ts";
import { reportTotals } from "./proof/checks.ts";

const agents: readonly Agent[] = [claudeCode, copilotCli, codex, geminiCli, opencode, continueCli, cline];
const vsCode = { package: "code-server@4.139.1", version: "1.139.1" };
const ports = { upstream: 23_100, agents: 23_101, gateway: 23_102, codeServer: 23_103, chromium: 23_104 };

interface Run {
  name: string;
  /** For people. */
  client: string;
  version: string;
  upstream: UpstreamId;
  /** Why it cannot be tried on this machine. */
  skipped?: string | undefined;
  run(): Promise<Finding[]>;
}

function agentRuns(upstream: AgentUpstream, origin: string): Run[] {
  return agents.flatMap((agent) =>
    agent.modes.flatMap((mode) =>
      mode.upstreams.map((upstreamId) => ({
        name: `${agent.id}-${mode.id}-${upstreamId}`,
        client: agent.modes.length === 1 ? agent.name : `${agent.name} (${mode.id})`,
        version: agent.version,
        upstream: upstreamId,
        async run() {
          const installed = await installPackages(agent.id, [`${agent.package}@${agent.version}`]);
          return runAgent({ agent, mode, upstreamId, upstream, origin, installed });
        },
      })),
    ),
  );
}

function vsCodeRuns(upstream: AgentUpstream): Run[] {
  const skipped = whyNoVsCode();
  return modes.flatMap((mode) =>
    mode.upstreams.map((upstreamId) => ({
      name: `vscode-${mode.id}-${upstreamId}`,
      client: `VS Code Copilot Chat (${mode.id})`,
      version: vsCode.version,
      upstream: upstreamId,
      skipped,
      async run() {
        const chromium = await installChromium();
        const installed = await installPackages("code-server", [vsCode.package]);
        return runVsCode({ mode, upstreamId, upstream, ports, chromium, installed });
      },
    })),
  );
}

async function findingsOf(run: Run): Promise<Finding[]> {
  if (run.skipped !== undefined) return [{ feature: "agent", result: "explained", note: run.skipped }];
  try {
    return await run.run();
  } catch (error) {
    return [{ feature: "agent", result: "failed", note: String(error) }];
  }
}

/** Prints a line, and one more for each thing that is wrong. */
function report({ name, skipped }: Run, findings: readonly Finding[], elapsedMs: number): void {
  if (skipped !== undefined) return console.log(`  SKIP  ${name}: ${skipped}`);
  const failures = findings.filter(({ result }) => result === "failed");
  const tried = findings.map(({ feature }) => feature).join(", ");
  console.log(`  ${failures.length === 0 ? "ok   " : "FAIL "} ${name}: ${tried} (${(elapsedMs / 1000).toFixed(1)} s)`);
  for (const { feature, note } of failures) console.log(`        ${feature}: ${note}`);
}

function keyOf({ client, upstream }: CompatibilityResult): string {
  return `${client} ${upstream}`;
}

/** Replaces what was known of the combinations that were tried now. */
async function keep(results: readonly CompatibilityResult[], isComplete: boolean): Promise<void> {
  const folder = join(distFolder, "compatibility");
  const file = Bun.file(join(folder, "agents.json"));
  const known = !isComplete && (await file.exists()) ? ((await file.json()) as CompatibilityResult[]) : [];
  const tried = new Set(results.map(keyOf));
  await record(folder, "agents", [...known.filter((result) => !tried.has(keyOf(result))), ...results]);
}

async function main(): Promise<number> {
  await using upstream = createAgentUpstream(ports.upstream);
  const prefixes = agents.flatMap(({ modes }) => modes.flatMap(({ modelPrefix }) => modelPrefix ?? []));
  await using gateway = await startGateway({
    configText: gatewayConfig(upstream.origin, { prefixes: ["", ...prefixes] }),
    env: { OR_API_KEY: undefined },
    args: ["--port", String(ports.agents)],
  });
  const wanted = process.argv.slice(2);
  const isWanted = ({ name }: Run) =>
    wanted.length === 0 || wanted.some((beginning) => `${name}-`.startsWith(`${beginning}-`));
  const totals = { passed: 0, failed: 0 };
  const results: CompatibilityResult[] = [];
  for (const run of [...agentRuns(upstream, gateway.origin), ...vsCodeRuns(upstream)].filter(isWanted)) {
    const startedAt = performance.now();
    const findings = await findingsOf(run);
    report(run, findings, performance.now() - startedAt);
    const { client, version, upstream: upstreamId } = run;
    if (run.skipped === undefined) totals[findings.every(({ result }) => result === "ok") ? "passed" : "failed"] += 1;
    results.push(...findings.map((finding) => ({ client, version, upstream: upstreamId, ...finding })));
  }
  await Bun.write(join(distFolder, "clients", "gateway.log"), gateway.stdout() + gateway.stderr());
  await keep(results, wanted.length === 0);
  return reportTotals(totals);
}

process.exit(await main());
