import { ConfigError } from "./config-error.ts";
import type { LoadedConfig } from "./load.ts";
import { type Overlay, type OverlayEntry, overlayPlace } from "./overlay.ts";
import { pathText } from "./path.ts";

export interface Overlaid {
  readonly loaded: LoadedConfig;
  /** Changes that do not fit any more what is beneath them. */
  readonly leftOut: Overlay;
}

function isAbout(place: string, entry: OverlayEntry): boolean {
  const own = pathText(overlayPlace(entry));
  return place === own || place.startsWith(`${own}.`) || place.startsWith(`${own}[`);
}

/**
 * Reads the configuration with changes laid over it. They were sound when they were made; where a file has been changed
 * since, those that do not fit any more are left out, with a warning each, so that the rest can be served.
 * Throws ConfigError for what is wrong besides.
 */
export function loadOverlaid(load: (overlay: Overlay) => LoadedConfig, overlay: Overlay): Overlaid {
  let fitting = overlay;
  const leftOut: OverlayEntry[] = [];
  const warnings: string[] = [];
  for (;;) {
    try {
      const loaded = load(fitting);
      return { loaded: { ...loaded, warnings: [...loaded.warnings, ...warnings] }, leftOut };
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      const bad = fitting.filter((entry) => error.problems.some(({ path }) => isAbout(path, entry)));
      if (bad.length === 0) throw error;
      for (const { path, message } of error.problems.filter(({ path }) => bad.some((entry) => isAbout(path, entry))))
        warnings.push(`${path}: ${message}. This change of the admin API is left out until it fits again.`);
      leftOut.push(...bad);
      fitting = fitting.filter((entry) => !bad.includes(entry));
    }
  }
}
