interface OpenCall {
  /** Unique in the conversation. */
  id: string;
  /** As the client wrote it, if it did. */
  sent: string | undefined;
  name: string;
  /** Counts the model's turns. */
  turn: number;
}

/** Who answers whom in a conversation whose calls may have no ids. */
export interface CallLedger {
  /** A further turn of the model begins. */
  beginTurn(): void;
  /** The id of a call: the client's where it is given and new, else one made from the call's place in the conversation. */
  open(sent: string | undefined, name: string): string;
  /** The id of the call that a result answers: by id, else the oldest of that name in the latest turn that has one. */
  answer(sent: string | undefined, name: string | undefined): string;
}

export function createCallLedger(): CallLedger {
  const known = new Set<string>();
  const open: OpenCall[] = [];
  let turn = 0;
  let count = 0;

  /** The same history gives the same ids: only the place counts. */
  function placed(stem: string): string {
    let id = `${stem}_${count}`;
    while (known.has(id)) id += "_";
    return id;
  }

  function register(id: string): string {
    count += 1;
    known.add(id);
    return id;
  }

  function take(index: number): string | undefined {
    return open.splice(index, 1)[0]?.id;
  }

  function indexOfAnswered(sent: string | undefined, name: string | undefined): number {
    const bySent = sent === undefined ? -1 : open.findLastIndex((call) => call.sent === sent);
    if (bySent !== -1) return bySent;
    const fits = (call: OpenCall): boolean =>
      (name === undefined || call.name === name) && (sent === undefined || call.sent === undefined);
    const latest = open.findLast(fits)?.turn;
    return open.findIndex((call) => call.turn === latest && fits(call));
  }

  return {
    beginTurn() {
      turn += 1;
    },
    open(sent, name) {
      const isNew = sent !== undefined && !known.has(sent);
      const id = register(isNew ? sent : placed(sent ?? "call_gen"));
      open.push({ id, sent, name, turn });
      return id;
    },
    answer(sent, name) {
      const index = indexOfAnswered(sent, name);
      const id = index === -1 ? undefined : take(index);
      return id ?? sent ?? register(placed("call_gen"));
    },
  };
}
