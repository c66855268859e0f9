import { shownUsd } from "../lib/shown-usd.ts";
import type { PriceUsed, Usage } from "../telemetry/request-record.ts";
import { costOf } from "./cost.ts";

/** Requests alike in everything but their counts, whose cost the upstream reported. */
export interface ReportedCosts {
  readonly provider: string;
  readonly model: string;
  readonly requests: number;
  /** US dollars, of all of them. */
  readonly reportedUsd: number;
  /** What each of them was charged by; `undefined` = it was not known. */
  readonly price: PriceUsed | undefined;
  /** Of all of them together; `undefined` = the upstream did not count them. */
  readonly usage: Usage | undefined;
}

/** One model at one provider: what it reported and what its price makes of the same requests. */
export interface Reconciled {
  readonly provider: string;
  readonly model: string;
  /** Those that could be compared. */
  readonly requests: number;
  readonly reportedUsd: number;
  readonly computedUsd: number;
  /** Computed less reported, in US dollars. */
  readonly differenceUsd: number;
  /** Of the reported; `undefined` = nothing was reported, so that there is no share. */
  readonly share: number | undefined;
  readonly isDrifting: boolean;
  /** Requests whose price, or the price of something they used, was not known. */
  readonly unpriced: number;
}

const driftShare = 0.02;
const driftUsd = 0.01;

/** Prices are the same for all of a group, so that their sum can be charged at once. */
function computed({ price, usage, requests }: ReportedCosts): number | undefined {
  if (price === undefined || usage === undefined) return undefined;
  const tokens = costOf(usage, { ...price, request: undefined });
  return tokens === undefined ? undefined : tokens + requests * (price.request ?? 0);
}

interface Sum {
  provider: string;
  model: string;
  requests: number;
  reportedUsd: number;
  computedUsd: number;
  unpriced: number;
}

function reconciled({ provider, model, requests, unpriced, ...sums }: Sum): Reconciled {
  const [reportedUsd, computedUsd] = [shownUsd(sums.reportedUsd), shownUsd(sums.computedUsd)];
  const differenceUsd = shownUsd(computedUsd - reportedUsd);
  const share = reportedUsd > 0 ? differenceUsd / reportedUsd : undefined;
  const isFar = Math.abs(differenceUsd) > driftUsd && (share === undefined || Math.abs(share) > driftShare);
  return { provider, model, requests, reportedUsd, computedUsd, differenceUsd, share, isDrifting: isFar, unpriced };
}

/** By provider and model, the largest differences first. A model drifts beyond both 2 % and $0.01. */
export function reconcile(groups: Iterable<ReportedCosts>): Reconciled[] {
  const sums = new Map<string, Sum>();
  for (const group of groups) {
    const { provider, model } = group;
    const key = `${provider}\n${model}`;
    const sum = sums.get(key) ?? { provider, model, requests: 0, reportedUsd: 0, computedUsd: 0, unpriced: 0 };
    sums.set(key, sum);
    const cost = computed(group);
    if (cost === undefined) {
      sum.unpriced += group.requests;
      continue;
    }
    sum.requests += group.requests;
    sum.reportedUsd += group.reportedUsd;
    sum.computedUsd += cost;
  }
  const rows = [...sums.values()].map(reconciled);
  return rows.sort((left, right) => Math.abs(right.differenceUsd) - Math.abs(left.differenceUsd));
}
