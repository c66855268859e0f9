/**
 * Durations counted in buckets, each 8 % wider than the one before, so that any percentile is known to 4 %. Bucket 0 holds
 * everything up to 0.01 ms. One array of counts, because batches of requests add to hundreds of histograms.
 */
export type Histogram = Uint32Array;

const smallestMs = 0.01;
const growth = 1.08;
const growthLog = Math.log(growth);
/** More than a year. */
const lastBucket = 400;

export function emptyHistogram(): Histogram {
  return new Uint32Array(lastBucket + 1);
}

export function bucketOf(milliseconds: number): number {
  if (!(milliseconds > smallestMs)) return 0;
  return Math.min(lastBucket, Math.ceil(Math.log(milliseconds / smallestMs) / growthLog));
}

/** The duration that stands for all of a bucket: as far from its lower as from its upper end, as a ratio. */
export function durationOf(bucket: number): number {
  return smallestMs * growth ** (bucket - 0.5);
}

export function addBucket(histogram: Histogram, bucket: number, count = 1): void {
  histogram[bucket] = (histogram[bucket] ?? 0) + count;
}

/** Adds a share of what another histogram counts; of what it counts at all, something stays. */
export function addShare(into: Histogram, from: Histogram, share: number): void {
  for (const [bucket, count] of from.entries()) if (count > 0) addBucket(into, bucket, Math.ceil(count * share));
}

/** Empty buckets that cost less inside of a run than a new one does. */
const longestGap = 3;
const low = 36;
const high = 26;

/** A count of one character up to 35; the higher digits of a larger one are capitals, so that its end is known. */
function countText(count: number): string {
  let text = (count % low).toString(low);
  for (let rest = Math.floor(count / low); rest > 0; rest = Math.floor(rest / high))
    text = String.fromCharCode(capitalA + (rest % high)) + text;
  return text;
}

/** `5a:2104 61:Bk`: runs of buckets, each with the first one's number in base 36 and a count for every bucket from there on. */
export function histogramText(histogram: Histogram | undefined): string {
  if (histogram === undefined) return "";
  let text = "";
  let last = Number.NEGATIVE_INFINITY;
  for (let bucket = 0; bucket <= lastBucket; bucket += 1) {
    const count = histogram[bucket] ?? 0;
    if (count === 0) continue;
    if (bucket - last > longestGap) text += `${text === "" ? "" : " "}${bucket.toString(low)}:`;
    else text += "0".repeat(bucket - last - 1);
    text += countText(count);
    last = bucket;
  }
  return text;
}

const space = 32;
const colon = 58;
const capitalA = 65;
const capitalZ = 90;

function digitOf(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  return code >= 97 && code <= 122 ? code - 87 : Number.NaN;
}

/**
 * Adds what a text counts; what is no such text is left out, for a database is a file. Statistics read tens of thousands of
 * them at once, so nothing is allocated on the way.
 */
export function addHistogramText(into: Histogram, text: string): void {
  let bucket = 0;
  let higher = 0;
  let isRun = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === space) {
      isRun = false;
      bucket = 0;
    } else if (code === colon) isRun = true;
    else if (!isRun) bucket = bucket * low + digitOf(code);
    else if (code >= capitalA && code <= capitalZ) higher = higher * high + code - capitalA;
    else {
      const count = higher * low + digitOf(code);
      // Neither is so where a digit was none.
      if (count > 0 && bucket <= lastBucket) into[bucket] = (into[bucket] ?? 0) + count;
      bucket += 1;
      higher = 0;
    }
  }
}

export interface Percentiles {
  p50: number;
  p95: number;
  p99: number;
}

/** Nearest rank, to 4 %; `undefined` when nothing was counted. */
export function percentilesOf(histogram: Histogram | undefined): Percentiles | undefined {
  const total = histogram?.reduce((sum, count) => sum + count, 0) ?? 0;
  if (histogram === undefined || total === 0) return undefined;

  function at(percent: number): number {
    let left = Math.ceil((total * percent) / 100);
    const bucket = histogram?.findIndex((count) => {
      left -= count;
      return left <= 0;
    });
    // More digits would claim more than is known.
    return Number(durationOf(bucket ?? 0).toPrecision(3));
  }
  return { p50: at(50), p95: at(95), p99: at(99) };
}
