import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { startReload } from "../runtime/reload-rig.ts";
import { configFolder } from "./folder.ts";

const folderOfOrch = {
  "orch/providers.toml":
    '[fast]\ntype = "openai"\nbase_url = "https://api.groq.com/openai/v1"\nmodel = "llama"\nauth_env = "FAST_KEY"\n\n[local]\ntype = "ollama"\nbase_url = "http://127.0.0.1:11434"\nmodel = "qwen"\n',
  "orch/router.yaml": "routes:\n  DEFAULT: {primary: fast, fallback: [local]}\n",
};
const env = { ORCH_CONFIG_DIR: "orch", FAST_KEY: "fast-key-canary-12" };

describe("ORCH_CONFIG_DIR", () => {
  test("is read where there is no file of ours, with its folder as the origin of its values", () => {
    using folder = configFolder(folderOfOrch);
    const { config, file, origins, warnings } = folder.load({ env });
    expect(file).toBe(join(folder.path, "orch"));
    expect(warnings).toEqual([]);
    expect(config.providers["fast"]?.credentials).toMatchObject([{ key: "fast-key-canary-12" }]);
    expect(config.models["DEFAULT"]?.targets.map(({ provider }) => provider)).toEqual(["fast", "local"]);
    expect(origins.get("providers.fast.credentials")).toBe("file orch");
    expect(origins.get("models.DEFAULT.targets[0].provider")).toBe("file orch");
  });

  test("has the environment and .env above it", () => {
    using folder = configFolder({ ...folderOfOrch, ".env": "ORCH_CONFIG_DIR=orch\nFAST_KEY=from-dotenv-1234\n" });
    const { config, origins } = folder.load({ env: { APP_PORT: "9001", OR_API_KEY: "sk-or-v1-0123456789" } });
    expect(config.providers["fast"]?.credentials).toMatchObject([{ key: "from-dotenv-1234" }]);
    expect(config.server.port).toBe(9001);
    expect(Object.keys(config.providers)).toContain("openrouter");
    expect(origins.get("server.port")).toBe("env APP_PORT");
  });

  test("is ignored with a warning where there is a file of ours", () => {
    using folder = configFolder({ ...folderOfOrch, "orcestator.yaml": "providers: {d: {type: dummy}}" });
    const { config, warnings } = folder.load({ env });
    expect(Object.keys(config.providers)).toEqual(["d"]);
    expect(warnings).toEqual([`ORCH_CONFIG_DIR is ignored because ${join(folder.path, "orcestator.yaml")} is read`]);
  });

  test("that is not there, or is broken, is a problem that names it", () => {
    using folder = configFolder({ "orch/providers.toml": "[fast\n" });
    const { message, file } = folder.fail({ env });
    expect(message).toContain("providers.toml");
    expect(message).toContain("router.yaml");
    expect(file).toBe(join(folder.path, "orch"));
    expect(folder.fail({ env: { ORCH_CONFIG_DIR: "nowhere" } }).message).toContain(join(folder.path, "nowhere"));
  });

  test("is watched with both its files, and a file of ours that comes takes its place", () => {
    using rig = startReload({ ...folderOfOrch, ".env": "ORCH_CONFIG_DIR=orch\nFAST_KEY=fast-key-canary-12\n" });
    const names = ["orch/providers.toml", "orch/router.yaml", "orcestator.yaml", ".env"];
    for (const name of names) expect(rig.reload.files()).toContain(join(rig.path, name));
    expect(
      rig.change("orch/router.yaml", "routes:\n  DEFAULT: {primary: local}\n  CODE: {primary: fast}\n").join(),
    ).toContain("is in force: ");
    expect(rig.applied.at(-1)?.models["DEFAULT"]?.targets.map(({ provider }) => provider)).toEqual(["local"]);
    const [line = ""] = rig.change("orch/router.yaml", "routes: [");
    expect(line).toStartWith(`error: The changed configuration of ${join(rig.path, "orch")} is not used`);
    expect(line).toContain("router.yaml");
    rig.change("orcestator.yaml", "providers: {d: {type: dummy}}");
    expect(Object.keys(rig.applied.at(-1)?.providers ?? {})).toEqual(["d"]);
  });
});
