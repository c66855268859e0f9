import { describe, expect, test } from "bun:test";
import { destinationOf } from "../../src/transport/destination.ts";
import { proxyVariableFor, shownProxy } from "../../src/transport/outbound-proxy.ts";

describe("the proxy of the environment", () => {
  test.each([
    ["http://api.test/", { HTTP_PROXY: "p" }, "HTTP_PROXY"],
    ["http://api.test/", { http_proxy: "p", HTTP_PROXY: "q" }, "http_proxy"],
    ["http://api.test/", { HTTPS_PROXY: "p" }, undefined],
    ["https://api.test/", { HTTPS_PROXY: "p", ALL_PROXY: "q" }, "HTTPS_PROXY"],
    ["https://api.test/", { https_proxy: "", ALL_PROXY: "q" }, "ALL_PROXY"],
    ["https://api.test/", { HTTP_PROXY: "p" }, undefined],
    ["https://api.test/", {}, undefined],
  ])("for %p of %p is %p", (url, environment, expected) => {
    expect(proxyVariableFor(destinationOf(new URL(url)), environment)).toBe(expected);
  });

  test.each([
    ["http://api.test/", "*", true],
    ["http://api.test/", "api.test", true],
    ["http://api.test/", "other.test, API.test", true],
    ["http://api.test/", ".test", true],
    ["http://api.test/", "*.test", true],
    ["http://api.test/", "test", true],
    ["http://api.test/", "pi.test", false],
    ["http://api.test/", "api.test:80", true],
    ["http://api.test:8080/", "api.test:80", false],
    ["http://127.0.0.1:8080/", "127.0.0.1:8080", true],
    ["http://10.1.2.3/", "10.0.0.0/8", true],
    ["http://11.1.2.3/", "10.0.0.0/8", false],
    ["http://api.test/", "10.0.0.0/8", false],
    ["http://[::1]/", "::1", true],
    ["http://api.test/", "", false],
    ["http://api.test/", " , ", false],
  ])("is passed by for %p with NO_PROXY=%p: %p", (url, exceptions, expected) => {
    const destination = destinationOf(new URL(url));
    const environment = { http_proxy: "p", NO_PROXY: exceptions };
    expect(proxyVariableFor(destination, environment)).toBe(expected ? undefined : "http_proxy");
  });

  test("reads no_proxy before NO_PROXY, as fetch does", () => {
    const destination = destinationOf(new URL("http://api.test/"));
    const environment = { http_proxy: "p", no_proxy: "other.test", NO_PROXY: "*" };
    expect(proxyVariableFor(destination, environment)).toBe("http_proxy");
  });
});

test.each([
  ["http://user:secret@127.0.0.1:9", "127.0.0.1:9"],
  ["http://proxy.test", "proxy.test:80"],
  ["https://u:p@proxy.test/path?key=secret", "proxy.test:443"],
  ["user:secret@proxy.test:3128", "proxy.test:3128"],
  ["proxy.test:3128", "proxy.test:3128"],
  ["http://[::1]:9", "[::1]:9"],
])("the proxy %p is shown as %p", (url, shown) => {
  expect(shownProxy(url)).toBe(shown);
});
