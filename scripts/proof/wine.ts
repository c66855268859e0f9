import { existsSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../build/paths.ts";
import { findProcesses } from "./find-processes.ts";

/** A Windows of our own in a folder, without a display. */
export interface Wine {
  /** Puts Wine before a Windows program and its arguments. */
  command(...windowsCommand: string[]): string[];
  env: Readonly<Record<string, string>>;
  /** Path on this machine of `C:\…`. */
  hostPath(windowsPath: string): string;
  /** Process ids of a program running in this Wine; it need not have been started by us directly. */
  processes(programName: string): Promise<number[]>;
  /** Ends everything in this Wine, and nothing else. */
  close(): Promise<void>;
}

// Debian's `wine64` package puts these outside of PATH; the `wine` wrapper belongs to another one.
const wineFolder = "/usr/lib/wine";
const compilerName = "x86_64-w64-mingw32-gcc";

/** Explains what is missing; `undefined` when the machine can run the proof. */
export function whatWineLacks(): string | undefined {
  if (existsSync(join(wineFolder, "wine64")) && Bun.which(compilerName) !== null) return undefined;
  return "This needs Wine and a compiler for one small DLL. On Debian: apt-get install wine64 gcc-mingw-w64-x86-64";
}

export function createWine(prefix: string): Wine {
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: prefix,
    LC_ALL: "C.UTF-8",
    WINEPREFIX: prefix,
    WINEDEBUG: "-all",
    // No start-menu entries, no .NET, no browser engine: the first start is quicker without them.
    WINEDLLOVERRIDES: "winemenubuilder.exe=d;mscoree=d;mshtml=d",
  };
  return {
    command: (...windowsCommand) => [join(wineFolder, "wine64"), ...windowsCommand],
    env,
    hostPath: (windowsPath) => join(prefix, "drive_c", ...windowsPath.split("\\").slice(1)),
    processes: (programName) => findProcesses({ programName, variable: `WINEPREFIX=${prefix}` }),
    async close() {
      await Bun.spawn([join(wineFolder, "wineserver64"), "-k", "-w"], { env, stdio: ["ignore", "ignore", "ignore"] })
        .exited;
    },
  };
}

/** Wine 8 lacks a DLL that Bun needs; a stand-in beside the executable is enough. */
export async function compileMissingDll(folder: string): Promise<void> {
  await compileForWindows("bcryptprimitives.c", join(folder, "bcryptprimitives.dll"), ["-shared", "-ladvapi32"]);
}

/** A program that prints what Windows shows about another one; its path. */
export async function compileDescriber(folder: string): Promise<string> {
  const program = join(folder, "file-description.exe");
  await compileForWindows("file-description.c", program, ["-lversion"]);
  return program;
}

async function compileForWindows(sourceName: string, output: string, options: readonly string[]): Promise<void> {
  const source = join(projectRoot, "scripts", "wine", sourceName);
  const compiler = Bun.spawn([compilerName, "-O2", "-s", "-o", output, source, ...options], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  if ((await compiler.exited) !== 0) throw new Error(`${compilerName} could not compile ${source}`);
}
