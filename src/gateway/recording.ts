import type { GatewayError } from "../errors.ts";
import { withoutTokens } from "../keys/token.ts";
import { costOf } from "../prices/cost.ts";
import { type Price, priceAt } from "../prices/price.ts";
import { roughTokens } from "../protocols/canonical/rough-tokens.ts";
import type { Envelope, Observation } from "../protocols/protocol.ts";
import type { RequestFacts } from "../routing/route.ts";
import type { Target } from "../routing/target.ts";
import type { EndReason, Operation, RequestRecord, Usage } from "../telemetry/request-record.ts";
import { completionTokens, promptTokens, unknownUsage, wholeUsage } from "../telemetry/request-record.ts";
import type { ClientCall } from "./call.ts";

/** How long a prompt is, with whatever the request only names. */
type PromptSize = Pick<RequestFacts, "promptTokens">;

/** One request's record while it grows. */
export interface Recording {
  readonly record: RequestRecord;
  /** `performance.now()` at arrival. */
  readonly startedTick: number;
  /** What the client sent could be read. */
  see(envelope: Envelope, size: PromptSize): void;
  /** A target was asked; the last one counts. */
  asked(target: Target): void;
  /** A request goes upstream now: what came before the first one was the gateway's own work. */
  sent(): void;
  /** Time that was spent in a queue, which is nobody's work. */
  waited(milliseconds: number): void;
  /** What is written down of a failure: where no content is kept, nothing that may quote it. */
  causeOf(error: GatewayError): string;
  /** Adds the gateway's own working time. */
  worked(milliseconds: number): void;
  firstContent(): void;
  /** Closes the record and hands it on, once; later calls do nothing. */
  finish(end: RecordingEnd): void;
}

interface RecordingEnd {
  status: number;
  endReason: EndReason;
  error?: GatewayError | undefined;
  observation?: Observation | undefined;
}

interface RecordingOptions {
  call: ClientCall;
  operation: Operation;
  /** What the client speaks. */
  protocol: string;
  textLimit: number;
  /** What a target costs, where it is known; `served` is the model that its answer names. Absent = no cost is computed. */
  priceOf?: ((target: Target, served: string | undefined) => Price | undefined) | undefined;
  onFinish: (record: RequestRecord, error: GatewayError | undefined) => void;
}

const nothingDropped: readonly string[] = [];

function newRecord({ call, operation, protocol }: RecordingOptions): RequestRecord {
  return {
    id: call.requestId,
    startedAt: call.startedAt,
    operation,
    protocol,
    task: call.headers.get("x-orch-task-kind")?.slice(0, 200),
    keyId: call.keyId,
    clientAddress: call.clientAddress,
    userAgent: call.headers.get("user-agent")?.slice(0, 300),
    modelAsked: "",
    modelServed: undefined,
    provider: undefined,
    stream: false,
    status: 0,
    endReason: "completed",
    errorCode: undefined,
    errorMessage: undefined,
    attempts: 0,
    retries: 0,
    credential: undefined,
    lane: undefined,
    trail: undefined,
    usage: unknownUsage,
    usageSource: "none",
    costUsd: undefined,
    costSource: undefined,
    priceUsed: undefined,
    upstreamId: undefined,
    finishReason: undefined,
    latencyMs: 0,
    ttftMs: undefined,
    overheadMs: 0,
    dropped: nothingDropped,
    userText: undefined,
    assistantText: undefined,
  };
}

/** An upstream's refusal may quote the prompt; where no content is kept, only its status is. */
function withoutQuotes(error: GatewayError): string {
  const status = error.details?.["upstreamStatus"];
  return status === undefined ? error.message : `The upstream answered ${JSON.stringify(status)}.`;
}

/** A text that was cut in the middle of a surrogate pair loses its half. */
function wholeCharacters(text: string | undefined): string | undefined {
  return text?.replace(/[\ud800-\udbff]$/, "");
}

/** Clients may send megabytes as a model's name. */
const longestName = 500;

/** Tokens that went by of an answer: four bytes each, and one an event at least. */
function deliveredTokens({ answerBytes, contentEvents }: Observation): number {
  return Math.max(roughTokens(answerBytes), contentEvents);
}

/** What a stream that broke must have used: many upstreams tell of the answer at its end only, if at all. */
function estimate(observation: Observation, size: PromptSize | undefined): Usage | undefined {
  const { usage = unknownUsage } = observation;
  const input = promptTokens(usage) === undefined ? size?.promptTokens() : usage.input;
  const missing = deliveredTokens(observation) - (completionTokens(usage) ?? 0);
  if (missing <= 0 || (input === undefined && promptTokens(usage) === undefined)) return undefined;
  return { ...usage, input, output: (usage.output ?? 0) + missing };
}

