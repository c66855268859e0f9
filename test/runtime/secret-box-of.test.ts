import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { configSchema } from "../../src/config/schema.ts";
import { sealedWith } from "../../src/keys/secret-box.ts";
import { withKeystoreKey } from "../../src/runtime/keystore-key.ts";
import { resolveConfig } from "../../src/config/resolve.ts";
import { secretBoxOf } from "../../src/runtime/secret-box-of.ts";
import { makeSecretKeyFile, readSecretKeyFile, writeSecretKeyFile } from "../../src/runtime/secret-key-file.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());

const told: string[] = [];
const log = { info: (text: string) => void told.push(text), warn: (text: string) => void told.push(text) };
beforeEach(() => void (told.length = 0));

const boxOf = (storage: object) => secretBoxOf(configSchema.parse({ storage }), log);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
let count = 0;
const somePath = (): string => join(folder.path, `f${(count += 1)}`);

describe("the key that seals secrets", () => {
  test("is made beside a SQLite database with the first secret, for its owner alone, and the log says so", () => {
    const path = somePath();
    const url = `sqlite://${path}`;
    const box = boxOf({ url });
    expect([existsSync(`${path}.key`), told]).toEqual([false, []]);
    const sealed = box?.seal("secret") ?? "";
    expect(statSync(`${path}.key`).mode & 0o777).toBe(process.platform === "win32" ? 0o666 : 0o600);
    expect(told.join()).toContain(`${path}.key`);
    expect(told.join()).not.toContain(readFileSync(`${path}.key`, "utf8").trim());
    expect(boxOf({ url })?.open(sealed)).toBe("secret");
    expect(told).toHaveLength(1);
  });

  test("is the configured one, as hex or base64, and those after it open what is older", () => {
    const [first, second] = [randomBytes(32), randomBytes(32)];
    const url = `sqlite://${somePath()}`;
    const old = boxOf({ url, secretKey: hex(first) })?.seal("secret") ?? "";
    for (const text of [hex(first), first.toString("base64"), first.toString("base64url"), ` ${hex(first)} `])
      expect(boxOf({ url, secretKey: text })?.open(old)).toBe("secret");
    const both = boxOf({ url, secretKey: `${hex(second)},${hex(first)}` });
    expect(both?.open(old)).toBe("secret");
    expect(sealedWith(both?.seal("x") ?? "")).not.toBe(sealedWith(old));
    expect(() => boxOf({ url, secretKey: hex(second) })?.open(old)).toThrow("sealed with the key");
  });

  test("cannot be written where a part of its path is a file, which is told of the file that was named", () => {
    const file = somePath();
    writeFileSync(file, "x");
    const path = join(file, "new.key");
    for (const write of [() => makeSecretKeyFile(path), () => writeSecretKeyFile(path, [randomBytes(32)])]) {
      expect(write).toThrow(`The key file ${path} cannot be written: E`);
      expect(write).toThrow("; it must be in a folder that can be written.");
      expect(write).not.toThrow(".new");
    }
  });

  test("may be in a file of its own, which must be there and hold one", () => {
    const url = `sqlite://${somePath()}`;
    const file = somePath();
    expect(() => boxOf({ url, secretKeyFile: file })).toThrow("does not exist");
    for (const text of ["", "short", "zz".repeat(32), `${hex(randomBytes(32))} rest`]) {
      writeFileSync(file, text);
      expect(() => boxOf({ url, secretKeyFile: file })).toThrow("holds no key");
    }
    writeFileSync(file, `${hex(randomBytes(32))}\n`);
    expect(boxOf({ url, secretKeyFile: file })?.open(boxOf({ url, secretKeyFile: file })?.seal("s") ?? "")).toBe("s");
  });

  test("is never made up for a database server, which several gateways share", () => {
    expect(boxOf({ url: "postgres://u:p@db.example/x" })).toBeUndefined();
    expect(told.join()).toContain("ORCESTATOR_SECRET_KEY");
    expect(boxOf({ url: "postgres://u:p@db.example/x", secretKey: hex(randomBytes(32)) })).toBeDefined();
    expect(boxOf({})).toBeUndefined();
  });

  test("that is none is refused without being told", () => {
    for (const secretKey of ["a-secret-of-mine", "00", `${hex(randomBytes(32))},nonsense`]) {
      const { error } = configSchema.safeParse({ storage: { secretKey } });
      expect(error?.message).toContain("32 bytes as hex or base64");
      expect(error?.message).not.toContain("a-secret-of-mine");
    }
  });

  // The keystore of a machine with a desktop would be written to.
  test.skipIf(process.env["DBUS_SESSION_BUS_ADDRESS"] !== undefined || process.platform !== "linux")(
    "of a keystore that is not there keeps the gateway from starting, and says what to do",
    async () => {
      const config = resolveConfig(configSchema.parse({ storage: { secretKey: "keystore" } }));
      const message = await withKeystoreKey(config).catch(String);
      expect(message).toMatch(/keystore cannot be used.*ORCESTATOR_SECRET_KEY/);
    },
  );
});

describe("a key file", () => {
  test("made by several at once is one, and leaves nothing beside it", () => {
    const path = somePath();
    const made = Array.from({ length: 5 }, () => hex(makeSecretKeyFile(path)[0] ?? new Uint8Array()));
    expect(new Set(made).size).toBe(1);
    expect(readdirSync(folder.path).filter((name) => name.endsWith(".new"))).toEqual([]);
  });

  test("is replaced whole", () => {
    const path = somePath();
    const keys = [randomBytes(32), randomBytes(32)];
    makeSecretKeyFile(path);
    writeSecretKeyFile(path, keys);
    expect(readSecretKeyFile(path)?.map(hex)).toEqual(keys.map(hex));
    expect(statSync(path).mode & 0o077).toBe(process.platform === "win32" ? 0o066 : 0);
  });
});
