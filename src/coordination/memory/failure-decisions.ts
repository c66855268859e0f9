import type { BoundedSubject, CountFailure, FailureCounted, FailureSubject, ForgiveFailure } from "../decisions.ts";

interface Tally {
  readonly failures: number;
  readonly until: number;
  readonly at: number;
}

/** Looked at with each new one: more than come, or those whose time is over would pile up. */
const looksForEachNew = 2;

function delayOf(failures: number, { free, longestMs }: BoundedSubject): number {
  return failures <= free ? 0 : Math.min(longestMs, 1000 * 2 ** (failures - free - 1));
}

/** Decisions on failures, in memory. */
export class FailureDecisions {
  /** By list and name; the last to fail is the last. */
  private readonly lists = new Map<string, Map<string, Tally>>();

  count({ subjects, rememberedMs, mostNames }: CountFailure, now: number): FailureCounted {
    const waitMs = Math.max(0, ...subjects.map((subject) => this.waitOf(subject, now)));
    if (waitMs > 0) return { waitMs };
    for (const subject of subjects) {
      const list = this.listOf(subject);
      const known = list.get(subject.name);
      const failures = (known === undefined || now - known.at > rememberedMs ? 0 : known.failures) + 1;
      list.delete(subject.name);
      list.set(subject.name, { failures, until: now + delayOf(failures, subject), at: now });
      for (const [name, { at }] of list.entries().take(looksForEachNew))
        if (list.size > mostNames || now - at > rememberedMs) list.delete(name);
    }
    return { waitMs };
  }

  forgive({ subjects }: ForgiveFailure): void {
    for (const subject of subjects) {
      const list = this.listOf(subject);
      const known = list.get(subject.name);
      if (subject.isCleared) list.delete(subject.name);
      else if (known !== undefined)
        list.set(subject.name, { ...known, failures: Math.max(0, known.failures - 1), until: 0 });
    }
  }

  private waitOf(subject: BoundedSubject, now: number): number {
    const until = this.listOf(subject).get(subject.name)?.until ?? 0;
    // A clock may have been set back.
    return Math.min(until - now, subject.longestMs);
  }

  private listOf({ list }: FailureSubject): Map<string, Tally> {
    let tallies = this.lists.get(list);
    if (tallies === undefined) this.lists.set(list, (tallies = new Map()));
    return tallies;
  }
}
