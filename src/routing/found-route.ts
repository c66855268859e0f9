import type { Named } from "./names.ts";
import type { Route, Stage } from "./route.ts";

export interface FoundRouteOptions {
  named: Named;
  /** Further models that the client itself named. */
  others?: readonly Named[];
  routedBy?: string | undefined;
  /** The upstream itself goes through those others. */
  keepsModels?: boolean;
  /** Resolves the models that the configuration names. */
  find: (name: string) => Named | undefined;
}

const none: readonly Named[] = Object.freeze([]);
const noStages: readonly Stage[] = Object.freeze([]);

/** Where a request may go; its fallbacks are looked up when they are needed. */
export class FoundRoute implements Route {
  readonly modelShown: string;
  readonly first: Stage;
  readonly routedBy: string | undefined;
  readonly keepsModels: boolean;
  readonly keptModels: readonly Stage[];
  private readonly named: Named;
  private readonly others: readonly Named[];
  private readonly find: FoundRouteOptions["find"];

  constructor({ named, others = none, routedBy, keepsModels = false, find }: FoundRouteOptions) {
    this.modelShown = named.shown;
    this.first = named.stage;
    this.routedBy = routedBy;
    this.keepsModels = keepsModels;
    this.named = named;
    this.others = keepsModels ? none : others;
    this.keptModels = keepsModels ? others.map(({ stage }) => stage) : noStages;
    this.find = find;
  }

  fallbacks(reason: "failed" | "content" | "context"): readonly Stage[] {
    // Nearly always: nothing is made then.
    if (this.named.fallbacks[reason].length === 0 && this.others.length === 0) return noStages;
    const stages: Stage[] = [];
    const add = (named: Named | undefined): void => {
      if (named === undefined || named.stage.model === this.first.model) return;
      if (!stages.some(({ model }) => model === named.stage.model)) stages.push(named.stage);
    };
    if (reason === "failed") for (const named of this.others) add(named);
    for (const name of this.named.fallbacks[reason]) add(this.find(name));
    return stages;
  }
}
