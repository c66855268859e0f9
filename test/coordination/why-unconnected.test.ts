import { expect, test } from "bun:test";
import { join } from "node:path";
import { whyUnconnected } from "../../src/coordination/redis/why-unconnected.ts";
import { freePort } from "../support/database-servers.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const waitMs = 2000;

test("a port where nobody listens is told from one that answers", async () => {
  expect(await whyUnconnected(`redis://u:canary@127.0.0.1:${freePort()}/0`, waitMs)).toBe("nothing listens there");
  using server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  for (const scheme of ["redis", "rediss"])
    expect(await whyUnconnected(`${scheme}://u:canary@127.0.0.1:${server.port}`, waitMs)).toBe(
      "a server answers there and refuses the connection: look at the user, the password and TLS (rediss://)",
    );
});

test("so is a name that nobody knows", async () => {
  const reason = await whyUnconnected("redis://:canary@no-such-host.invalid", waitMs);
  expect(["the host name is not known", "the host name cannot be looked up"]).toContain(reason);
});

test.skipIf(process.platform === "win32")("so is a socket that is not there", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "redis.sock");
  expect(await whyUnconnected(`redis+unix://${path}`, waitMs)).toBe("there is no such socket");
  const server = Bun.listen({ unix: path, socket: { data: () => undefined } });
  expect(await whyUnconnected(`redis+unix://${path}`, waitMs)).toContain("a server answers there");
  server.stop(true);
});
