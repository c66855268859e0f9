import { changedPlaces, configDifferences } from "../config/differences.ts";
import { ConfigError, type LoadedConfig } from "../config/load.ts";
import type { ResolvedConfig } from "../config/resolve.ts";
import { errorText } from "../lib/error-text.ts";
import { listed } from "../lib/listed.ts";
import { needsRestart, withSettingsOfTheStart } from "./settings-of-the-start.ts";

/** For the person who watches the console; messages hold no secrets. */
export interface ReloadLog {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

export interface ReloadOptions {
  /** What is served now, as it was read at the start. */
  loaded: LoadedConfig;
  /** Reads the configuration as at the start. Throws ConfigError. */
  load: () => LoadedConfig;
  /** Serves another configuration. Throws where that cannot be done, and then nothing has changed. */
  apply: (config: ResolvedConfig) => void;
  logger: ReloadLog;
  /** Told of every attempt; `refused` = why the configuration is not used, without secrets. */
  onRead?: (refused: string | undefined) => void;
}

export interface Reload {
  /** Files whose change is worth an attempt. */
  files(): readonly string[];
  /**
   * Reads the configuration again and serves it, if it is sound; else the last good one stays, and the log and the answer
   * say why. Never throws.
   */
  attempt(): string | undefined;
  /** The configuration that was last read and found sound. */
  loaded(): LoadedConfig;
}

const mostPlaces = 20;

/** Without its file a configuration would be that of the environment alone, which nobody has asked for. */
export function goneFile(last: LoadedConfig, found: string | undefined): string | undefined {
  if (last.file === undefined || found !== undefined) return undefined;
  return `${last.file}: the file is gone; put it back, or start the gateway without it.`;
}

export function createReload({ loaded, load, apply, logger, onRead }: ReloadOptions): Reload {
  const start = loaded.config;
  let last = loaded;
  let served = start;
  let isBroken = false;
  /** A bad file that only a changed environment names. */
  let further: readonly string[] = [];
  /** To watch a further file brings another attempt, which will say the same. */
  let echo: string | undefined;
  /** Why the last attempt changed nothing. */
  let refused: string | undefined;

  const files = (): readonly string[] => [...last.watched, ...further];

  function keep(reason: string): void {
    isBroken = true;
    refused = reason;
    const isEcho = reason === echo;
    echo = undefined;
    if (isEcho) return;
    onRead?.(reason);
    const where = last.file === undefined ? "" : ` of ${last.file}`;
    logger.error(`The changed configuration${where} is not used, the last good one stays in force. ${reason}`);
  }

  function read(): LoadedConfig | undefined {
    try {
      const next = load();
      const problem = goneFile(last, next.file);
      if (problem === undefined) return next;
      keep(problem);
    } catch (error) {
      const file = error instanceof ConfigError ? error.file : last.file;
      const reason = goneFile(last, file) ?? errorText(error);
      keep(reason);
      if (file === undefined || files().includes(file)) return undefined;
      further = [file];
      echo = reason;
    }
    return undefined;
  }

  function tellRestarts(next: LoadedConfig): void {
    const changed = configDifferences(last.config, next.config).map(({ path }) => path);
    const fixed = changed.filter(needsRestart);
    if (fixed.length === 0) return;
    const pending = new Set(configDifferences(start, next.config).map(({ path }) => path));
    const places = fixed.filter((path) => pending.has(path));
    if (places.length > 0)
      logger.warn(`Takes effect at the next start of the gateway only: ${listed(places, mostPlaces)}`);
  }

  function serve(next: LoadedConfig): boolean {
    const after = withSettingsOfTheStart(next.config, start);
    const differences = configDifferences(served, after);
    if (differences.length === 0) {
      if (isBroken) logger.info("The configuration is sound again; nothing else has changed.");
      return true;
    }
    try {
      apply(after);
    } catch (error) {
      keep(errorText(error));
      return false;
    }
    const places = changedPlaces(differences, { before: served, after });
    served = after;
    logger.info(`The configuration has changed and is in force: ${listed(places, mostPlaces)}`);
    return true;
  }

  return {
    files,
    loaded: () => last,
    attempt() {
      refused = undefined;
      const next = read();
      if (next === undefined || !serve(next)) return refused;
      for (const warning of next.warnings) if (!last.warnings.includes(warning)) logger.warn(warning);
      tellRestarts(next);
      last = next;
      onRead?.(undefined);
      isBroken = false;
      further = [];
      return undefined;
    },
  };
}
