import { expect } from "bun:test";
import {
  brokenEventOf,
  commentOf,
  type FaultProtocol,
  goodText,
  rottenMark,
  rottenText,
} from "../support/fault-wire.ts";
import type { FaultedRequest } from "../support/fault-upstream.ts";
import { wires } from "../support/replay-wires.ts";
import { canary, type Case } from "./cases.ts";
import { attemptsOf, limits, type Breaks, type Closing, type Fails } from "./row.ts";
import { clientOf, type Outcome } from "./run.ts";
import { openaiTypeOf, toldTo } from "./told.ts";

/** Requests that each target of a case gets. */
function expectedAttempts({ expected, targets }: Case): number[] {
  const attempts = Array.from({ length: targets }, () => 0);
  if (expected.kind !== "fails") return attempts.with(0, 1);
  if (!expected.next) return attempts.with(0, attemptsOf(expected, targets > 1));
  return attempts.map((_, index) => {
    if (index > 0 && index === targets - 1) return 1;
    return attemptsOf(expected, index < targets - 1);
  });
}

/** Whether a target that is well answers in the end. */
function isSaved({ expected, targets }: Case): boolean {
  return expected.kind === "fails" && expected.next && targets > 1;
}

function attemptsSeen({ places }: Case, { requests }: Outcome): number[] {
  return requests.map((list, index) => places[index]?.attempts() ?? list.length);
}

function checkAttempts(each: Case, outcome: Outcome): void {
  const seen = attemptsSeen(each, outcome);
  const expected = expectedAttempts(each);
  const total = expected.reduce((sum, count) => sum + count, 0);
  const last = expected.findLastIndex((count) => count > 0);
  expect(outcome.headers.get("x-orcestator-attempts")).toBe(String(total));
  expect(outcome.headers.get("x-orcestator-provider")).toBe(each.providers[last] ?? "");
  // Nobody counts where nobody listens.
  expect(seen).toEqual(expected.map((count, index) => (Number.isNaN(seen[index]) ? Number.NaN : count)));
}

const earlyMs = 60;
/** Longer than promised: one that is late on a loaded machine is no failure, only many are. */
const lateMs = 250;

/** How long after a fault its connection should be closed at the latest, and how much later it was. */
export function latenessOf(request: FaultedRequest, closes: Closing, startedAt: number): number {
  const { abortedAt = Number.NaN } = request.received;
  // The time for all of it counts from the client's question.
  if (closes === limits.total) return abortedAt - startedAt - closes;
  const after = abortedAt - (request.markedAt ?? Number.NaN);
  return after - (typeof closes === "number" ? closes : closes.within);
}

/** No answer goes on upstream once its request has failed; and none is cut that could be read to its end. */
function checkConnections(each: Case, outcome: Outcome): void {
  for (const list of outcome.requests) for (const { received } of list) expect(received.hasEnded()).toBe(true);
  const { closes } = each.expected;
  const { slackMs } = outcome;
  if (closes === undefined) return;
  for (const request of failedRequests(each, outcome)) {
    expect(request.received.abortedAt).toBeNumber();
    const lateness = latenessOf(request, closes, outcome.startedAt);
    expect(lateness).toBeLessThan(lateMs + slackMs);
    if (typeof closes === "number") expect(lateness).toBeGreaterThan(-earlyMs - slackMs);
  }
}

/** What the targets got that were not to answer well. */
export function failedRequests({ targets }: Case, { requests }: Outcome): FaultedRequest[] {
  return requests.filter((_, index) => index === 0 || index < targets - 1).flat();
}

/** An odd stream as a patient client reads it: whatever the line ends, and past what is no JSON. */
function asRead({ client, upstream, row }: Case, text: string): string {
  const broken = brokenEventOf(client);
  if (row.fault === "broken-event") expect(text.includes(broken)).toBe(client === upstream);
  return text.replaceAll("\r\n", "\n").replace(broken, "");
}

