import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startGateway } from "../../../test/support/gateway.ts";
import { distFolder, projectRoot } from "../../build/paths.ts";
import type { UpstreamId } from "../agent.ts";
import { gatewayConfig } from "../gateway-config.ts";
import { endProcessesOf } from "../leftovers.ts";
import type { Finding } from "../run-agent.ts";
import type { FileToWrite } from "../tool-call.ts";
import { signature, type AgentUpstream, type SeenRequest } from "../upstream.ts";
import { startBrowser, type Page } from "./browser.ts";
import { openChat, type ChatView } from "./chat-view.ts";
import { startCodeServer } from "./code-server.ts";
import type { VsCodeMode } from "./modes.ts";

export interface VsCodeTrial {
  mode: VsCodeMode;
  upstreamId: UpstreamId;
  upstream: AgentUpstream;
  ports: { gateway: number; codeServer: number; chromium: number };
  chromium: string;
  installed: { modules: string; node: string };
}

interface Stage {
  trial: VsCodeTrial;
  chat: ChatView;
  page: Page;
  work: string;
  restart(): Promise<void>;
}

const refusal = { status: 400, message: "The upstream does not want this today." };

function replies(seen: readonly SeenRequest[]): string {
  return seen.map(({ protocol, reply }) => `${protocol} → ${reply}`).join("; ");
}

/** The workbench saves a file some time after it has made it. */
async function untilWritten({ path, content }: FileToWrite): Promise<void> {
  const deadline = performance.now() + 5000;
  let written: string | undefined;
  while (performance.now() < deadline) {
    written = await Bun.file(path)
      .text()
      .catch(() => undefined);
    if (written?.trimEnd() === content) return;
    await Bun.sleep(50);
  }
  throw new Error(`${path} holds ${written === undefined ? "nothing" : `'${written}'`}`);
}

/** A prompt that makes the model write a file by a tool and tell of it. */
async function turn({ trial, chat, work }: Stage, number: number): Promise<SeenRequest[]> {
  const { upstream } = trial;
  const file = { path: join(work, `note-${number}.txt`), content: `Grüße, 世界 👋🏽, zum ${number}. Mal` };
  const marker = `marker-${crypto.randomUUID().slice(0, 8)}`;
  upstream.begin({ file, marker });
  try {
    await chat.ask(`Write the file note-${number}.txt, please.`, marker);
  } catch (error) {
    throw new Error(
      `turn ${number}: ${String(error)}; upstream saw [${replies(upstream.seen)}]; the chat shows: ${await chat.text()}`,
      {
        cause: error,
      },
    );
  }
  await untilWritten(file);
  return [...upstream.seen];
}

async function refused({ trial, chat, work }: Stage): Promise<void> {
  trial.upstream.begin({ file: { path: join(work, "never.txt"), content: "" }, marker: "never", refusal });
  await chat.ask("Write the file never.txt, please.", refusal.message);
}

/** The conversation goes on, though all that the gateway kept of it is lost. */
async function afterRestart(stage: Stage): Promise<void> {
  await stage.restart();
  const seen = await turn(stage, 3);
  const isWhole = seen.some(
    ({ asked, played }) => asked.tools.length > 0 && JSON.stringify(played).includes("note-1.txt"),
  );
  failUnless(isWhole, "the turns before were lost");
}

async function attempt(feature: string, run: () => Promise<unknown>): Promise<Finding> {
  return run().then(
    () => ({ feature, result: "ok", note: "" }),
    (error: unknown) => ({ feature, result: "failed", note: error instanceof Error ? error.message : String(error) }),
  );
}

function failUnless(isRight: boolean, what: string): void {
  if (!isRight) throw new Error(what);
}

function came(seen: readonly SeenRequest[]): boolean {
  return seen.some(({ asked }) => asked.signatures.includes(signature));
}

/** The state must come back with the tool's result, and again in the next turn. */
function checkSignatures(turns: readonly SeenRequest[][]): void {
  const [first = [], second = []] = turns;
  failUnless(
    came(first.filter(({ asked }) => asked.results.length > 0)),
    "the state did not come back with the result",
  );
  const opening = second.filter(({ asked }) => asked.tools.length > 0 && asked.results.length === 0);
  failUnless(came(opening), "the state did not come back in the next turn");
}

