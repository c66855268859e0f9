import { createReload, type ReloadOptions } from "./reload.ts";
import { watchFiles, type FileWatch } from "./watch-files.ts";

/** Takes over changes of the configuration's files while serving, until `server.watch` is switched off in one of them. */
export function watchConfig({ everyMs, ...options }: ReloadOptions & { everyMs?: number }): FileWatch {
  const reload = createReload(options);
  const watch = watchFiles({
    files: () => reload.files(),
    onChange() {
      reload.attempt();
      if (reload.loaded().config.server.watch) return;
      watch.stop();
      options.logger.info("server.watch is off: further changes take effect at the next start.");
    },
    ...(everyMs === undefined ? {} : { everyMs }),
  });
  return watch;
}
