import { describe, expect, test } from "bun:test";
import { iconBitmap } from "../../scripts/build/windows/icon.ts";
import { readResources, replaceResource } from "../../scripts/build/windows/resource-table.ts";
import { versionResource } from "../../scripts/build/windows/version-resource.ts";

const sectionAddress = 0x5000;
const sectionPosition = 0x400;

/** As little of a PE executable as has a table with one resource (type 16) of these bytes. */
function executableWith(resource: Buffer): Buffer {
  const file = Buffer.alloc(sectionPosition + 0x200);
  const header = 0x80;
  file.writeUInt32LE(header, 0x3c);
  file.writeUInt16LE(1, header + 6);
  const section = header + 24;
  file.write(".rsrc", section, "latin1");
  file.writeUInt32LE(sectionAddress, section + 12);
  file.writeUInt32LE(sectionPosition, section + 20);
  // Three levels, one item each: type, name, language.
  for (const [level, id] of [16, 1, 1033].entries()) {
    const folder = sectionPosition + 24 * level;
    file.writeUInt16LE(1, folder + 14);
    file.writeUInt32LE(id, folder + 16);
    file.writeUInt32LE((level < 2 ? 0x8000_0000 : 0) + 24 * (level + 1), folder + 20);
  }
  const entry = sectionPosition + 72;
  file.writeUInt32LE(sectionAddress + 0x100, entry);
  file.writeUInt32LE(resource.length, entry + 4);
  resource.copy(file, sectionPosition + 0x100);
  return file;
}

describe("a resource of a Windows executable", () => {
  test("is found by its table", () => {
    const [resource] = readResources(executableWith(Buffer.from("old text")));
    expect(resource).toEqual({ type: 16, entry: sectionPosition + 72, position: sectionPosition + 0x100, length: 8 });
  });

  test("is replaced where it stands, with nothing left of the old one", () => {
    const executable = executableWith(Buffer.from("old text"));
    for (const resource of readResources(executable)) replaceResource(executable, resource, Buffer.from("new"));
    const [resource] = readResources(executable);
    expect(resource?.length).toBe(3);
    expect(executable.toString("latin1", resource?.position, (resource?.position ?? 0) + 8)).toBe("new\0\0\0\0\0");
  });

  test("is not replaced by a longer one", () => {
    const executable = executableWith(Buffer.from("old"));
    const [resource] = readResources(executable);
    expect(() => resource && replaceResource(executable, resource, Buffer.from("longer"))).toThrow("does not fit");
  });

  test("is not looked for in what has none", () => {
    const executable = executableWith(Buffer.alloc(0));
    executable.write(".text", 0x80 + 24, "latin1");
    expect(() => readResources(executable)).toThrow("no section .rsrc");
  });
});

describe("the version resource", () => {
  test("holds its own length, the version as numbers, and the texts", () => {
    const resource = versionResource({ version: "1.22.333-rc.1", texts: { ProductName: "Orcestator" } });
    expect(resource.readUInt16LE(0)).toBe(resource.length);
    expect(resource.toString("utf16le", 6, 34)).toBe("VS_VERSION_INFO".slice(0, 14));
    expect(resource.readUInt32LE(40)).toBe(0xfeef04bd);
    expect(resource.readUInt32LE(48)).toBe(0x0001_0016);
    expect(resource.readUInt32LE(52)).toBe(333 * 0x1_0000);
    expect(resource.toString("utf16le")).toContain("Orcestator\0");
  });
});

test("the icon has clear corners and a solid middle", () => {
  const icon = iconBitmap();
  const pixel = (x: number, y: number): number => icon.readUInt32LE(40 + 4 * ((255 - y) * 256 + x));
  expect(icon.length).toBe(40 + 256 * 256 * 4 + (256 * 256) / 8);
  expect(pixel(0, 0)).toBe(pixel(255, 255));
  expect(pixel(0, 0) >>> 24).toBe(0);
  expect(pixel(128, 128)).toBe(0xffff_ffff);
});
