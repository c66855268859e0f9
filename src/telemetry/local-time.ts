function pad(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}

/** Local calendar day of an instant (epoch ms): `2026-11-20`. */
export function localDay(epochMs: number): string {
  const date = new Date(epochMs);
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
}

/** Local hour of an instant (epoch ms): `2026-11-20 13:00`. */
export function localHour(epochMs: number): string {
  return `${localDay(epochMs)} ${pad(new Date(epochMs).getHours())}:00`;
}

/** Local time of day of an instant (epoch ms): `13:05:59`. */
export function localTime(epochMs: number): string {
  const date = new Date(epochMs);
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
}

/** The local day as file names carry it: `20261120`. */
export function compactDay(epochMs: number): string {
  return localDay(epochMs).replaceAll("-", "");
}
