import { describe, expect, test } from "bun:test";
import { isInRanges, parseAddressRange } from "../../src/lib/cidr.ts";
import { createRandom } from "../support/random.ts";

function isIn(address: string, ...ranges: string[]): boolean {
  return isInRanges(
    address,
    ranges.map((text) => parseAddressRange(text)!),
  );
}

describe("an address lies in a range", () => {
  const inside = [
    ["10.1.2.3", "10.0.0.0/8"],
    ["10.255.255.255", "10.0.0.0/8"],
    ["192.0.2.7", "192.0.2.7"],
    ["192.0.2.7", "192.0.2.6/31"],
    ["203.0.113.9", "0.0.0.0/0"],
    ["::ffff:10.1.2.3", "10.0.0.0/8"],
    ["10.1.2.3", "::ffff:10.0.0.0/104"],
    ["10.1.2.3", "::/0"],
    ["2001:db8::1", "2001:db8::/32"],
    ["2001:0DB8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8::/32"],
    ["fe80::1%eth0", "fe80::/10"],
    ["::1", "::1"],
    ["64:ff9b::10.0.0.1", "64:ff9b::a00:0/104"],
  ] as const;
  for (const [address, range] of inside) test(`${address} in ${range}`, () => expect(isIn(address, range)).toBe(true));
});

describe("an address lies outside of a range", () => {
  const outside = [
    ["11.0.0.0", "10.0.0.0/8"],
    ["9.255.255.255", "10.0.0.0/8"],
    ["192.0.2.8", "192.0.2.6/31"],
    ["2001:db9::", "2001:db8::/32"],
    ["2001:db8::1", "0.0.0.0/0"],
    ["::1", "127.0.0.1"],
    ["10.0.0.1", "fc00::/7"],
    ["unknown", "0.0.0.0/0"],
    ["", "::/0"],
    ["10.0.0.1, 10.0.0.2", "10.0.0.0/8"],
  ] as const;
  for (const [address, range] of outside)
    test(`${address} in ${range}`, () => expect(isIn(address, range)).toBe(false));
});

test("several ranges are any of them, and none allows nothing", () => {
  expect(isIn("192.0.2.1", "10.0.0.0/8", "192.0.2.0/24")).toBe(true);
  expect(isInRanges("192.0.2.1", [])).toBe(false);
});

test("what is no range is none", () => {
  for (const text of [
    "",
    "10.0.0.0/33",
    "::/129",
    "10.0.0/8",
    "010.0.0.0/8",
    "10.0.0.0/",
    "10.0.0.0/08",
    "a",
    "1.2.3.4/8/8",
  ])
    expect([text, parseAddressRange(text)]).toEqual([text, undefined]);
});

test("bits behind the prefix do not count", () => expect(isIn("10.9.9.9", "10.0.0.1/8")).toBe(true));

const text = (value: number): string => [24, 16, 8, 0].map((by) => (value >>> by) & 255).join(".");

test("it agrees with counting by numbers", () => {
  const random = createRandom(11);
  const word = (): number => Math.floor(random() * 2 ** 32);
  for (let round = 0; round < 3000; round += 1) {
    const [network, bits] = [word(), Math.floor(random() * 33)];
    // Close ones, or none would lie within.
    const address = random() < 0.7 ? (network ^ (word() >>> Math.min(31, Math.floor(random() * 33)))) >>> 0 : word();
    const size = 2 ** (32 - bits);
    const expected = Math.floor(address / size) === Math.floor(network / size);
    expect(isIn(text(address), `${text(network)}/${bits}`)).toBe(expected);
  }
});