function addUsage(record: RequestRecord, observation: Observation, size: PromptSize | undefined): void {
  const isWhole = record.endReason === "completed";
  const estimated = isWhole ? undefined : estimate(observation, size);
  if (estimated !== undefined) {
    record.usage = wholeUsage(estimated);
    record.usageSource = "estimated";
  } else if (observation.usage !== undefined) {
    record.usage = wholeUsage(observation.usage);
    record.usageSource = isWhole ? "upstream" : "partial_upstream";
    record.costUsd = observation.costUsd;
  }
}

/** What the upstream reports counts; what it does not, the price makes of the usage. */
function addCost(record: RequestRecord, price: Price | undefined): void {
  if (record.costUsd !== undefined) record.costSource = "upstream";
  if (price === undefined) return;
  record.priceUsed = priceAt(price, promptTokens(record.usage) ?? 0);
  if (record.costUsd !== undefined) return;
  record.costUsd = costOf(record.usage, record.priceUsed);
  if (record.costUsd !== undefined) record.costSource = "computed";
}

function addObservation(record: RequestRecord, observation: Observation, textLimit: number): void {
  record.modelServed = observation.model ?? record.modelServed;
  record.upstreamId = observation.upstreamId;
  record.finishReason = observation.finishReason;
  if (textLimit > 0) record.assistantText = wholeCharacters(observation.text);
}

/** A client's own key in the place of a model's name is not for whoever reads logs and statistics. */
function hideTokens(record: RequestRecord): void {
  const modelAsked = withoutTokens(record.modelAsked);
  // It names the model at every step; what is left is told by the other fields.
  if (modelAsked !== record.modelAsked) record.trail = undefined;
  record.modelAsked = modelAsked;
  record.modelServed = record.modelServed && withoutTokens(record.modelServed);
  record.errorMessage = record.errorMessage && withoutTokens(record.errorMessage);
}

class RequestRecording implements Recording {
  readonly record: RequestRecord;
  readonly startedTick: number;
  private readonly options: RecordingOptions;
  private envelope: Envelope | undefined;
  private size: PromptSize | undefined;
  private target: Target | undefined;
  private isFinished = false;
  private waitedMs = 0;

  constructor(options: RecordingOptions) {
    this.options = options;
    this.startedTick = options.call.startedTick;
    this.record = newRecord(options);
  }

  see(envelope: Envelope, size: PromptSize): void {
    this.envelope = envelope;
    this.size = size;
    this.record.stream = envelope.stream;
    this.record.modelAsked = (envelope.model ?? "").slice(0, longestName);
  }

  asked(target: Target): void {
    this.target = target;
    this.record.provider = target.upstream.name;
    this.record.modelServed = target.model;
  }

  sent(): void {
    this.record.attempts += 1;
    if (this.record.attempts === 1) this.record.overheadMs += this.elapsedMs() - this.waitedMs;
  }

  waited(milliseconds: number): void {
    this.waitedMs += milliseconds;
  }

  worked(milliseconds: number): void {
    this.record.overheadMs += milliseconds;
  }

  causeOf(error: GatewayError): string {
    return this.options.textLimit > 0 ? error.message : withoutQuotes(error);
  }

  firstContent(): void {
    this.record.ttftMs ??= this.elapsedMs();
  }

  finish({ status, endReason, error, observation }: RecordingEnd): void {
    if (this.isFinished) return;
    this.isFinished = true;
    const { record, envelope } = this;
    const { textLimit, onFinish } = this.options;
    record.status = status;
    record.endReason = endReason;
    record.errorCode = error?.code;
    record.errorMessage = error && this.causeOf(error);
    record.latencyMs = this.elapsedMs();
    if (observation !== undefined) {
      addObservation(record, observation, textLimit);
      addUsage(record, observation, this.size);
      addCost(record, this.price(observation.model));
    }
    hideTokens(record);
    if (textLimit > 0) record.userText = wholeCharacters(envelope?.lastUserText(textLimit));
    onFinish(record, error);
  }

  private price(served: string | undefined): Price | undefined {
    if (this.target === undefined || this.record.usageSource === "none") return undefined;
    // Counting tokens is free everywhere.
    return this.record.operation === "count_tokens" ? undefined : this.options.priceOf?.(this.target, served);
  }

  private elapsedMs(): number {
    return performance.now() - this.options.call.startedTick;
  }
}

export function createRecording(options: RecordingOptions): Recording {
  return new RequestRecording(options);
}
