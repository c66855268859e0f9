import { join } from "node:path";
import { z } from "zod";
import { projectRoot } from "../build/paths.ts";

const inspection = z.looseObject({
  Docker: z.looseObject({
    config: z.looseObject({
      User: z.string(),
      Env: z.array(z.string()),
      Entrypoint: z.array(z.string()),
      Cmd: z.array(z.string()),
      WorkingDir: z.string(),
      Volumes: z.record(z.string(), z.unknown()),
      ExposedPorts: z.record(z.string(), z.unknown()),
      Healthcheck: z.looseObject({ Test: z.array(z.string()) }),
    }),
  }),
});

export type ImageConfig = z.infer<typeof inspection>["Docker"]["config"];

/** Builds and runs images without a container engine, in a storage of its own. */
export interface Buildah {
  /** Puts buildah before one of its commands. */
  command(...args: string[]): string[];
  /** Runs a command to its end; what it printed. Throws with that when it fails. */
  run(...args: string[]): Promise<string>;
  /** Builds the Dockerfile's last stage; `contextFolder` stands for its stage `build`, so that no base image is fetched. */
  build(image: string, contextFolder: string): Promise<void>;
  inspect(image: string): Promise<ImageConfig>;
}

export function whatBuildahLacks(): string | undefined {
  if (Bun.which("buildah") === null) return "This needs buildah. On Debian: apt-get install buildah";
  if (process.getuid?.() !== 0) return "This must run as root: the image's own user is another one.";
  return undefined;
}

export function createBuildah(storageFolder: string): Buildah {
  const storage = ["--root", join(storageFolder, "root"), "--runroot", join(storageFolder, "run")];
  const command = (...args: string[]): string[] => ["buildah", ...storage, "--storage-driver", "vfs", ...args];
  const run = async (...args: string[]): Promise<string> => {
    const child = Bun.spawn(command(...args), { cwd: projectRoot, stdio: ["ignore", "pipe", "pipe"] });
    const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    if ((await child.exited) === 0) return out.trim();
    throw new Error(`buildah ${args.join(" ")} failed:\n${out}${err}`);
  };
  return {
    command,
    run,
    async build(image, contextFolder) {
      // The OCI format has no health check.
      const options = ["--isolation", "chroot", "--format", "docker", "--build-context", `build=${contextFolder}`];
      await run("build", ...options, "--tag", image, ".");
    },
    async inspect(image) {
      return inspection.parse(JSON.parse(await run("inspect", "--type", "image", image))).Docker.config;
    },
  };
}
