import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/errors.ts";
import { destinationOf } from "../../src/transport/destination.ts";

describe("a destination", () => {
  test.each([
    ["https://api.test/v1/chat", "https://api.test", "api.test", "api.test", 443],
    ["http://api.test/v1", "http://api.test", "api.test", "api.test", 80],
    ["http://api.test:8080/v1?x=1", "http://api.test:8080", "api.test:8080", "api.test", 8080],
    ["https://[::1]:9/v1", "https://[::1]:9", "[::1]:9", "::1", 9],
    ["http://127.0.0.1:1234", "http://127.0.0.1:1234", "127.0.0.1:1234", "127.0.0.1", 1234],
  ])("%s is taken apart", (text, origin, host, hostname, port) => {
    const url = new URL(text);
    expect(destinationOf(url)).toEqual({ href: url.href, origin, host, hostname, port });
  });

  test.each([
    "file:///etc/hostname",
    "data:text/plain,x",
    "s3://bucket/x",
    "ftp://127.0.0.1/x",
    "blob:x",
    "unix:/tmp/x",
    "ws://host/",
  ])("%s is none: fetch must not read it", (text) => {
    expect(() => destinationOf(new URL(text))).toThrow(GatewayError);
    expect(() => destinationOf(new URL(text))).toThrow("http or https");
  });
});
