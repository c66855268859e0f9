import { parsePrice } from "../../telemetry/pack-price.ts";
import type { PriceUsed, Usage } from "../../telemetry/request-record.ts";
import { maybeTextIn, numberIn, type SqlRow, statement, type Steps, textIn } from "./steps.ts";

/** Requests of one model whose cost the upstream reported, alike in their price and in what was counted of them. */
export interface ReportedCostRow {
  provider: string;
  model: string;
  requests: number;
  /** US dollars, of all of them. */
  reportedUsd: number;
  price: PriceUsed | undefined;
  /** Of all of them together; `undefined` = the upstream did not count their input or output. */
  usage: Usage | undefined;
}

/**
 * Before there was `cost_source`, all costs were reported ones. Requests that used a cache stand apart from those that did
 * not: where its price is not known, the others can still be computed.
 */
const sql = `SELECT coalesce(provider, '(none)') AS provider, coalesce(nullif(model_served, ''), '(none)') AS model, price,
    CASE WHEN tokens_input IS NOT NULL AND (coalesce(tokens_output, tokens_reasoning) IS NOT NULL OR operation = 'embeddings')
      THEN 1 ELSE 0 END AS is_counted,
    CASE WHEN coalesce(tokens_cache_read, 0) > 0 THEN 1 ELSE 0 END AS has_read,
    CASE WHEN coalesce(tokens_cache_write, 0) > 0 THEN 1 ELSE 0 END AS has_written,
    count(*) AS requests, sum(cost_usd) AS reported,
    sum(coalesce(tokens_input, 0)) AS tokens_in, sum(coalesce(tokens_cache_read, 0)) AS cache_read,
    sum(coalesce(tokens_cache_write, 0)) AS cache_write, sum(coalesce(tokens_output, 0)) AS tokens_out,
    sum(coalesce(tokens_reasoning, 0)) AS reasoning
  FROM requests
  WHERE started_at >= ? AND cost_usd IS NOT NULL AND usage_source = 'upstream'
    AND coalesce(cost_source, 'upstream') = 'upstream'
  GROUP BY 1, 2, 3, 4, 5, 6`;

function usageIn(row: SqlRow): Usage {
  return {
    input: numberIn(row, "tokens_in"),
    cacheRead: numberIn(row, "cache_read"),
    cacheWrite: numberIn(row, "cache_write"),
    output: numberIn(row, "tokens_out"),
    reasoning: numberIn(row, "reasoning"),
  };
}

function costRow(row: SqlRow): ReportedCostRow {
  const price = maybeTextIn(row, "price");
  return {
    provider: textIn(row, "provider"),
    model: textIn(row, "model"),
    requests: numberIn(row, "requests"),
    reportedUsd: numberIn(row, "reported"),
    price: price === undefined ? undefined : parsePrice(price),
    usage: numberIn(row, "is_counted") === 0 ? undefined : usageIn(row),
  };
}

/** Of requests since epoch milliseconds, grouped so that few rows come of millions. */
export function* reportedCostsSteps(since: number): Steps<ReportedCostRow[]> {
  return (yield statement(sql, since)).rows.map(costRow);
}
