import type { LoadedConfig } from "../../config/load.ts";
import type { CoordinationQuestion, Published } from "../../coordination/parent/messages.ts";
import type { ResponseEntry } from "../../storage/responses/response-store.ts";
import type { LogLine } from "../../telemetry/logger.ts";
import type { MetricSnapshot } from "../../telemetry/metrics-of-workers.ts";
import type { RequestRecord } from "../../telemetry/request-record.ts";

/** How the configuration on disk stands to the one that is served; `undefined` = it is the one. */
export type ConfigOutcome = { readonly refused: string | undefined };

/** What a worker begins with. */
export interface WorkerStart {
  /** As it is served, with the port that all listen on. */
  readonly loaded: LoadedConfig;
  readonly workers: number;
  readonly ringCapacity: number;
  /** Set where the last attempt to read another configuration failed. */
  readonly lastRead: ConfigOutcome | undefined;
}

/** What a worker says to its parent. */
export interface WorkerSpeech {
  tells: {
    log: LogLine;
    /** It serves. */
    serving: null;
    /** It cannot start, for people. */
    failed: string;
    published: Published;
    keepResponse: ResponseEntry;
  };
  asks: {
    start: { question: null; answer: WorkerStart };
    /** Everything is ready but the port. The answer comes when it may be listened on. */
    mayListen: { question: null; answer: null };
    /** Written down by the parent alone. */
    records: { question: readonly RequestRecord[]; answer: null };
    decide: { question: CoordinationQuestion; answer: unknown };
    request: { question: string; answer: RequestRecord | undefined };
    /** A page of the last requests, the newest first. */
    recent: { question: { skip: number; count: number }; answer: readonly RequestRecord[] };
    metrics: { question: null; answer: string };
    /** A response and all that it goes on from. */
    responses: { question: string; answer: readonly ResponseEntry[] };
    forgetResponse: { question: string; answer: null };
  };
}

/** What the parent says to a worker. */
export interface ParentSpeech {
  tells: {
    drain: null;
    cut: null;
    configRead: ConfigOutcome;
    notices: readonly string[];
    published: Published;
  };
  asks: {
    /** The configuration has changed. The answer says why it is not served. */
    reload: { question: null; answer: ConfigOutcome };
    snapshot: { question: null; answer: MetricSnapshot };
  };
}
