import type { LoadedConfig } from "../../config/load.ts";
import type { Overlay } from "../../config/overlay.ts";

/** The configuration that is served, for those who change it. */
export interface LiveConfig {
  /** As it was read last and found sound, with the changes that were served then. */
  loaded(): LoadedConfig;
  /** Changes that do not fit what is beneath them, and are not served. */
  leftOut(): Overlay;
  /** What would be served with these changes. Throws ConfigError. */
  preview(overlay: Overlay): LoadedConfig;
  /**
   * These changes are served from now on, as far as they are sound. `previewed` = what the last preview made of just them:
   * it need not be read again, unless something has been read since. Never throws.
   */
  serve(overlay: Overlay, previewed?: LoadedConfig): void;
}
