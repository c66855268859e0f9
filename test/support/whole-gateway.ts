import { afterAll } from "bun:test";
import { join } from "node:path";
import { resolveConfig } from "../../src/config/resolve.ts";
import { configSchema } from "../../src/config/schema.ts";
import { createCors } from "../../src/http/cors.ts";
import { createListener } from "../../src/http/listener.ts";
import { createGeneration, type Generation } from "../../src/runtime/generation.ts";
import { createLasting, type Lasting } from "../../src/runtime/lasting.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** A whole gateway in this process, with what it is made of. */
export interface WholeGateway {
  readonly lasting: Lasting;
  readonly generation: Generation;
  readonly port: number;
}

/** With a database of its own, for as long as a test file runs; silent, and without a traffic log. */
export async function startWholeGateway(settings: Readonly<Record<string, unknown>>): Promise<WholeGateway> {
  const folder = temporaryFolder();
  const logging = { file: "", level: "silent" };
  const storage = { url: `sqlite://${join(folder.path, "gateway.db")}` };
  const config = resolveConfig(configSchema.parse({ logging, storage, ...settings }));
  const lasting = createLasting({
    config,
    logger: createLogger("silent"),
    idleSeconds: 10,
    isDraining: () => false,
  });
  const generation = createGeneration(config, lasting);
  lasting.follow(generation);
  await lasting.virtualKeys?.ready;
  const server = createListener({
    hostname: "127.0.0.1",
    port: 0,
    idleSeconds: 10,
    app: generation.app,
    connections: lasting.connections,
    cors: createCors([]),
    isClosed: () => false,
  });
  afterAll(async () => {
    await server.stop(true);
    await lasting.close();
    folder[Symbol.dispose]();
  });
  return { lasting, generation, port: server.port ?? 0 };
}
