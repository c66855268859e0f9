/**
 * Counts kept for the hot path: a look-up and some additions. They become Prometheus values only when somebody asks.
 */

export interface HistogramTally {
  /** Observations at most as large as the bound of the same index, and not in a smaller bucket. */
  readonly counts: Float64Array;
  sum: number;
  count: number;
}

export interface Tally {
  readonly labels: Readonly<{ model: string; provider: string }>;
  readonly byStatus: Map<number, number>;
  promptTokens: number;
  completionTokens: number;
  /** Of the requests whose cost is known; `undefined` = of none. */
  costUsd: number | undefined;
  readonly latency: HistogramTally;
  readonly ttft: HistogramTally;
}

export interface HistogramValue {
  metricName: string;
  labels: Record<string, string | number>;
  value: number;
}

export function newHistogram(bounds: readonly number[]): HistogramTally {
  return { counts: new Float64Array(bounds.length), sum: 0, count: 0 };
}

export function observe(histogram: HistogramTally, bounds: readonly number[], value: number): void {
  histogram.sum += value;
  histogram.count += 1;
  for (let index = 0; index < bounds.length; index += 1) {
    if (value > (bounds[index] ?? 0)) continue;
    histogram.counts[index] = (histogram.counts[index] ?? 0) + 1;
    return;
  }
}

/** Adds what `other` counted; both have the same bounds. */
export function addHistogram(histogram: HistogramTally, other: HistogramTally): void {
  histogram.sum += other.sum;
  histogram.count += other.count;
  for (const [index, count] of other.counts.entries()) histogram.counts[index] = (histogram.counts[index] ?? 0) + count;
}

/** Prometheus's cumulative form. */
export function histogramValues(
  name: string,
  labels: Readonly<Record<string, string>>,
  { histogram, bounds }: { histogram: HistogramTally; bounds: readonly number[] },
): HistogramValue[] {
  let below = 0;
  const buckets = bounds.map((bound, index) => {
    below += histogram.counts[index] ?? 0;
    return { metricName: `${name}_bucket`, labels: { ...labels, le: bound }, value: below };
  });
  return [
    ...buckets,
    { metricName: `${name}_bucket`, labels: { ...labels, le: "+Inf" }, value: histogram.count },
    { metricName: `${name}_sum`, labels: { ...labels }, value: histogram.sum },
    { metricName: `${name}_count`, labels: { ...labels }, value: histogram.count },
  ];
}

export function newTally(labels: Tally["labels"], bounds: readonly number[]): Tally {
  return {
    labels,
    byStatus: new Map(),
    promptTokens: 0,
    completionTokens: 0,
    costUsd: undefined,
    latency: newHistogram(bounds),
    ttft: newHistogram(bounds),
  };
}
