/** One resource in a Windows executable: where its bytes are and how many there may be. */
export interface Resource {
  /** RT_ICON 3, RT_GROUP_ICON 14, RT_VERSION 16. */
  type: number;
  /** Position of the table entry that gives the length. */
  entry: number;
  position: number;
  length: number;
}

/** All resources of a PE executable, in the order of its table. */
export function readResources(executable: Buffer): Resource[] {
  const section = findSection(executable, ".rsrc");
  const list = (folder: number, type: number | undefined): Resource[] => {
    const count = executable.readUInt16LE(folder + 12) + executable.readUInt16LE(folder + 14);
    return Array.from({ length: count }, (_, index) => folder + 16 + 8 * index).flatMap((item) => {
      const target = executable.readUInt32LE(item + 4);
      const itemType = type ?? executable.readUInt32LE(item);
      const isFolder = target >= 0x8000_0000;
      if (isFolder) return list(section.position + (target - 0x8000_0000), itemType);
      const entry = section.position + target;
      const position = executable.readUInt32LE(entry) - section.address + section.position;
      return [{ type: itemType, entry, position, length: executable.readUInt32LE(entry + 4) }];
    });
  };
  return list(section.position, undefined);
}

/** Puts other bytes in a resource's place; they may not be more than there were. */
export function replaceResource(executable: Buffer, resource: Resource, bytes: Buffer): void {
  if (bytes.length > resource.length) {
    throw new Error(`A resource of ${bytes.length} bytes does not fit into the place of one of ${resource.length}.`);
  }
  executable.fill(0, resource.position, resource.position + resource.length);
  bytes.copy(executable, resource.position);
  executable.writeUInt32LE(bytes.length, resource.entry + 4);
}

function findSection(executable: Buffer, name: string): { address: number; position: number } {
  const header = executable.readUInt32LE(0x3c);
  const count = executable.readUInt16LE(header + 6);
  const table = header + 24 + executable.readUInt16LE(header + 20);
  for (let index = 0; index < count; index += 1) {
    const at = table + 40 * index;
    if (executable.toString("latin1", at, at + 8).replace(/\0+$/, "") !== name) continue;
    return { address: executable.readUInt32LE(at + 12), position: executable.readUInt32LE(at + 20) };
  }
  throw new Error(`The executable has no section ${name}.`);
}
