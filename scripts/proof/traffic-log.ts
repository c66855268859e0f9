import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

/** The chats of the gateway checks stand in the log, each as one line of eight fields. */
export async function checkTrafficLog(path: string): Promise<void> {
  const lines = (await readFile(path, "utf8")).split("\n").filter((line) => line !== "");
  const requests = lines.filter((line) => /^\d{4}-\d\d-\d\dT/.test(line));
  assert(requests.length >= 2, `expected two chats at least, found:\n${lines.join("\n")}`);
  for (const line of requests) assert.equal(line.split(" | ").length, 8, line);
  assert(
    requests.some((line) => line.includes(String.raw`Hello \| there`)),
    "the separator in a message is not escaped",
  );
}
