export interface SilenceWatch {
  /** One look, of many at equal times: asks, unless the last question is still open. */
  look(): void;
}

export interface SilenceWatchOptions<Answer> {
  /** Rejects where nobody is there any more. */
  readonly ask: () => Promise<Answer>;
  readonly onAnswer: (answer: Answer) => void;
  /** So many looks found no answer to one question: called once. */
  readonly onSilent: () => void;
  readonly looks: number;
}

/**
 * Tells a process that hangs from a busy one. Looks count, not the clock: where this process stood still as well, the time in
 * between says nothing of the other. A late answer is an answer.
 */
export function createSilenceWatch<Answer>(options: SilenceWatchOptions<Answer>): SilenceWatch {
  const { ask, onAnswer, onSilent, looks } = options;
  /** Looks since the open question; `undefined` = there is none. */
  let waited: number | undefined;

  async function question(): Promise<void> {
    waited = 0;
    try {
      onAnswer(await ask());
    } catch {
      // Its end is told otherwise.
    }
    waited = undefined;
  }

  return {
    look() {
      if (waited === undefined) {
        void question();
        return;
      }
      waited += 1;
      if (waited === looks) onSilent();
    },
  };
}
