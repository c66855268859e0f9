import { describe, expect, test } from "bun:test";
import { clientAddress } from "../../src/http/client-address.ts";
import { parseAddressRange } from "../../src/lib/cidr.ts";

const trusted = ["10.0.0.0/8", "2001:db8::/32"].map(parseAddressRange).filter((range) => range !== undefined);

describe("the address of a client", () => {
  const cases = [
    ["is its own when it came by itself, whatever it claims", "192.0.2.7", "1.1.1.1", "192.0.2.7"],
    ["is what the trusted proxy says", "10.0.0.1", "192.0.2.7", "192.0.2.7"],
    ["is the last one that no trusted proxy has", "10.0.0.1", "1.1.1.1, 192.0.2.7, 10.0.0.2", "192.0.2.7"],
    ["is the proxy's where it says nothing", "10.0.0.1", null, "10.0.0.1"],
    ["is the proxy's where it says something else", "10.0.0.1", "unknown", "10.0.0.1"],
    ["is the farthest one where all are proxies", "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"],
    ["may be told with a port", "10.0.0.1", "192.0.2.7:4711", "192.0.2.7"],
    ["may be IPv6 in brackets", "::ffff:10.0.0.1", "[2001:db9::1]:4711", "2001:db9::1"],
    ["ends at what is no address", "10.0.0.1", "192.0.2.7, <script>, 10.0.0.2", "10.0.0.2"],
  ] as const;
  test.each(cases)("%s", (_name, peer, forwardedFor, expected) => {
    expect(clientAddress(peer, forwardedFor, trusted)).toBe(expected);
  });
});
