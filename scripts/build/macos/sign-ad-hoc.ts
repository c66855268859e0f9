const segmentCommand = 0x19;
const signatureCommand = 0x1d;

const pageSize = 4096;
const hashLength = 32;
const directoryHeadLength = 88;
const superBlobHeadLength = 20;
const identifier = Buffer.from("a.out\0");

interface Layout {
  /** Positions of load commands. */
  text: number;
  linkedit: number;
  signature: number;
}

/**
 * The same Mach-O executable with an ad-hoc signature over all of it, as a linker makes it.
 * Bun leaves the signature of its own executable in one for Intel Macs, where it no longer fits: macOS ends such a program at once.
 */
export function signAdHoc(executable: Buffer): Buffer {
  const layout = findCommands(executable);
  const codeLength = executable.readUInt32LE(layout.signature + 8);
  const signatureLength = lengthOfSignature(codeLength);
  const signed = Buffer.alloc(codeLength + signatureLength);
  executable.copy(signed, 0, 0, codeLength);
  // The first page is signed too, so its new lengths must stand before it is hashed.
  signed.writeUInt32LE(signatureLength, layout.signature + 12);
  const linkeditLength = signed.length - Number(signed.readBigUInt64LE(layout.linkedit + 40));
  signed.writeBigUInt64LE(BigInt(linkeditLength), layout.linkedit + 48);
  signed.writeBigUInt64LE(BigInt(Math.ceil(linkeditLength / pageSize) * pageSize), layout.linkedit + 32);
  writeSignature(signed, codeLength, layout.text);
  return signed;
}

/** Whether every page is what its hash in the signature says. */
export function hasValidSignature(executable: Buffer): boolean {
  const { signature } = findCommands(executable);
  const superBlob = executable.readUInt32LE(signature + 8);
  const directory = superBlob + executable.readUInt32BE(superBlob + 16);
  const hashes = directory + executable.readUInt32BE(directory + 16);
  const codeLength = executable.readUInt32BE(directory + 32);
  if (codeLength !== superBlob || executable.length !== superBlob + executable.readUInt32LE(signature + 12))
    return false;
  return hashPages(executable, codeLength).equals(
    executable.subarray(hashes, hashes + hashLength * pageCount(codeLength)),
  );
}

function findCommands(executable: Buffer): Layout {
  const positions: Partial<Layout> = {};
  const count = executable.readUInt32LE(16);
  for (let index = 0, at = 32; index < count; index += 1, at += executable.readUInt32LE(at + 4)) {
    const command = executable.readUInt32LE(at);
    if (command === signatureCommand) positions.signature = at;
    if (command !== segmentCommand) continue;
    const name = executable.toString("latin1", at + 8, at + 24).replace(/\0+$/, "");
    if (name === "__TEXT") positions.text = at;
    if (name === "__LINKEDIT") positions.linkedit = at;
  }
  const { text, linkedit, signature } = positions;
  if (text !== undefined && linkedit !== undefined && signature !== undefined) return { text, linkedit, signature };
  throw new Error("This Mach-O executable has no place for a signature; look at what Bun makes of it now.");
}

function pageCount(codeLength: number): number {
  return Math.ceil(codeLength / pageSize);
}

function lengthOfSignature(codeLength: number): number {
  return superBlobHeadLength + directoryHeadLength + identifier.length + hashLength * pageCount(codeLength);
}

/** One list of blobs with one blob, the code directory. All numbers here are big-endian. */
function writeSignature(file: Buffer, codeLength: number, textCommand: number): void {
  const signature = file.subarray(codeLength);
  for (const [index, field] of [0xfade0cc0, signature.length, 1, 0, superBlobHeadLength].entries()) {
    signature.writeUInt32BE(field, 4 * index);
  }
  const directory = signature.subarray(superBlobHeadLength);
  const hashOffset = directoryHeadLength + identifier.length;
  const version = 0x20400;
  const flags = 0x20002; // ad hoc, by a linker
  const fields = [0xfade0c02, directory.length, version, flags, hashOffset, directoryHeadLength];
  for (const [index, field] of [...fields, 0, pageCount(codeLength), codeLength].entries()) {
    directory.writeUInt32BE(field, 4 * index);
  }
  const sha256Type = 2;
  directory.set([hashLength, sha256Type, 0, Math.log2(pageSize)], 36);
  directory.writeBigUInt64BE(file.readBigUInt64LE(textCommand + 40), 64);
  directory.writeBigUInt64BE(file.readBigUInt64LE(textCommand + 48), 72);
  const mainBinary = 1n;
  directory.writeBigUInt64BE(mainBinary, 80);
  identifier.copy(directory, directoryHeadLength);
  hashPages(file, codeLength).copy(directory, hashOffset);
}

function hashPages(file: Buffer, codeLength: number): Buffer {
  const hashes = Buffer.alloc(hashLength * pageCount(codeLength));
  for (let page = 0; page < pageCount(codeLength); page += 1) {
    const bytes = file.subarray(page * pageSize, Math.min((page + 1) * pageSize, codeLength));
    Bun.SHA256.hash(bytes, hashes.subarray(page * hashLength, (page + 1) * hashLength));
  }
  return hashes;
}
