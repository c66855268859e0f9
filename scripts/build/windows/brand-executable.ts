import packageJson from "../../../package.json" with { type: "json" };
import { iconBitmap } from "./icon.ts";
import { readResources, replaceResource, type Resource } from "./resource-table.ts";
import { versionResource } from "./version-resource.ts";

const resourceTypes = { icon: 3, iconGroup: 14, version: 16 } as const;

/** Place of the image's length in a group of icons that holds one. */
const lengthInIconGroup = 14;

/**
 * Copy of Bun's Windows executable that tells Windows our name, version and icon instead of Bun's.
 * Bun's own options for this do nothing on other systems, and the result should not depend on where it was built.
 */
export function brandExecutable(bun: Buffer): Buffer {
  const executable = Buffer.from(bun);
  const resources = readResources(executable);
  const find = (kind: keyof typeof resourceTypes): Resource => {
    const [found, ...others] = resources.filter(({ type }) => type === resourceTypes[kind]);
    if (found !== undefined && others.length === 0) return found;
    throw new Error(
      `Bun's Windows executable no longer has exactly one ${kind} resource; adapt scripts/build/windows.`,
    );
  };
  const icon = iconBitmap();
  replaceResource(executable, find("icon"), icon);
  executable.writeUInt32LE(icon.length, find("iconGroup").position + lengthInIconGroup);
  const { version } = packageJson;
  const texts = {
    CompanyName: "Orcestator",
    FileDescription: "Orcestator",
    FileVersion: version,
    LegalCopyright: "MIT License",
    OriginalFilename: "orcestator.exe",
    ProductName: "Orcestator",
    ProductVersion: version,
  };
  replaceResource(executable, find("version"), versionResource({ version, texts }));
  return executable;
}
