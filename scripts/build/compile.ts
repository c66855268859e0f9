import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { baseExecutable } from "./base-executable.ts";
import { signAdHoc } from "./macos/sign-ad-hoc.ts";
import { brandExecutable } from "./windows/brand-executable.ts";
import { artifactName, type BuildTarget } from "./targets.ts";

export interface CompileOptions {
  target: BuildTarget;
  entrypoint: string;
  /** Receives the executable under its published name. */
  outputFolder: string;
  commit: string | undefined;
}

export interface CompiledExecutable {
  path: string;
  /** Every module and asset inside, relative to the working directory. */
  inputs: readonly string[];
}

/**
 * Makes one executable. The same sources give the same bytes, whatever folder they lie in.
 * It reads no bunfig.toml and no .env from the folder it is started in: a `preload` there would run somebody else's code.
 */
export async function compile(options: CompileOptions): Promise<CompiledExecutable> {
  const { target, outputFolder } = options;
  const name = artifactName(target);
  // Bun writes in place; the rename keeps a half-made file out of sight and a running old executable undisturbed.
  // The file's name becomes part of the executable, so it must be the final one already.
  const workFolder = join(outputFolder, `.partial-${process.pid}-${target.name}`);
  await mkdir(workFolder, { recursive: true });
  try {
    const outfile = join(workFolder, name);
    const inputs = await bundle({ ...options, base: await brandedBase(target, workFolder), outfile });
    if (target.name.startsWith("darwin-")) await writeFile(outfile, signAdHoc(await readFile(outfile)));
    const path = join(outputFolder, name);
    await rename(outfile, path);
    return { path, inputs };
  } finally {
    await rm(workFolder, { recursive: true, force: true });
  }
}

async function brandedBase(target: BuildTarget, workFolder: string): Promise<string> {
  const base = await baseExecutable(target);
  if (!target.name.startsWith("windows-")) return base;
  const branded = join(workFolder, "base.exe");
  await Bun.write(branded, brandExecutable(await readFile(base)));
  return branded;
}

async function bundle(options: CompileOptions & { base: string; outfile: string }): Promise<string[]> {
  const result = await Bun.build({
    entrypoints: [options.entrypoint],
    target: "bun",
    format: "esm",
    minify: true,
    bytecode: true,
    metafile: true,
    define: {
      "process.env.NODE_ENV": '"production"',
      ...(options.commit === undefined ? {} : { ORCESTATOR_COMMIT: JSON.stringify(options.commit) }),
    },
    compile: {
      target: options.target.bunTarget,
      executablePath: options.base,
      outfile: options.outfile,
      autoloadDotenv: false,
      autoloadBunfig: false,
    },
  });
  return Object.keys(result.metafile?.inputs ?? {});
}
