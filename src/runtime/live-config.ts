import type { LiveConfig } from "../admin/configuration/live-config.ts";
import { ConfigError, type LoadedConfig } from "../config/load.ts";
import { loadOverlaid } from "../config/load-overlaid.ts";
import type { Overlay } from "../config/overlay.ts";
import { createReload, goneFile, type Reload, type ReloadOptions } from "./reload.ts";

/** Where the configuration comes from. */
export interface ConfigSource {
  /** As it was read at the start, without the admin API's changes. */
  readonly loaded: LoadedConfig;
  /** Reads it again, with changes laid over it. Throws ConfigError. */
  load(overlay: Overlay): LoadedConfig;
}

export interface LiveConfigOptions extends Pick<ReloadOptions, "apply" | "logger" | "onRead"> {
  readonly source: ConfigSource;
}

/** What is read again when a file changes, and what the admin API changes, as one configuration. */
export function createLiveConfig({ source, ...options }: LiveConfigOptions): LiveConfig & { readonly reload: Reload } {
  let overlay: Overlay = [];
  let leftOut: Overlay = [];
  /** By the last preview; `undefined` = something was read since, and may be another file. */
  let previewed: LoadedConfig | undefined;
  /** Is served instead of being read again. */
  let ready: LoadedConfig | undefined;
  const reload = createReload({
    ...options,
    loaded: source.loaded,
    load() {
      const known = ready;
      previewed = undefined;
      if (known !== undefined) {
        leftOut = [];
        return known;
      }
      const overlaid = loadOverlaid((fitting) => source.load(fitting), overlay);
      leftOut = overlaid.leftOut;
      return overlaid.loaded;
    },
  });
  return {
    reload,
    loaded: () => reload.loaded(),
    leftOut: () => leftOut,
    preview(changed) {
      const last = reload.loaded();
      previewed = undefined;
      const next = source.load(changed);
      const message = goneFile(last, next.file);
      if (message === undefined) {
        previewed = next;
        return next;
      }
      throw new ConfigError([{ kind: "unreadable", path: "", message, origin: "default" }], last.file);
    },
    serve(changed, sound) {
      overlay = changed;
      ready = sound === previewed ? sound : undefined;
      reload.attempt();
      ready = undefined;
    },
  };
}
