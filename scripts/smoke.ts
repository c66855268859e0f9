// `bun scripts/smoke.ts <executable>`: the last step of `bun run check`, for any built executable.
import { createChecks, reportTotals } from "./proof/checks.ts";
import { smoke } from "./proof/smoke.ts";

const executable = process.argv[2];
if (executable === undefined) {
  console.error("Usage: bun scripts/smoke.ts <executable>");
  process.exit(2);
}
const checks = createChecks();
await smoke(checks, executable);
process.exit(reportTotals(checks));
