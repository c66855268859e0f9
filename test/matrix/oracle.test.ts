import { afterAll, describe, expect, test } from "bun:test";
import { createReplayingUpstream } from "../support/replaying-upstream.ts";
import { runCell } from "./cell.ts";
import { createDrivers } from "./drivers/index.ts";
import { featureChecks, features, type Feature } from "./features.ts";
import { upstreams } from "./rig.ts";

// Without a gateway: what the matrix measures with must itself be right, or a failing cell would tell nothing.
const upstream = await createReplayingUpstream({ credential: "none" });
afterAll(() => upstream.close());

const drivers = createDrivers({ origin: upstream.origin });
const openaiDrivers = createDrivers({ origin: `${upstream.origin}/openai` });

for (const [index, plainDriver] of drivers.entries()) {
  const driver = plainDriver.protocol.startsWith("openai") ? (openaiDrivers[index] ?? plainDriver) : plainDriver;
  const kind = upstreams.find(({ protocol }) => protocol === driver.protocol);
  // A real upstream says 401 itself, which a gateway must not; and what it lists is no business of this test.
  const unlike: readonly Feature[] = ["error", "models"];
  const own = features.filter((name) => featureChecks[name].isOffered(driver) && !unlike.includes(name));
  if (kind === undefined) continue;
  describe(`${driver.name} and the replaying upstream`, () => {
    for (const feature of own) {
      test(`agree about ${feature}`, async () => {
        const pairing = { driver, upstream: { ...kind, prefix: "" }, rig: { upstream } };
        const { result, note } = await runCell(feature, pairing);
        expect(result === "failed" ? note : "").toBe("");
      });
    }
  });
}
