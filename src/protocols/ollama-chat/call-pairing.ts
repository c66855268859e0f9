interface PendingCall {
  /** As the client wrote it; `undefined` when it wrote none. */
  written: string | undefined;
  id: string;
  name: string;
}

export interface CallPairing {
  /** A new assistant message: results behind it belong to its calls. */
  begin(): void;
  /** The id of a call; made up where the client sent none, or one that it had sent before. */
  call(written: string | undefined, name: string): string;
  /** The id of the call that a result answers. */
  result(written: string | undefined, name: string | undefined): string;
}

/**
 * Ollama's clients may leave the ids of calls out. The same conversation always gets the same ones, also when it has
 * grown, so that a prompt cache behind the gateway finds its beginning again.
 */
export function createCallPairing(): CallPairing {
  const taken = new Set<string>();
  let pending: PendingCall[] = [];
  let count = 0;

  function fresh(): string {
    for (;;) {
      const id = `call_o${count}`;
      count += 1;
      if (taken.has(id)) continue;
      taken.add(id);
      return id;
    }
  }

  function indexOfAnswered(written: string | undefined, name: string | undefined): number {
    if (written !== undefined) {
      const byId = pending.findIndex((call) => call.written === written);
      // An id of a call that the client wrote without one.
      return byId === -1 ? pending.findIndex((call) => call.id === written) : byId;
    }
    const byName = name === undefined ? -1 : pending.findIndex((call) => call.name === name);
    return byName === -1 && pending.length > 0 ? 0 : byName;
  }

  return {
    begin() {
      pending = [];
    },
    call(written, name) {
      const id = written === undefined || taken.has(written) ? fresh() : written;
      taken.add(id);
      pending.push({ written, id, name });
      return id;
    },
    result(written, name) {
      const index = indexOfAnswered(written, name);
      const answered = index === -1 ? undefined : pending.splice(index, 1)[0];
      return answered?.id ?? written ?? fresh();
    },
  };
}
