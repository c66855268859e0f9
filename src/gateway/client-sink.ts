import { bytesOfLatin1, isAscii } from "../lib/latin1.ts";

/** The client's connection, once it takes a stream. */
export interface ClientSink {
  /** Called once. What it returns is what Bun waits for: the stream's end, or as a rejection its cut. */
  open(controller: ReadableStreamDirectController): Promise<void>;
  /** Of a text (latin1). What is written to a full connection is kept for it all the same. */
  write(output: string): void;
  /** The client takes nothing more for now. */
  isFull(): boolean;
  close(): void;
  cut(): void;
}

/** `onRoom`: a connection that was full takes more. */
export function createClientSink(onRoom: () => void): ClientSink {
  let sink: ReadableStreamDirectController | undefined;
  let whole: PromiseWithResolvers<void> | undefined;
  let isFull = false;

  function onDrained(): void {
    isFull = false;
    onRoom();
  }

  return {
    open(controller) {
      sink = controller;
      whole = Promise.withResolvers<void>();
      return whole.promise;
    },
    write(output) {
      // A promise means that the connection is full.
      const room = sink?.write(isAscii(output) ? output : bytesOfLatin1(output));
      if (!(room instanceof Promise) || isFull) return;
      isFull = true;
      room.then(onDrained, onDrained);
    },
    isFull: () => isFull,
    close() {
      void sink?.end();
      whole?.resolve();
    },
    // Bun prints whatever else it is told; the record has the reason.
    cut: () => whole?.reject(undefined),
  };
}
