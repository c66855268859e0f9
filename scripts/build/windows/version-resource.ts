/** What Explorer, Task Manager and the firewall's question show about a program. */
export interface ProgramDescription {
  /** `1.2.3`, at most four numbers. */
  version: string;
  /** By name: FileDescription, ProductName, CompanyName, … */
  texts: Readonly<Record<string, string>>;
}

const languageAndCodePage = { key: "040904b0", value: Buffer.from([0x09, 0x04, 0xb0, 0x04]) }; // US English, UTF-16

interface Block {
  key: string;
  value?: Buffer;
  /** Length field of a text: in characters, not bytes. */
  isText?: boolean;
  children?: readonly Block[];
}

/** Bytes of a VS_VERSIONINFO resource. */
export function versionResource({ version, texts }: ProgramDescription): Buffer {
  const children = Object.entries(texts).map(([key, text]): Block => ({ key, value: utf16(text), isText: true }));
  return encode({
    key: "VS_VERSION_INFO",
    value: fixedFileInfo(version),
    children: [
      { key: "StringFileInfo", children: [{ key: languageAndCodePage.key, children }] },
      { key: "VarFileInfo", children: [{ key: "Translation", value: languageAndCodePage.value }] },
    ],
  });
}

function encode({ key, value = Buffer.alloc(0), isText = false, children = [] }: Block): Buffer {
  const head = padded(Buffer.concat([Buffer.alloc(6), utf16(key)]));
  const body = children.reduce((bytes, child) => Buffer.concat([padded(bytes), encode(child)]), value);
  const block = Buffer.concat([head, body]);
  block.writeUInt16LE(block.length, 0);
  block.writeUInt16LE(isText ? value.length / 2 : value.length, 2);
  // A block of texts counts as text itself; only binary values do not.
  block.writeUInt16LE(isText || value.length === 0 ? 1 : 0, 4);
  return block;
}

/** Everything in the resource begins at a multiple of four bytes. */
function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}

function utf16(text: string): Buffer {
  return Buffer.from(`${text}\0`, "utf16le");
}

function fixedFileInfo(version: string): Buffer {
  const [major = 0, minor = 0, patch = 0, build = 0] = version.split(/[.+-]/).map((part) => Number(part) || 0);
  const high = major * 0x1_0000 + minor;
  const low = patch * 0x1_0000 + build;
  const info = Buffer.alloc(52);
  const fields = [0xfeef04bd, 0x1_0000, high, low, high, low, 0x3f, 0, 0x4_0004, 1];
  for (const [index, field] of fields.entries()) info.writeUInt32LE(field, 4 * index);
  return info;
}
