import { within } from "../../lib/within.ts";
import { errorCode } from "../../lib/error-code.ts";

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ENOENT: "there is no such socket",
  ENOTFOUND: "the host name is not known",
  EAI_AGAIN: "the host name cannot be looked up",
};

const refusal = "a server answers there and refuses the connection: look at the user, the password and TLS (rediss://)";
const silence = "no connection can be made with this host and port";

function dialled(text: string): Promise<Bun.Socket> {
  const { protocol, hostname, port, pathname } = new URL(text);
  const socket = { data: () => undefined, error: () => undefined };
  if (protocol.includes("unix")) return Bun.connect({ unix: decodeURIComponent(pathname), socket });
  const host = hostname.replace(/^\[|\]$/g, "");
  return Bun.connect({ hostname: host, port: port === "" ? 6379 : Number(port), socket });
}

/**
 * Why there is no connection with a Redis, for people and with nothing of its URL: the driver says "Connection closed" of a
 * refused password as of a host that is not there. Nothing is sent. Never rejects.
 */
export async function whyUnconnected(url: string, waitMs: number): Promise<string> {
  // One that stands after all is not kept, however late.
  const ended = dialled(url).then((socket) => void socket.end());
  try {
    return (await within(waitMs, ended)) ? refusal : silence;
  } catch (error) {
    return reasons[errorCode(error)] ?? silence;
  }
}
