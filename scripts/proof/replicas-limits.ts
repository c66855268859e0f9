import assert from "node:assert/strict";
import { inParallel } from "../../test/support/e2e.ts";
import type { Checks } from "./checks.ts";
import { tally } from "./figures.ts";
import { createLoadClient, postRequest } from "./load-client.ts";
import { type Replicas, roundLimit } from "./replicas-rig.ts";

/** One limit, one minute, requests to all three gateways at once: exactly so many as the limit are served. */
export async function proveLimits(
  checks: Checks,
  { gateways }: Replicas,
  { rounds, requests, width }: { rounds: number; requests: number; width: number },
): Promise<void> {
  const clients = gateways.map(({ port }) => createLoadClient(port));
  try {
    for (let round = 0; round < rounds; round += 1) {
      const model = `round-${round}`;
      const bytes = postRequest("/v1/chat/completions", { model, messages: [{ role: "user", content: "Hi" }] });
      const statuses: string[] = [];
      const from = performance.now();
      await inParallel(requests, width, async (index) => {
        const client = clients[index % clients.length];
        if (client !== undefined) statuses.push(String((await client.send(bytes)).status));
      });
      const counts = tally(statuses);
      const seconds = (performance.now() - from) / 1000;
      const shown = [...counts].map(([status, count]) => `${count} × ${status}`).join(", ");
      await checks.check(`round ${round + 1}: ${shown} in ${seconds.toFixed(1)} s`, () => {
        assert(seconds < 60, "the machine is too slow: the minute was over");
        assert.equal(counts.get("200"), roundLimit);
        assert.equal(counts.get("429"), requests - roundLimit);
      });
    }
  } finally {
    for (const client of clients) client.close();
  }
}
