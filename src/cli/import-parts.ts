import { exportFormat } from "../admin/contract/config.ts";
import { isPlainObject } from "../config/path.ts";

type Tree = Readonly<Record<string, unknown>>;

/** What one request brings: a gateway is at work for seconds with it, and not for minutes. */
export interface PartSize {
  readonly most: number;
  readonly mostBytes: number;
}

export interface ImportPart {
  readonly body: Tree;
  /** `keys 1001 to 2000`: what of the document it is. */
  readonly place: string;
}

const usualSize: PartSize = { most: 1000, mostBytes: 4 * 1024 * 1024 };

/** Slices in their order; one that is too large by itself stands alone. */
function sliced(items: readonly Tree[], { most, mostBytes }: PartSize): Tree[][] {
  const slices: Tree[][] = [];
  let bytes = 0;
  for (const item of items) {
    const size = Buffer.byteLength(JSON.stringify(item));
    const slice = slices.at(-1);
    if (slice === undefined || slice.length === most || bytes + size > mostBytes) {
      slices.push([item]);
      bytes = size;
      continue;
    }
    slice.push(item);
    bytes += size;
  }
  return slices;
}

function teamsOf(keys: readonly Tree[], teams: ReadonlyMap<unknown, Tree>): Tree[] {
  const named = new Set(keys.map(({ value }) => (isPlainObject(value) ? value["teamId"] : undefined)));
  return [...named].flatMap((id) => {
    const team = teams.get(id);
    return team === undefined ? [] : [team];
  });
}

/** Each slice of a list as a part, with its numbers in the document. */
function partsOf(section: "keys" | "teams", slices: readonly Tree[][], more: (slice: Tree[]) => Tree): ImportPart[] {
  let from = 0;
  return slices.map((slice) => {
    const place = `${section} ${from + 1} to ${from + slice.length}`;
    from += slice.length;
    return { place, body: { format: exportFormat, config: {}, [section]: slice, ...more(slice) } };
  });
}

function isList(value: unknown): value is Tree[] {
  return Array.isArray(value) && value.every(isPlainObject);
}

/**
 * An export in requests that a gateway takes: the configuration, then the teams, then the keys, each with the teams that
 * they name, so that each part can be judged by itself.
 */
export function importParts(document: Tree, size: PartSize = usualSize): ImportPart[] {
  const whole = [{ body: document, place: "the document" }];
  const { keys = [], teams = [], ...rest } = document;
  // What is wrong with it is the gateway's to say.
  if (!isPlainObject(rest["config"]) || !isList(keys) || !isList(teams)) return whole;
  const [keySlices, teamSlices] = [sliced(keys, size), sliced(teams, size)];
  if (keySlices.length <= 1 && teamSlices.length <= 1) return whole;
  const byId = new Map(teams.map((team) => [team["id"], team]));
  return [
    { body: rest, place: "the configuration" },
    ...partsOf("teams", teamSlices, () => ({})),
    ...partsOf("keys", keySlices, (slice) => ({ teams: teamsOf(slice, byId) })),
  ];
}