/** Where what is left of a trial goes, without an ending. */
function traceOf({ mode, upstreamId }: VsCodeTrial): string {
  return join(distFolder, "clients", `vscode-${mode.id}-${upstreamId}`);
}

async function findingsOf(stage: Stage): Promise<Finding[]> {
  const { trial, page } = stage;
  const { mode, upstreamId } = trial;
  const turns: SeenRequest[][] = [];
  const worked = await attempt("agent", async () => {
    turns.push(await turn(stage, 1), await turn(stage, 2));
    // The last of the answer is still being laid out.
    await Bun.sleep(500);
  });
  const isForDocuments = worked.result === "ok" && upstreamId === mode.upstreams[0];
  const picture = isForDocuments ? join(projectRoot, "docs", "images", `vscode-${mode.id}`) : traceOf(trial);
  await Bun.write(`${picture}.png`, await page.screenshot());
  await Bun.write(`${traceOf(trial)}.requests.json`, JSON.stringify(turns, undefined, 1));
  if (worked.result === "failed") return [worked];
  const findings = [worked, await attempt("gateway restarted", () => afterRestart(stage))];
  findings.push(await attempt("error", () => refused(stage)));
  await Bun.write(`${traceOf(trial)}-error.png`, await page.screenshot());
  const seen = turns.flat();
  const violations = [...new Set(seen.flatMap((request) => request.violations))];
  // Where the upstream speaks the client's own protocol, the client's own words are passed on.
  if (seen.every(({ protocol }) => protocol !== mode.protocol))
    findings.push(
      await attempt("requests upstream", async () => failUnless(violations.length === 0, violations.join("; "))),
    );
  if (seen.some(({ isStateful }) => isStateful))
    findings.push(await attempt("signatures", async () => checkSignatures(turns)));
  return findings;
}

/** A gateway that can be started anew in the same place, with all forgotten. */
async function startGateways({ upstreamId, upstream, ports }: VsCodeTrial) {
  const model = `via-${upstreamId}`;
  const start = () =>
    startGateway({
      configText: gatewayConfig(upstream.origin, { isWanted: (name) => name === model }),
      env: { OR_API_KEY: undefined },
      args: ["--port", String(ports.gateway)],
    });
  let gateway = await start();
  let output = "";
  const stop = async () => {
    await gateway.stop();
    output += gateway.stdout() + gateway.stderr();
  };
  return {
    model,
    origin: gateway.origin,
    output: () => output + gateway.stdout() + gateway.stderr(),
    async restart() {
      await stop();
      gateway = await start();
    },
    [Symbol.asyncDispose]: stop,
  };
}

/**
 * Two turns with a tool in Copilot Chat, one more through a gateway that knows nothing of them, and one that the upstream
 * refuses. Rejects only when nothing can be started.
 */
export async function runVsCode(trial: VsCodeTrial): Promise<Finding[]> {
  const { mode, ports, chromium, installed } = trial;
  const home = await mkdtemp(join(tmpdir(), "orcestator-vscode-"));
  const work = join(home, "work");
  const chromiumFolder = join(home, "chromium");
  await mkdir(work);
  try {
    await using gateway = await startGateways(trial);
    const { model, origin } = gateway;
    const languageModels = mode.languageModels({ origin, model });
    await using server = await startCodeServer({ port: ports.codeServer, home, work, languageModels, installed });
    await using page = await startBrowser({ port: ports.chromium, folder: chromiumFolder, program: chromium });
    const chat = await openChat(page, { url: server.url, model }).catch(async (error: unknown) => {
      await Bun.write(`${traceOf(trial)}.png`, await page.screenshot());
      throw error;
    });
    const findings = await findingsOf({ trial, chat, page, work, restart: () => gateway.restart() });
    await Bun.write(`${traceOf(trial)}.log`, gateway.output());
    return findings;
  } finally {
    for (const folder of [home, chromiumFolder]) await endProcessesOf(folder);
    await rm(home, { recursive: true, force: true, maxRetries: 3 });
  }
}
