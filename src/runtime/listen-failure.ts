import { errorText } from "../lib/error-text.ts";
import { isIP } from "node:net";

export interface ListenPlace {
  host: string;
  port: number;
  /** Where the port is set. */
  setting: string;
  what: "API" | "metrics";
}

function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
}

/** Why a port cannot be listened on, and what to do, for people. */
export function explainListenFailure(
  error: unknown,
  { host, port, setting, what }: ListenPlace,
  platform: string = process.platform,
): string {
  const place = `${host}:${port}`;
  const other = `choose another one with ${setting}`;
  const code = codeOf(error);
  // Hyper-V and WSL reserve ranges of ports that no program shows as taken.
  const reserved =
    platform === "win32"
      ? " Windows may have reserved it: 'netsh interface ipv4 show excludedportrange protocol=tcp' lists such ranges."
      : "";
  if (code === "EADDRINUSE")
    return `The ${what} cannot listen on ${place}: the port is in use. Stop the other program or ${other}.${reserved}`;
  if (code === "EACCES")
    return `The ${what} cannot listen on ${place}: not permitted${port < 1024 && port > 0 ? " (ports below 1024 need privileges)" : ""}. Please ${other}.${reserved}`;
  if (code === "EADDRNOTAVAIL") return `The ${what} cannot listen on ${place}: this machine has no such address.`;
  // Bun's code for a name that does not resolve is whatever the last system call left behind.
  if (isIP(host) === 0)
    return `The ${what} cannot listen on ${place}: the host name is not known here. Set an address of this machine, or 0.0.0.0 for all.`;
  return `The ${what} cannot listen on ${place}: ${errorText(error)}`;
}
