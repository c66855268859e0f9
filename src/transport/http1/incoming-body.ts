/** Bytes that wait for their reader; above this the connection is not read on. */
const mostWaiting = 256 * 1024;

interface Pace {
  pause(): void;
  resume(): void;
}

/** A body on its way from its connection to its reader. */
export interface IncomingBody {
  push(piece: Uint8Array): void;
  end(): void;
  /** The connection broke: what came before is read first. Nothing, when the body has ended. */
  fail(error: Error): void;
  /** From outside: what came and is not read is lost, too. */
  stop(reason: Error): void;
  /** See UpstreamReply. */
  read(): Promise<Uint8Array | undefined>;
  /** The reader is gone. */
  drop(): void;
}

interface Reader {
  resolve: (piece: Uint8Array | undefined) => void;
  reject: (error: Error) => void;
}

const noMore = Promise.resolve(undefined);

export function createIncomingBody(pace: Pace): IncomingBody {
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let reader: Reader | undefined;
  let isEnded = false;
  let failure: Error | undefined;
  let isPaused = false;

  function takeReader(): Reader | undefined {
    const taken = reader;
    reader = undefined;
    return taken;
  }

  function hold(piece: Uint8Array): void {
    waiting.push(piece);
    waitingBytes += piece.length;
    if (waitingBytes < mostWaiting || isPaused) return;
    isPaused = true;
    pace.pause();
  }

  function release(piece: Uint8Array): void {
    waitingBytes -= piece.length;
    if (!isPaused || waitingBytes >= mostWaiting) return;
    isPaused = false;
    pace.resume();
  }

  function clear(): void {
    waiting = [];
    waitingBytes = 0;
  }

  function breakOff(error: Error): void {
    failure = error;
    takeReader()?.reject(error);
  }

  return {
    push(piece) {
      const taken = takeReader();
      if (taken === undefined) hold(piece);
      else taken.resolve(piece);
    },
    end() {
      isEnded = true;
      takeReader()?.resolve(undefined);
    },
    fail(error) {
      if (!isEnded && failure === undefined) breakOff(error);
    },
    stop(reason) {
      if (failure !== undefined) return;
      clear();
      breakOff(reason);
    },
    read() {
      const piece = waiting.shift();
      if (piece !== undefined) {
        release(piece);
        return Promise.resolve(piece);
      }
      if (failure !== undefined) return Promise.reject(failure);
      if (isEnded) return noMore;
      return new Promise((resolve, reject) => (reader = { resolve, reject }));
    },
    drop() {
      isEnded = true;
      failure = undefined;
      clear();
      takeReader()?.resolve(undefined);
    },
  };
}
