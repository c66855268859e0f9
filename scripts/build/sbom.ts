import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { type LockedPackage, lockfilePlace, readLockfile } from "./lockfile.ts";
import { projectRoot } from "./paths.ts";
import { buildTargets } from "./targets.ts";

export interface SbomComponent {
  type: "library" | "platform";
  "bom-ref": string;
  name: string;
  version: string;
  purl: string;
  hashes: readonly { alg: "SHA-256" | "SHA-512"; content: string }[];
  licenses: readonly ({ license: { id: string } } | { expression: string })[];
}

/**
 * CycloneDX description of what is inside the executables: every package that a bundled module comes from, and Bun itself.
 * It carries no time and no random number, so that a rebuild gives the same bytes.
 */
export async function createSbom(bundledModules: Iterable<string>): Promise<object> {
  const lockfile = await readLockfile();
  const places = new Set([...bundledModules].map(lockfilePlace).filter((place) => place !== undefined));
  const components: SbomComponent[] = [];
  for (const place of [...places].sort()) {
    const locked = lockfile.get(place);
    if (locked === undefined)
      throw new Error(`${place} is inside the executable but not in bun.lock; run 'bun install'.`);
    components.push(await libraryComponent(place, locked));
  }
  const application = `pkg:npm/${packageJson.name}@${packageJson.version}`;
  components.push(...buildTargets.map(({ basePackage, baseSha256 }) => runtimeComponent(basePackage, baseSha256)));
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: {
        type: "application",
        "bom-ref": application,
        name: packageJson.name,
        version: packageJson.version,
        purl: application,
        licenses: licences(packageJson.license),
      },
    },
    components,
    dependencies: [{ ref: application, dependsOn: components.map((component) => component["bom-ref"]) }],
  };
}

async function libraryComponent(place: string, locked: LockedPackage): Promise<SbomComponent> {
  const folder = installedFolder(place);
  const manifest = (await Bun.file(join(folder, "package.json")).json()) as { license?: string };
  const purl = packageUrl(locked.name, locked.version);
  return {
    type: "library",
    "bom-ref": place === locked.name ? purl : `${purl}#${place}`,
    name: locked.name,
    version: locked.version,
    purl,
    hashes: [
      { alg: "SHA-512", content: Buffer.from(locked.integrity.replace(/^sha512-/, ""), "base64").toString("hex") },
    ],
    licenses: licences(manifest.license),
  };
}

function runtimeComponent(name: string, sha256: string): SbomComponent {
  const purl = packageUrl(name, Bun.version);
  const hashes = [{ alg: "SHA-256" as const, content: sha256 }];
  return { type: "platform", "bom-ref": purl, name, version: Bun.version, purl, hashes, licenses: licences("MIT") };
}

/** `@a/b/c` is `node_modules/@a/b/node_modules/c`. */
function installedFolder(place: string): string {
  const names = place.match(/@[^/]+\/[^/]+|[^/]+/g) ?? [];
  return join(projectRoot, ...names.flatMap((name) => ["node_modules", name]));
}

function packageUrl(name: string, version: string): string {
  return `pkg:npm/${name.replace("@", "%40")}@${version}`;
}

function licences(text: string | undefined): SbomComponent["licenses"] {
  if (text === undefined) return [];
  return /^[A-Za-z0-9.-]+$/.test(text) ? [{ license: { id: text } }] : [{ expression: text }];
}
