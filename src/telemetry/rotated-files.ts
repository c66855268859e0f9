import { closeSync, openSync, readdirSync } from "node:fs";
import { dirname, join, parse } from "node:path";

/** A log file that was put aside: `traffic-20261120.log`, then `traffic-20261120.1.log`, … beside `traffic.log`. */
export interface RotatedFile {
  path: string;
  /** `20261120` */
  day: string;
  /** 0 for the first of its day. */
  sequence: number;
}

function byAge(left: RotatedFile, right: RotatedFile): number {
  return left.day === right.day ? left.sequence - right.sequence : left.day < right.day ? -1 : 1;
}

/** The rotated files of a log, oldest first; none when the folder is not there. */
export function rotatedFiles(file: string): RotatedFile[] {
  const { name, ext } = parse(file);
  const shape = new RegExp(`^${RegExp.escape(name)}-(\\d{8})(?:\\.(\\d{1,9}))?${RegExp.escape(ext)}$`);
  let names: string[] = [];
  try {
    names = readdirSync(dirname(file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  return names
    .flatMap((entry) => {
      const match = shape.exec(entry);
      if (match?.[1] === undefined) return [];
      return [{ path: join(dirname(file), entry), day: match[1], sequence: Number(match[2] ?? 0) }];
    })
    .sort(byAge);
}

/** Creates the next free name of a day as an empty file, so that no two workers pick the same one and one log replaces the other. */
export function reserveRotatedPath(file: string, day: string): string {
  const { name, ext } = parse(file);
  const latest = rotatedFiles(file).findLast((rotated) => rotated.day === day);
  for (let sequence = latest === undefined ? 0 : latest.sequence + 1; ; sequence += 1) {
    const path = join(dirname(file), `${name}-${day}${sequence === 0 ? "" : `.${sequence}`}${ext}`);
    try {
      closeSync(openSync(path, "wx", 0o640));
      return path;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}
