import { describe, expect, test } from "bun:test";
import {
  hostnameOf,
  isLocalHostname,
  isLoopbackAddress,
  isPrivateAddress,
  isPrivateHostname,
} from "../../src/lib/ip.ts";

type Nearness = "loopback" | "private" | "public";

function nearnessOf(address: string): Nearness {
  const isPrivate = isPrivateAddress(address);
  if (isLoopbackAddress(address)) return isPrivate ? "loopback" : "public";
  return isPrivate ? "private" : "public";
}

describe("addresses", () => {
  const table: readonly [string, Nearness][] = [
    ["127.0.0.1", "loopback"],
    ["127.255.255.254", "loopback"],
    ["::1", "loopback"],
    ["0:0:0:0:0:0:0:1", "loopback"],
    ["::ffff:127.0.0.1", "loopback"],
    ["::FFFF:127.0.0.1", "loopback"],
    ["10.0.0.1", "private"],
    ["10.255.255.255", "private"],
    ["172.16.0.1", "private"],
    ["172.31.255.255", "private"],
    ["192.168.0.1", "private"],
    ["169.254.169.254", "private"],
    ["100.64.0.1", "private"],
    ["100.127.255.255", "private"],
    ["::ffff:192.168.1.5", "private"],
    ["fc00::1", "private"],
    ["fd12:3456::1", "private"],
    ["FD12:3456::1", "private"],
    ["fe80::1", "private"],
    ["fe80::1%eth0", "private"],
    ["febf::1", "private"],
    ["126.255.255.255", "public"],
    ["128.0.0.1", "public"],
    ["9.255.255.255", "public"],
    ["11.0.0.0", "public"],
    ["172.15.255.255", "public"],
    ["172.32.0.0", "public"],
    ["192.167.1.1", "public"],
    ["192.169.1.1", "public"],
    ["169.253.1.1", "public"],
    ["100.63.255.255", "public"],
    ["100.128.0.0", "public"],
    ["8.8.8.8", "public"],
    ["0.0.0.0", "public"],
    ["255.255.255.255", "public"],
    ["::", "public"],
    ["::2", "public"],
    ["2001:db8::1", "public"],
    ["fec0::1", "public"],
    ["fd::1", "public"],
    ["::ffff:8.8.8.8", "public"],
  ];
  for (const [address, nearness] of table)
    test(`${address} is ${nearness}`, () => expect(nearnessOf(address)).toBe(nearness));

  test.each([
    "",
    "0x7f.1",
    "0x7f000001",
    "2130706433",
    "127.1",
    "127.0.1",
    "0177.0.0.1",
    "127.0.0.256",
    "127.0.0.1.",
    "127.0.0.1 ",
    "127.0.0.1:80",
    "127.0.0.1.nip.io",
    "１２７.0.0.1",
    "[::1]",
    "::1.",
    "::1:1",
    "localhost",
    "10.0.0.1.example.com",
    "fd12.example.com",
  ])("%p is no text form of a near address", (text) => {
    expect(nearnessOf(text)).toBe("public");
  });

  test("a number with leading zeros, which others read as octal, is no text form", () => {
    for (const text of ["010.0.0.1", "127.0.0.01", "192.168.001.1"]) expect(nearnessOf(text)).toBe("public");
  });

  test("a zone id does not hide a loopback address", () => {
    expect(nearnessOf("::1%lo")).toBe("loopback");
  });
});

describe("the host of a Host header", () => {
  test.each([
    ["localhost", "localhost"],
    ["LocalHost:8000", "localhost"],
    ["127.0.0.1:1", "127.0.0.1"],
    ["[::1]:8000", "::1"],
    ["[::1]", "::1"],
    ["[::ffff:127.0.0.1]:80", "::ffff:127.0.0.1"],
    ["my_host-1.lan:65535", "my_host-1.lan"],
  ])("%p is %p", (host, hostname) => {
    expect(hostnameOf(host)).toBe(hostname);
  });

  test.each([
    "",
    ":80",
    "a b",
    "a/b",
    "a#",
    "u@localhost",
    "localhost:",
    "localhost:123456",
    "localhost:80:80",
    "::1",
    "[::1",
    "localhost, evil.example",
    "лок",
    "localhost\n",
  ])("%p has none", (host) => {
    expect(hostnameOf(host)).toBeUndefined();
  });
});

describe("host names", () => {
  test.each(["localhost", "app.localhost", "host.docker.internal", "127.0.0.1", "::1"])("%s is local", (name) => {
    expect([isLocalHostname(name), isPrivateHostname(name)]).toEqual([true, true]);
  });

  test.each(["nas", "printer.local", "box.lan", "x.home.arpa", "192.168.1.2", "10.0.0.1", "fd00::1", "fe80::1"])(
    "%s is private, not local",
    (name) => {
      expect([isLocalHostname(name), isPrivateHostname(name)]).toEqual([false, true]);
    },
  );

  test.each([
    "example.com",
    "localhost.example.com",
    "notlocalhost.com",
    "evil-localhost.com",
    "127.0.0.1.nip.io",
    "0x7f.1",
    "127.1",
    "internal.example.com",
    "a.locals",
    "xlan.com",
    "8.8.8.8",
    "2001:db8::1",
  ])("%s is a name that public DNS may point here", (name) => {
    expect([isLocalHostname(name), isPrivateHostname(name)]).toEqual([false, false]);
  });
});
