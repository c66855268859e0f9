import { describe, expect, test } from "bun:test";
import { readInboundUrl } from "../../src/http/inbound-url.ts";
import { forSeeds } from "../lib/seeded.ts";

describe("a request's URL", () => {
  test.each([
    ["http://localhost:8000/v1/models", "/v1/models"],
    ["https://gateway.test/", "/"],
    ["http://localhost/v1/models?x=//y&key=a/k/b", "/v1/models?x=//y&key=a/k/b"],
    ["http://localhost/v1/models/vendor/name%2Fx", "/v1/models/vendor/name%2Fx"],
    ["http://localhost/keys/k/x", "/keys/k/x"],
    ["http://localhost/kk/x", "/kk/x"],
    ["http://localhost/K/key/v1", "/K/key/v1"],
  ])("%s stays as it came", (url, target) => {
    expect(readInboundUrl(url)).toEqual({ target, pathKey: undefined, isChanged: false });
  });

  test.each([
    "/v1/models",
    "//evil.test/v1",
    "",
    "ftp://localhost/",
    "HTTP://localhost/",
    "localhost:8000/v1",
    "http:/localhost/v1",
    "javascript:x",
    "*",
  ])("%p, which is not absolute, is none", (url) => {
    expect(readInboundUrl(url)).toBeUndefined();
  });

  test.each([
    ["http://gw/v1/models", "/v1/models"],
    ["http://x/", "/"],
    ["http://a/v1?q=1", "/v1?q=1"],
  ])("%s has a host so short that the router would miss the path", (url, target) => {
    expect(readInboundUrl(url)).toEqual({ target, pathKey: undefined, isChanged: true });
  });

  test.each([
    ["http://localhost//v1///models", "/v1/models"],
    ["http://localhost//", "/"],
    ["http://localhost/v1//models?a=//", "/v1/models?a=//"],
  ])("%s has its slashes collapsed, in the path only", (url, target) => {
    expect(readInboundUrl(url)).toEqual({ target, pathKey: undefined, isChanged: true });
  });
});

describe("a key in the path", () => {
  test.each([
    ["http://localhost/k/sk-1/v1/models", "sk-1", "/v1/models"],
    ["http://localhost/k/sk-1/v1/models?x=1", "sk-1", "/v1/models?x=1"],
    ["http://localhost/k/sk-1", "sk-1", "/"],
    ["http://localhost/k/sk-1/", "sk-1", "/"],
    ["http://localhost/k/sk-1?x=1", "sk-1", "/?x=1"],
    ["http://localhost//k//sk-1//v1", "sk-1", "/v1"],
    ["http://localhost/k/a%2Fb%20c/v1", "a/b c", "/v1"],
    ["http://localhost/k/bad%zz/v1", "bad%zz", "/v1"],
    ["http://localhost/k/one/k/two/v1", "one", "/k/two/v1"],
  ])("%s is taken out", (url, pathKey, target) => {
    expect(readInboundUrl(url)).toEqual({ target, pathKey, isChanged: true });
  });

  test("that is empty is none", () => {
    expect(readInboundUrl("http://localhost/k/")).toEqual({ target: "/k/", pathKey: undefined, isChanged: true });
  });
});

test("whatever comes gives a target that begins with one slash and holds no key", () => {
  const pieces = ["/", "//", "k", "/k/", "SECRET", "v1", "%2F", "?", "#", "..", ".", "@", ":", "\\", ";", " "];
  forSeeds(5000, (random) => {
    const path = `/${Array.from({ length: random.below(8) }, () => random.pick(pieces)).join("")}`;
    const inbound = readInboundUrl(`http://localhost${path}`);
    expect(inbound?.target).toMatch(/^\/(?!\/)/);
    if (inbound?.pathKey !== undefined) expect(path.replace(/\/+/g, "/")).toStartWith("/k/");
    const withKey = readInboundUrl(`http://localhost/k/KEY${path}`);
    expect(withKey?.target).not.toContain("/k/KEY");
  });
});
