import { afterAll, describe, expect, test } from "bun:test";
import { protocolNames } from "../../src/config/protocol-names.ts";
import { inParallel } from "../support/e2e.ts";
import { createRandom } from "../support/random.ts";
import { pictureBase64 } from "../support/replay-others.ts";
import { wires } from "../support/replay-wires.ts";
import { runCell } from "./cell.ts";
import { createDrivers } from "./drivers/index.ts";
import { featureChecks, features } from "./features.ts";
import { fetchRaw, rawRequest } from "./raw-requests.ts";
import { compareArrays, compareBroken, compareStreams, scenariosOf } from "./raw-streams.ts";
import { compareSettings } from "./settings.ts";
import { deliveries, modelOf, startMatrixRig, upstreams } from "./rig.ts";

const rig = await startMatrixRig();
afterAll(() => rig[Symbol.asyncDispose]());
const { origin } = rig.gateway;
const patienceMs = 15_000;

for (const driver of createDrivers({ origin })) {
  describe(driver.name, () => {
    for (const upstream of upstreams) {
      for (const feature of features.filter((name) => featureChecks[name].isOffered(driver))) {
        const name = `${feature} before ${upstream.name}`;
        test(
          name,
          async () => {
            const { result, note } = await runCell(feature, { driver, upstream, rig });
            expect(result === "failed" ? note : "").toBe("");
          },
          patienceMs,
        );
      }
    }
  });
}

describe("raw streams", () => {
  for (const protocol of protocolNames) {
    for (const upstream of upstreams) {
      const pairing = { rig, protocol, upstream };
      for (const scenario of scenariosOf(protocol)) {
        const name = `${protocol} before ${upstream.name}: ${scenario}, the same in every delivery`;
        test(name, () => compareStreams({ ...pairing, scenario }), patienceMs);
      }
      for (const scenario of ["breaks", "cut"]) {
        const name = `${protocol} before ${upstream.name}: a stream that ${scenario} does not look whole`;
        test(name, () => compareBroken({ ...pairing, scenario }));
      }
      if (protocol !== "gemini-generate") continue;
      for (const scenario of scenariosOf(protocol)) {
        const name = `${protocol} before ${upstream.name}: ${scenario} as an array`;
        test(name, () => compareArrays({ ...pairing, scenario }), patienceMs);
      }
    }
  }
});

describe("settings", () => {
  for (const protocol of protocolNames) {
    for (const upstream of upstreams) {
      const name = `of ${protocol} arrive at ${upstream.name} in its own words`;
      test(name, () => compareSettings(rig, { protocol, upstream }));
    }
  }
});

describe("a picture of 3 MB arrives whole", () => {
  const bytes = Buffer.concat([Buffer.from(pictureBase64, "base64"), Buffer.alloc(3_000_000, 7)]);
  const picture = { mediaType: "image/png", base64: bytes.toString("base64") } as const;
  for (const driver of createDrivers({ origin }).filter(({ id }) =>
    ["openai-chat", "anthropic", "google"].includes(id),
  )) {
    for (const upstream of upstreams) {
      test(`from ${driver.name} at ${upstream.name}`, async () => {
        const answer = await driver.ask?.({ model: modelOf(upstream, "vision"), prompt: "?", picture });
        expect(answer?.text).toBe(`I see image/png of ${bytes.length} bytes.`);
      });
    }
  }
});

test("200 conversations at once, of all protocols and upstreams, do not mix", async () => {
  const random = createRandom(11);
  const anyOf = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const wishes = Array.from({ length: 200 }, (_, index) => {
    const suffix = anyOf(["", ...deliveries.map((delivery) => `--${delivery}`)]);
    const model = modelOf(anyOf(upstreams), anyOf(["plain", "reasoning"]) + suffix);
    return { protocol: anyOf(protocolNames), model, prompt: `Frage ${index} 🌍`, stream: random() < 0.7, tools: false };
  });
  await inParallel(wishes.length, 60, async (index) => {
    const { protocol, ...wish } = wishes[index] ?? anyOf(wishes);
    const answer = await fetchRaw(origin, rawRequest(protocol, wish));
    expect(wires[protocol].contentOf(answer).text).toEndWith(`: ${wish.prompt}`);
  });
}, 30_000);
