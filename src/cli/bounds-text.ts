import type { TeamView } from "../admin/contract/teams.ts";
import { perWindow } from "../lib/calendar-window.ts";
import { none } from "./table-layout.ts";

function dollars(usd: number): string {
  return usd === 0 || usd >= 0.01 ? `$${usd.toFixed(2)}` : `$${usd.toPrecision(2)}`;
}

type Bounds = Pick<TeamView, "rpm" | "tpm" | "concurrency" | "spending">;

/** `60 rpm, 5 at once` */
export function limitsText({ rpm, tpm, concurrency }: Bounds): string {
  const parts = [
    rpm === undefined ? [] : [`${rpm} rpm`],
    tpm === undefined ? [] : [`${tpm} tpm`],
    concurrency === undefined ? [] : [`${concurrency} at once`],
  ].flat();
  return parts.length === 0 ? none : parts.join(", ");
}

/** `$1.20 of $10.00 a day` */
export function budgetsText({ spending = [] }: Bounds): string {
  const parts = spending.map(({ usd, window, spentUsd, reservedUsd }) => {
    const reserved = reservedUsd > 0 ? ` (${dollars(reservedUsd)} reserved)` : "";
    return `${dollars(spentUsd)}${reserved} of ${dollars(usd)} ${perWindow(window)}`;
  });
  return parts.length === 0 ? none : parts.join(", ");
}
