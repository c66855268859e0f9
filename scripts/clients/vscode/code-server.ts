import { join } from "node:path";

export interface CodeServer extends AsyncDisposable {
  /** Of the workbench with the work folder open. */
  readonly url: string;
}

const settings = {
  "workbench.startupEditor": "none",
  "security.workspace.trust.enabled": false,
  "telemetry.telemetryLevel": "off",
  "update.mode": "none",
  "extensions.autoUpdate": false,
  "extensions.autoCheckUpdates": false,
  "workbench.secondarySideBar.defaultVisibility": "visible",
  // Titles and the like are asked of the same model; nobody is signed in to GitHub.
  "chat.byokUtilityModelDefault": "mainAgent",
};

interface CodeServerOptions {
  port: number;
  /** A folder of its own, for data and settings. */
  home: string;
  work: string;
  /** Content of `chatLanguageModels.json`. */
  languageModels: unknown;
  installed: { modules: string; node: string };
}

async function untilServed(url: string): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (performance.now() < deadline) {
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok === true) return;
    await Bun.sleep(100);
  }
  throw new Error(`code-server did not answer at ${url}`);
}

/** VS Code itself as a web server, with nobody signed in. */
export async function startCodeServer(options: CodeServerOptions): Promise<CodeServer> {
  const { port, home, work, installed } = options;
  const data = join(home, "data");
  await Bun.write(join(data, "User", "settings.json"), JSON.stringify(settings));
  await Bun.write(join(data, "User", "chatLanguageModels.json"), JSON.stringify(options.languageModels));
  const flags = ["--auth", "none", "--disable-workspace-trust", "--disable-telemetry", "--disable-update-check"];
  const folders = ["--user-data-dir", data, "--extensions-dir", join(home, "extensions")];
  const entry = join(installed.modules, "code-server", "out", "node", "entry.js");
  const child = Bun.spawn(
    [join(installed.node, "node"), entry, ...flags, "--bind-addr", `127.0.0.1:${port}`, ...folders, work],
    {
      cwd: work,
      env: { PATH: `${installed.node}:${process.env["PATH"] ?? ""}`, HOME: home, LANG: "C.UTF-8" },
      stdin: "ignore",
      stdout: Bun.file(join(home, "code-server.log")),
      stderr: Bun.file(join(home, "code-server-errors.log")),
      // Its extension host goes with it.
      detached: true,
    },
  );
  const url = `http://127.0.0.1:${port}/?folder=${encodeURIComponent(work)}`;
  const stop = async () => {
    if (child.exitCode === null) process.kill(-child.pid, "SIGKILL");
    await child.exited;
  };
  await untilServed(url).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return { url, [Symbol.asyncDispose]: stop };
}
