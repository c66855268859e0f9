/** Which addresses count as near. All take the text forms that sockets and Host headers use; zone ids are ignored. */

function ipv4Of(address: string): number[] | undefined {
  // No leading zeros: many programs read such a number as octal.
  const match = /^(?:::ffff:)?(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/i.exec(address);
  if (match === null) return undefined;
  const parts = match.slice(1).map(Number);
  return parts.every((part) => part <= 255) ? parts : undefined;
}

function withoutZone(address: string): string {
  const zone = address.indexOf("%");
  return zone === -1 ? address : address.slice(0, zone);
}

/** The numbers of an IPv6 address, `::` written out. */
function ipv6Groups(address: string): string[] {
  const [head = "", tail] = address.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  return [...left, ...Array.from({ length: zeros }, () => "0"), ...right];
}

/** `::ffff:c000:201` is 192.0.2.1 too. */
function mappedIpv4(groups: readonly string[]): string | undefined {
  const numbers = groups.map((group) => Number.parseInt(group, 16));
  const [high = 0, low = 0] = numbers.slice(6);
  if (numbers.length !== 8 || numbers[5] !== 0xffff || numbers.slice(0, 5).some((number) => number !== 0))
    return undefined;
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}

/**
 * What one client may call its own: an IPv4 address, or the first half of an IPv6 address, because networks are given out
 * in that size and who has one can take any address of it.
 */
export function networkOf(address: string): string {
  if (!address.includes(":")) return address;
  const text = withoutZone(address);
  const ipv4 = ipv4Of(text);
  if (ipv4 !== undefined) return ipv4.join(".");
  const all = ipv6Groups(text.toLowerCase());
  const mapped = mappedIpv4(all);
  if (mapped !== undefined) return mapped;
  const groups = all.slice(0, 4);
  return `${groups.map((group) => group.replace(/^0+(?=.)/, "")).join(":")}::/64`;
}

export function isLoopbackAddress(address: string): boolean {
  const text = withoutZone(address);
  return text === "::1" || text === "0:0:0:0:0:0:0:1" || ipv4Of(text)?.[0] === 127;
}

/** Loopback, RFC 1918, link-local, shared (100.64/10, as Tailscale uses) and unique local (fc00::/7) addresses. */
export function isPrivateAddress(address: string): boolean {
  if (isLoopbackAddress(address)) return true;
  const ipv4 = ipv4Of(withoutZone(address));
  if (ipv4 === undefined) return /^(?:f[cd][0-9a-f]{2}|fe[89ab][0-9a-f]):/i.test(address);
  const [first = 0, second = 0] = ipv4;
  if (first === 10 || (first === 192 && second === 168) || (first === 169 && second === 254)) return true;
  return (first === 172 && second >= 16 && second <= 31) || (first === 100 && second >= 64 && second <= 127);
}

/** The host of a Host header without port and brackets; `undefined` when it is none. */
export function hostnameOf(host: string): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(host);
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}

/** Names that public DNS cannot point here, so that no web page can rebind its own name to this machine. */
export function isLocalHostname(hostname: string): boolean {
  return (
    hostname === "localhost" ||
    hostname.endsWith(".localhost") ||
    hostname.endsWith(".internal") ||
    isLoopbackAddress(hostname)
  );
}

/** As above, and names and addresses of a private network. */
export function isPrivateHostname(hostname: string): boolean {
  if (isLocalHostname(hostname) || isPrivateAddress(hostname)) return true;
  if (!hostname.includes(".") && !hostname.includes(":")) return true;
  return [".local", ".lan", ".home.arpa"].some((suffix) => hostname.endsWith(suffix));
}
