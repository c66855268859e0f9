/** Milliseconds in at most six columns: `8ms`, `820ms`, `1.24s`, `12.3s`, `2m05s`; empty when not known. */
export function formatMs(milliseconds: number | undefined): string {
  if (milliseconds === undefined) return "";
  if (milliseconds < 999.5) return `${Math.round(milliseconds)}ms`;
  if (milliseconds < 9995) return `${(milliseconds / 1000).toFixed(2)}s`;
  if (milliseconds < 99_950) return `${(milliseconds / 1000).toFixed(1)}s`;
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, "0")}s`;
  return `${Math.floor(seconds / 3600)}h${String(Math.floor((seconds % 3600) / 60)).padStart(2, "0")}m`;
}

/** A count in at most five columns: `812`, `12.3k`, `4.5M`; empty when not known. */
export function formatCount(count: number | undefined): string {
  if (count === undefined) return "";
  if (count < 10_000) return String(count);
  if (count < 99_950) return `${(count / 1000).toFixed(1)}k`;
  if (count < 999_500) return `${Math.round(count / 1000)}k`;
  return `${(count / 1e6).toFixed(1)}M`;
}
