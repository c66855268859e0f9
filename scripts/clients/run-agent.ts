import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { distFolder } from "../build/paths.ts";
import type { Agent, AgentMode, Command, UpstreamId } from "./agent.ts";
import type { installPackages } from "./install.ts";
import { endProcessesOf } from "./leftovers.ts";
import { signature, type AgentUpstream, type Task } from "./upstream.ts";

export interface Finding {
  feature: string;
  /** `explained`: it was not tried, or cannot work, for the reason in the note. */
  result: "ok" | "explained" | "failed";
  note: string;
}

export interface AgentTrial {
  agent: Agent;
  mode: AgentMode;
  upstreamId: UpstreamId;
  upstream: AgentUpstream;
  /** Of the gateway. */
  origin: string;
  installed: Awaited<ReturnType<typeof installPackages>>;
}

interface Outcome {
  /** Both streams. */
  output: string;
  code: number;
  isTimedOut: boolean;
  /** Of the file that was to be written. */
  written: string | undefined;
}

const longestRunMs = 120_000;
const fileContent = "Grüße, 世界 👋🏽 (written by a tool)";

function environmentOf({ installed }: AgentTrial, home: string): Record<string, string> {
  const path = [installed.node, installed.bin, process.env["PATH"] ?? ""].join(":");
  return { PATH: path, HOME: home, LANG: "C.UTF-8", TERM: "dumb", NO_COLOR: "1", CI: "1", TMPDIR: home };
}

/** Runs a command to its end, or to the end of its time together with all that it started. */
async function runToEnd(
  command: string[],
  options: { cwd: string; env: Record<string, string>; log: string },
): Promise<Omit<Outcome, "written">> {
  const { log, ...place } = options;
  const child = Bun.spawn(command, { ...place, stdin: "ignore", stdout: "pipe", stderr: "pipe", detached: true });
  let isTimedOut = false;
  const timer = setTimeout(() => {
    isTimedOut = true;
    process.kill(-child.pid, "SIGKILL");
  }, longestRunMs);
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  clearTimeout(timer);
  await Bun.write(log, `$ ${command.join(" ")}\nexit ${code}\n--- stdout\n${stdout}\n--- stderr\n${stderr}\n`);
  return { output: stdout + stderr, code, isTimedOut };
}

function whatHappened({ upstream }: AgentTrial): string {
  const requests = upstream.seen.map(
    ({ protocol, reply, isStream }) => `${protocol}${isStream ? "" : " whole"} → ${reply}`,
  );
  return `upstream saw [${[...requests, ...upstream.strays].join("; ")}]`;
}

function problemsOf(trial: AgentTrial, outcome: Outcome, marker: string): string[] {
  const { seen } = trial.upstream;
  const results = seen.flatMap(({ asked }) => asked.results);
  const problems: string[] = [];
  if (outcome.isTimedOut) problems.push(`not finished after ${longestRunMs / 1000} s`);
  else if (outcome.code !== 0) problems.push(`ended with ${outcome.code}`);
  if (!seen.some(({ reply }) => reply.startsWith("call "))) problems.push("no tool was offered to the model");
  if (results.length === 0) problems.push("no result of a tool came back");
  if (outcome.written === undefined) problems.push("the tool wrote no file");
  else if (outcome.written.trimEnd() !== fileContent) problems.push(`the file holds '${outcome.written}'`);
  if (!outcome.output.includes(marker)) problems.push("the final answer was not shown");
  return problems;
}

/** What a real upstream of this protocol would have refused, each kind once. */
function violationsOf({ upstream }: AgentTrial): string[] {
  return [...new Set(upstream.seen.flatMap(({ violations }) => violations))];
}

/** The state of the reasoning before the tool's call must come back with its result. */
function stateProblems({ upstream }: AgentTrial): string[] {
  const isKept = upstream.seen.some(({ asked }) => asked.results.length > 0 && asked.signatures.includes(signature));
  return isKept ? [] : ["the state of the reasoning before the call did not come back"];
}

function finding(feature: string, problems: readonly string[]): Finding {
  return { feature, result: problems.length === 0 ? "ok" : "failed", note: problems.join("; ") };
}

function traceOf({ agent, mode, upstreamId }: AgentTrial): string {
  return join(distFolder, "clients", `${agent.id}-${mode.id}-${upstreamId}`);
}

/** Starts the agent in a folder of its own and waits for its end. */
async function launch(trial: AgentTrial, task: Omit<Task, "file">, log: string): Promise<Outcome> {
  const { agent, mode, upstream, upstreamId, origin } = trial;
  const home = await mkdtemp(join(tmpdir(), "orcestator-client-"));
  const work = join(home, "work");
  await mkdir(work);
  const file = { path: join(work, "note.txt"), content: fileContent };
  const prompt = `Write the file ${file.path} with the content '${file.content}', then say that it is done.`;
  const model = `${mode.modelPrefix ?? ""}via-${upstreamId}`;
  upstream.begin({ ...task, file });
  try {
    const { command, before, env } = await agent.prepare({ mode: mode.id, origin, model, prompt, home, work });
    const place = { cwd: work, env: { ...environmentOf(trial, home), ...env }, log };
    const full = ([program, ...rest]: Command) => [join(trial.installed.bin, program), ...rest];
    if (before !== undefined) await runToEnd(full(before), place);
    const outcome = await runToEnd(full(command), place);
    const noted = Bun.file(file.path);
    return { ...outcome, written: (await noted.exists()) ? await noted.text() : undefined };
  } finally {
    await endProcessesOf(home);
    await rm(home, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function work(trial: AgentTrial): Promise<Finding[]> {
  const { mode, upstream } = trial;
  const marker = `marker-${crypto.randomUUID().slice(0, 8)}`;
  const outcome = await launch(trial, { marker }, `${traceOf(trial)}.log`);
  await Bun.write(`${traceOf(trial)}.requests.json`, JSON.stringify(upstream.seen, undefined, 1));
  const problems = problemsOf(trial, outcome, marker);
  if (problems.length > 0) return [finding("agent", [...problems, whatHappened(trial)])];
  const findings = [finding("agent", [])];
  // Where the upstream speaks the agent's own protocol, the agent's own words are passed on.
  if (upstream.seen.every(({ protocol }) => protocol !== mode.protocol))
    findings.push(finding("requests upstream", violationsOf(trial)));
  if (upstream.seen.some(({ isStateful }) => isStateful)) findings.push(finding("signatures", stateProblems(trial)));
  return findings;
}

/** What the upstream says must reach the person, and soon. */
async function beRefused(trial: AgentTrial): Promise<Finding> {
  const refusal = { status: 400, message: "The upstream does not want this today." };
  const outcome = await launch(trial, { marker: "never", refusal }, `${traceOf(trial)}-error.log`);
  const problems: string[] = [];
  if (outcome.isTimedOut) problems.push(`not finished after ${longestRunMs / 1000} s`);
  if (!outcome.output.includes(refusal.message)) problems.push("the upstream's message was not shown");
  return finding("error", problems.length === 0 ? [] : [...problems, whatHappened(trial)]);
}

/** Has an agent write a file by a tool and tell of it, and where it is `mode.upstreams[1]` be refused as well. */
export async function runAgent(trial: AgentTrial): Promise<Finding[]> {
  const findings = await work(trial);
  const { upstreams, modelPrefix } = trial.mode;
  if (modelPrefix !== undefined || trial.upstreamId !== upstreams[1]) return findings;
  return [...findings, await beRefused(trial)];
}
