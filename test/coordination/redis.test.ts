import { afterAll } from "bun:test";
import type { Coordinator } from "../../src/coordination/coordinator.ts";
import { createRedisCoordinator } from "../../src/coordination/redis/redis-coordinator.ts";
import { startRedisServer } from "../support/redis-server.ts";
import { coordinationConformance } from "./conformance.ts";
import { outageConformance } from "./redis-outages.ts";
import { untilUp } from "./until-up.ts";

const server = await startRedisServer();

if (server !== undefined) {
  const { url } = server;
  let meetings = 0;

  coordinationConformance({
    name: "Redis",
    meet() {
      meetings += 1;
      const prefix = `meeting-${meetings}`;
      let time = Date.now();
      const join = async (): Promise<Coordinator> => {
        const coordinator = createRedisCoordinator({
          url,
          address: "127.0.0.1",
          timeoutMs: 2000,
          prefix,
          now: () => time,
        });
        await untilUp(coordinator);
        return coordinator;
      };
      return Promise.resolve({ join, pass: (milliseconds) => void (time += milliseconds), now: () => time });
    },
  });
  outageConformance(server);
  afterAll(() => server.stop());
}
