/** One executable we publish. */
export interface BuildTarget {
  /** As `bun run build <name>` takes it, and part of the file's name. */
  name: string;
  bunTarget: Bun.Build.CompileTarget;
  /** npm package that carries the Bun executable for this system. */
  basePackage: string;
  /**
   * SHA-256 of that executable, so that neither a registry nor a cache can slip another one into a release.
   * They belong to the Bun version in package.json and change with it.
   */
  baseSha256: string;
}

export const buildTargets: readonly BuildTarget[] = [
  {
    name: "windows-x64",
    bunTarget: "bun-windows-x64",
    basePackage: "@oven/bun-windows-x64",
    baseSha256: "cb1d8e6564e655e49d30cead359750a1cbbd12f42651caa4b62244d7bd93c244",
  },
  {
    name: "linux-x64",
    bunTarget: "bun-linux-x64",
    basePackage: "@oven/bun-linux-x64",
    baseSha256: "10702245766b225e70bbf6235fd6b47214fd94b4760d00ffaed8ab0df57ac235",
  },
  {
    name: "linux-arm64",
    bunTarget: "bun-linux-arm64",
    basePackage: "@oven/bun-linux-aarch64",
    baseSha256: "354c2b049c716aca07b2e5cddb887928ac58950675d1258bb6312083917793b6",
  },
  {
    name: "linux-x64-musl",
    bunTarget: "bun-linux-x64-musl",
    basePackage: "@oven/bun-linux-x64-musl",
    baseSha256: "29a31375a72f97c7e3fc25dd57d7dde88da5907aa8970808f57f91e0711bdad2",
  },
  {
    name: "darwin-x64",
    bunTarget: "bun-darwin-x64",
    basePackage: "@oven/bun-darwin-x64",
    baseSha256: "c35307c7d45d65c5a385a58c4a6cb0bb9499e4e626abdee207c177a77ba666ab",
  },
  {
    name: "darwin-arm64",
    bunTarget: "bun-darwin-arm64",
    basePackage: "@oven/bun-darwin-aarch64",
    baseSha256: "0a2237cdcfa0d16ef501d9acca9f0026309ef348bea7393a64e8d1e3609565cc",
  },
];

export function artifactName(target: BuildTarget): string {
  return `orcestator-${target.name}${target.name.startsWith("windows-") ? ".exe" : ""}`;
}

export function findBuildTarget(name: string): BuildTarget {
  const target = buildTargets.find((candidate) => candidate.name === name);
  if (target !== undefined) return target;
  throw new Error(`No build target '${name}'. There are: ${buildTargets.map((known) => known.name).join(", ")}.`);
}

/** What this machine can run itself. */
export function hostBuildTarget(): BuildTarget {
  const system = process.platform === "win32" ? "windows" : process.platform;
  const isMusl = system === "linux" && process.report.getReport !== undefined && !hasGlibc();
  return findBuildTarget(`${system}-${process.arch}${isMusl ? "-musl" : ""}`);
}

function hasGlibc(): boolean {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime !== undefined;
}
