import { createMemoryCoordination } from "../../src/coordination/memory/memory-coordination.ts";
import { coordinationConformance } from "./conformance.ts";

coordinationConformance({
  name: "memory",
  meet() {
    let time = 1_900_000_000_000;
    const meeting = createMemoryCoordination({ now: () => time });
    return Promise.resolve({
      join: () => Promise.resolve(meeting.join()),
      pass: (milliseconds) => void (time += milliseconds),
      now: () => time,
    });
  },
});
