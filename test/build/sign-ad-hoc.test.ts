import { describe, expect, test } from "bun:test";
import { hasValidSignature, signAdHoc } from "../../scripts/build/macos/sign-ad-hoc.ts";

const codeLength = 3 * 4096 + 100;

/** As little of a Mach-O executable as can be signed, with the rest of a signature that no longer fits. */
function executable(): Buffer {
  const file = Buffer.alloc(codeLength + 5000, 7);
  const commands = [
    { name: "__TEXT", fileOffset: 0, fileLength: 8192 },
    { name: "__LINKEDIT", fileOffset: 8192, fileLength: codeLength + 5000 - 8192 },
  ];
  file.writeUInt32LE(3, 16);
  let at = 32;
  for (const { name, fileOffset, fileLength } of commands) {
    file.fill(0, at, at + 72);
    file.writeUInt32LE(0x19, at);
    file.writeUInt32LE(72, at + 4);
    file.write(name, at + 8, "latin1");
    file.writeBigUInt64LE(BigInt(fileOffset), at + 40);
    file.writeBigUInt64LE(BigInt(fileLength), at + 48);
    at += 72;
  }
  file.writeUInt32LE(0x1d, at);
  file.writeUInt32LE(16, at + 4);
  file.writeUInt32LE(codeLength, at + 8);
  file.writeUInt32LE(5000, at + 12);
  file.fill(0, codeLength);
  return file;
}

describe("an executable for macOS", () => {
  test("is not valid with a signature of something else", () => {
    expect(hasValidSignature(executable())).toBe(false);
  });

  test("is valid once it is signed, and keeps its code", () => {
    const signed = signAdHoc(executable());
    expect(hasValidSignature(signed)).toBe(true);
    expect(signed.subarray(200, codeLength)).toEqual(executable().subarray(200, codeLength));
  });

  test("ends with the signature, and its last segment covers it", () => {
    const signed = signAdHoc(executable());
    expect(signed.readUInt32LE(32 + 144 + 12)).toBe(signed.length - codeLength);
    expect(Number(signed.readBigUInt64LE(32 + 72 + 48))).toBe(signed.length - 8192);
    expect(Number(signed.readBigUInt64LE(32 + 72 + 32)) % 4096).toBe(0);
  });

  test("signed again is the same", () => {
    const signed = signAdHoc(executable());
    expect(signAdHoc(signed).equals(signed)).toBe(true);
  });

  test("is no longer valid when one byte changes", () => {
    const signed = signAdHoc(executable());
    signed[codeLength - 1] = 8;
    expect(hasValidSignature(signed)).toBe(false);
  });

  test("is refused when it has no place for a signature", () => {
    expect(() => signAdHoc(Buffer.alloc(64))).toThrow("no place for a signature");
  });
});
