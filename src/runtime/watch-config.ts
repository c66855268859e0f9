import type { Reload, ReloadLog } from "./reload.ts";
import { watchFiles, type FileWatch } from "./watch-files.ts";

export interface WatchConfigOptions {
  readonly reload: Reload;
  readonly logger: Pick<ReloadLog, "info">;
}

/** Takes over changes of the configuration's files while serving, until `server.watch` is switched off in one of them. */
export function watchConfig({ reload, logger }: WatchConfigOptions): FileWatch {
  const watch = watchFiles({
    files: () => reload.files(),
    onChange() {
      reload.attempt();
      if (reload.loaded().config.server.watch) return;
      watch.stop();
      logger.info("server.watch is off: further changes take effect at the next start.");
    },
  });
  return watch;
}
