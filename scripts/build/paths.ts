import { dirname, join } from "node:path";

export const projectRoot = dirname(dirname(import.meta.dir));
export const distFolder = join(projectRoot, "dist");
export const cacheFolder = join(projectRoot, ".cache");
