import { defineCommand } from "citty";
import { ensureRealEnvironment } from "../runtime/real-environment.ts";
import { isWorker } from "../runtime/workers/worker-mark.ts";

export default defineCommand({
  meta: { name: "serve", description: "Serve the gateway" },
  args: {
    config: {
      type: "string",
      description: "Configuration file (default: orcestator.yaml, .toml or .json here)",
      valueHint: "file",
    },
    host: { type: "string", valueHint: "address", description: "Address to listen on (default 0.0.0.0)" },
    port: { type: "string", valueHint: "number", description: "Port of the API (default 8000; 0 = any free one)" },
    "metrics-port": {
      type: "string",
      valueHint: "number",
      description: "Port of the metrics listener (default 8001; 0 = off)",
    },
    workers: {
      type: "string",
      valueHint: "number",
      description: "Processes that serve together on one port (Linux; auto = one for each processor; default 1)",
    },
    drain: {
      type: "string",
      valueHint: "duration",
      description: "How long running requests may take after a stop signal (default 30s)",
    },
    "drain-delay": {
      type: "string",
      valueHint: "duration",
      description: "How long new requests are still taken after a stop signal (default 0s)",
    },
    demo: { type: "boolean", description: "Use the built-in dummy model where no API key is set" },
    open: { type: "boolean", description: "Open the API documents in a browser" },
  },
  async run({ args }) {
    if (isWorker()) {
      const [{ runWorker }, { loadToServe }] = await Promise.all([
        import("../runtime/workers/worker.ts"),
        import("./serve-load.ts"),
      ]);
      return runWorker((overlay) => loadToServe(args, overlay));
    }
    await ensureRealEnvironment();
    // Loaded after the restart, which would otherwise pay for it twice.
    const { serve } = await import("./serve-run.ts");
    return serve(args);
  },
});