function checkGood(each: Case, { status, headers, text }: Outcome): void {
  const client = clientOf(each.client);
  const { isStream } = each;
  expect({ status, text: status === 200 ? "" : text }).toEqual({ status: 200, text: "" });
  const type = headers.get("content-type") ?? "";
  if (isStream) expect(type).toBe(client.streamType);
  else expect(type).toStartWith("application/json");
  const wire = wires[each.client];
  const isLax = each.expected.kind === "good" && each.expected.isLax;
  const read = isLax ? asRead(each, text) : text;
  expect(wire.contentOf(read).text).toBe(goodText);
  if (isSaved(each)) expect(text).not.toMatch(rottenMark);
  if (!isStream) return;
  expect(client.failureOf(read)).toBeUndefined();
  expect(client.isClean(read)).toBe(true);
  if (!isLax) expect(wire.problemsOf(read)).toEqual([]);
}

/** Without the signs of life that an upstream sent. */
function withoutComments(client: FaultProtocol, text: string): string {
  return client === "ollama-chat" ? text.replaceAll(/\n{2,}/g, "\n") : text.replaceAll(commentOf(client), "");
}

function retryAfterOf(headers: Headers): number | undefined {
  const value = headers.get("retry-after");
  return value === null ? undefined : Number(value);
}

/** Faults whose own words a client is told when nothing else is left. */
const speaking = /^(?:status|too-long|unwanted|error-200|error-first|error-preamble)\b/;

function checkRefusal(each: Case, { status, headers, text }: Outcome, { code, retryAfter }: Fails): void {
  const client = clientOf(each.client);
  const told = toldTo(each.client, code);
  expect({ status, text }).toEqual({ status: told.status, text });
  expect(headers.get("content-type")).toStartWith("application/json");
  const body = JSON.parse(text) as { error: { type?: string } };
  const { message, word } = client.errorOf(body, status);
  // OpenAI's own code for a wrong request is passed on.
  expect(word === "invalid_prompt" ? "invalid_request_error" : word).toBe(told.word);
  expect(message).not.toBe("");
  if (each.client.startsWith("openai")) expect(body.error.type).toBe(openaiTypeOf(status, code));
  if (speaking.test(each.row.fault)) expect(message).toContain("Rotten luck");
  const wait = retryAfterOf(headers);
  if (retryAfter === undefined) expect(wait).toBeUndefined();
  else expect(wait ?? Number.NaN).toBeWithin(retryAfter[0], retryAfter[1] + 1);
}

/** An answer without a word, that ends as answers do. */
function checkEmpty(each: Case, { status, text }: Outcome): void {
  const client = clientOf(each.client);
  expect({ status, text: status === 200 ? "" : text }).toEqual({ status: 200, text: "" });
  expect(wires[each.client].contentOf(text).text).toBe("");
  if (!each.isStream) return;
  expect(client.failureOf(text)).toBeUndefined();
  expect(client.isClean(text)).toBe(true);
}

function checkBroken(each: Case, { status, headers, text }: Outcome, { code }: Breaks): void {
  const client = clientOf(each.client);
  expect({ status, text: status === 200 ? "" : text }).toEqual({ status: 200, text: "" });
  expect(headers.get("content-type")).toBe(client.streamType);
  const read = withoutComments(each.client, text);
  const failure = client.failureOf(read);
  expect(failure?.message ?? "").not.toBe("");
  expect(client.isClean(read)).toBe(false);
  expect(rottenText).toStartWith(wires[each.client].contentOf(read).text);
  if (each.row.fault.startsWith("half")) expect(read).toContain(`"${rottenText.slice(0, 3)}`);
  // In the same lane nobody reads when the upstream's answer was made.
  const problems = wires[each.client].problemsOf(read).filter((problem) => problem !== "created has changed");
  expect(problems).toEqual([]);
  if (each.client !== "openai-responses") expect(failure?.word).toBe(toldTo(each.client, code).word);
}

/** Everything that a case must show. */
export function checkCase(each: Case, outcome: Outcome): void {
  const { expected } = each;
  expect(outcome.broken).toBeUndefined();
  expect(outcome.elapsedMs).toBeLessThan(limits.total + 1000);
  expect(outcome.text + JSON.stringify([...outcome.headers])).not.toContain(canary);
  expect(outcome.headers.get("x-request-id")).toMatch(/^req_/);
  if (expected.kind === "good" || isSaved(each)) checkGood(each, outcome);
  else if (expected.kind === "fails" && expected.passesAlone) checkEmpty(each, outcome);
  else if (expected.kind === "fails") checkRefusal(each, outcome, expected);
  else checkBroken(each, outcome, expected);
  checkAttempts(each, outcome);
  checkConnections(each, outcome);
}
