import { latin1Of } from "../../lib/latin1.ts";
import type { ReadableHeaders } from "../headers.ts";
import type { PieceReader, UpstreamReply } from "../reply.ts";
import { FieldHeaders, type ResponseHead } from "./response-head.ts";

/** Bytes that wait for their reader; above this the connection is not read on. */
const mostWaiting = 256 * 1024;

/** What carries the body, as its reader may steer it. */
export interface Pace {
  pause(): void;
  resume(): void;
  /** Leaves the body where it is and closes at once. */
  abandon(): void;
}

/** An answer from its head on, its body on the way from the connection to the reader. */
export class IncomingBody implements UpstreamReply {
  readonly status: number;
  readonly headers: ReadableHeaders;
  private readonly pace: Pace;
  private waiting: Uint8Array[] = [];
  private waitingBytes = 0;
  private reader: PieceReader | undefined;
  private isEnded = false;
  private failure: Error | undefined;
  private isPaused = false;

  constructor({ status, fields }: ResponseHead, pace: Pace) {
    this.status = status;
    this.headers = new FieldHeaders(fields);
    this.pace = pace;
  }

  /** The piece is what lies between `start` and `end`. */
  push(bytes: Uint8Array, start: number, end: number): void {
    const reader = this.takeReader();
    if (reader?.resolveText !== undefined) {
      reader.resolveText(latin1Of(bytes, start, end));
      return;
    }
    const piece = end - start === bytes.length ? bytes : bytes.subarray(start, end);
    if (reader === undefined) this.hold(piece);
    else reader.resolve(piece);
  }

  end(): void {
    this.isEnded = true;
    this.takeReader()?.resolve(undefined);
  }

  /** The connection broke: what came before is read first. Nothing, when the body has ended. */
  fail(error: Error): void {
    if (!this.isEnded && this.failure === undefined) this.breakOff(error);
  }

  /** From outside: what came and is not read is lost, too. */
  stop(reason: Error): void {
    if (this.failure !== undefined) return;
    this.clear();
    this.breakOff(reason);
  }

  read(): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => this.readInto({ resolve, reject }));
  }

  readInto(reader: PieceReader): void {
    const piece = this.waiting.shift();
    if (piece !== undefined) {
      this.release(piece);
      reader.resolve(piece);
    } else if (this.failure !== undefined) reader.reject(this.failure);
    else if (this.isEnded) reader.resolve(undefined);
    else this.reader = reader;
  }

  whole(): Uint8Array | undefined {
    if (!this.isEnded || this.failure !== undefined || this.waiting.length !== 1) return undefined;
    const [piece] = this.waiting;
    this.clear();
    return piece;
  }

  cancel(): void {
    this.isEnded = true;
    this.failure = undefined;
    this.clear();
    this.takeReader()?.resolve(undefined);
    this.pace.abandon();
  }

  private takeReader(): PieceReader | undefined {
    const { reader } = this;
    this.reader = undefined;
    return reader;
  }

  private hold(piece: Uint8Array): void {
    this.waiting.push(piece);
    this.waitingBytes += piece.length;
    if (this.waitingBytes < mostWaiting || this.isPaused) return;
    this.isPaused = true;
    this.pace.pause();
  }

  private release(piece: Uint8Array): void {
    this.waitingBytes -= piece.length;
    if (!this.isPaused || this.waitingBytes >= mostWaiting) return;
    this.isPaused = false;
    this.pace.resume();
  }

  private clear(): void {
    this.waiting = [];
    this.waitingBytes = 0;
  }

  private breakOff(error: Error): void {
    this.failure = error;
    this.takeReader()?.reject(error);
  }
}
