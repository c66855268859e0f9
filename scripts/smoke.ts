// `bun scripts/smoke.ts <executable>`: the last step of `bun run check`, for any built executable.
import { prove } from "./proof/checks.ts";
import { smoke } from "./proof/smoke.ts";

const executable = process.argv[2];
if (executable === undefined) {
  console.error("Usage: bun scripts/smoke.ts <executable>");
  process.exit(2);
}
process.exit(await prove((checks) => smoke(checks, executable)));
