import { expect, test } from "bun:test";
import { networkOf } from "../../src/lib/ip.ts";

test("an IPv4 address is a client of its own, however it is written", () => {
  expect(networkOf("192.0.2.7")).toBe("192.0.2.7");
  for (const mapped of ["::ffff:192.0.2.7", "::ffff:c000:207", "0:0:0:0:0:FFFF:C000:0207"])
    expect(networkOf(mapped)).toBe("192.0.2.7");
  expect(networkOf("::fffe:c000:207")).toBe("0:0:0:0::/64");
});

test("addresses of one IPv6 network are one client", () => {
  for (const address of [
    "2001:db8:0:7::1",
    "2001:db8:0:7:ffff::2",
    "2001:0DB8:0000:0007:1:2:3:4",
    "2001:db8:0:7::%eth0",
  ])
    expect(networkOf(address)).toBe("2001:db8:0:7::/64");
  expect(networkOf("2001:db8::1")).toBe("2001:db8:0:0::/64");
  expect(networkOf("::1")).toBe("0:0:0:0::/64");
});
