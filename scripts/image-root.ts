// `bun scripts/image-root.ts <executable> <system root> <output folder>`: everything that the container image holds.
// `root` belongs to root, `writable` to the gateway's user. The Dockerfile runs this, and so does the image proof: both make the same image.
import { chmod, copyFile, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { projectRoot } from "./build/paths.ts";

interface Libraries {
  /** Where Debian keeps them, below /usr/lib. */
  folder: string;
  /** File name of the loader, and the path that the executable asks the kernel for. */
  loader: { file: string; path: string };
}

const librariesOf: Readonly<Record<string, Libraries>> = {
  "linux-x64": {
    folder: "x86_64-linux-gnu",
    loader: { file: "ld-linux-x86-64.so.2", path: "lib64/ld-linux-x86-64.so.2" },
  },
  "linux-arm64": {
    folder: "aarch64-linux-gnu",
    loader: { file: "ld-linux-aarch64.so.1", path: "lib/ld-linux-aarch64.so.1" },
  },
};

// What Bun's executable is linked to. glibc 2.34 and later resolve names without libraries of their own for it.
const libraries = ["libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2"];

const textFiles: Readonly<Record<string, string>> = {
  "etc/passwd": "root:x:0:0:root:/:/none\norcestator:x:65532:65532::/data:/none\n",
  "etc/group": "root:x:0:\norcestator:x:65532:\n",
  "etc/nsswitch.conf": "hosts: files dns\n",
  // The authorities that Bun itself carries; SSL_CERT_FILE or NODE_EXTRA_CA_CERTS may name others.
  "etc/ssl/certs/ca-certificates.crt": `${rootCertificates.join("\n")}\n`,
};

interface ImageRootOptions {
  executable: string;
  /** Root of a Debian system of the same architecture. */
  systemRoot: string;
  outputFolder: string;
}

async function createImageRoot({ executable, systemRoot, outputFolder }: ImageRootOptions): Promise<void> {
  const found = Object.entries(librariesOf).find(([target]) => executable.endsWith(`orcestator-${target}`));
  if (found === undefined) {
    throw new Error(
      `${executable} is not one of: ${Object.keys(librariesOf)
        .map((target) => `orcestator-${target}`)
        .join(", ")}.`,
    );
  }
  const [, { folder, loader }] = found;
  await rm(outputFolder, { recursive: true, force: true });
  for (const name of ["data", "logs", "tmp"]) await mkdir(join(outputFolder, "writable", name), { recursive: true });
  const place = async (source: string, path: string, mode: number): Promise<void> => {
    const destination = join(outputFolder, "root", path);
    await mkdir(join(destination, ".."), { recursive: true });
    await copyFile(source, destination);
    await chmod(destination, mode);
  };
  await place(executable, "orcestator", 0o755);
  await place(join(projectRoot, "LICENSE"), "LICENSE", 0o644);
  const installed = join(systemRoot, "usr", "lib", folder);
  await place(join(installed, loader.file), loader.path, 0o755);
  for (const library of libraries) await place(join(installed, library), join("lib", folder, library), 0o755);
  for (const [path, text] of Object.entries(textFiles)) await Bun.write(join(outputFolder, "root", path), text);
}

const [executable, systemRoot, outputFolder] = process.argv.slice(2);
if (executable === undefined || systemRoot === undefined || outputFolder === undefined) {
  console.error("Usage: bun scripts/image-root.ts <executable> <system root> <output folder>");
  process.exit(2);
}
await createImageRoot({ executable, systemRoot, outputFolder });
