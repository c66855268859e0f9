import { join } from "node:path";
import { projectRoot } from "./paths.ts";

export interface LockedPackage {
  name: string;
  version: string;
  /** Subresource integrity of the tarball, e.g. `sha512-…`. */
  integrity: string;
}

/** Tuple of bun.lock: `name@version`, registry, manifest, integrity. */
type LockEntry = [string, string, unknown, string];

/** Locked packages by their place: `name`, or `parent/name` where a parent has a version of its own. */
export async function readLockfile(): Promise<Map<string, LockedPackage>> {
  const text = await Bun.file(join(projectRoot, "bun.lock")).text();
  // JSON with trailing commas.
  const lockfile = Bun.JSONC.parse(text) as { packages: Record<string, LockEntry> };
  return new Map(Object.entries(lockfile.packages).map(([place, entry]) => [place, lockedPackage(entry)]));
}

function lockedPackage([spec, , , integrity]: LockEntry): LockedPackage {
  const at = spec.lastIndexOf("@");
  return { name: spec.slice(0, at), version: spec.slice(at + 1), integrity };
}

/** Place in the lock file of the package that a module belongs to; `undefined` for our own modules. */
export function lockfilePlace(modulePath: string): string | undefined {
  const [, ...nested] = modulePath.replaceAll("\\", "/").split(/(?:^|\/)node_modules\//);
  if (nested.length === 0) return undefined;
  return nested
    .map((part) =>
      part
        .split("/")
        .slice(0, part.startsWith("@") ? 2 : 1)
        .join("/"),
    )
    .join("/");
}
