/** What has the wrong shape, and where. */
export interface Misshapen {
  readonly path: readonly (string | number)[];
  /** A name that nobody knows: without it the rest has its shape, also inside a list. */
  readonly unknown?: true;
}

type Tree = Record<string, unknown>;

/**
 * A copy of a file's settings without those of the wrong shape, so that what the rest means can be checked in the same breath. A list goes
 * as a whole: its places are the lines of messages. `undefined` when that leaves nothing that can be judged by itself: a setting of the
 * first level that others refer to by name (`servers`, `clients`) would go, or one of its entries.
 */
export function withoutMisshapen(raw: Readonly<Tree>, misshapen: readonly Misshapen[]): Tree | undefined {
  const rest = structuredClone(raw) as Tree;
  const gone = new Set<string>();
  for (const { path, unknown } of misshapen) {
    if (unknown && removeUnknown(rest, path)) continue;
    const list = path.findIndex((part) => typeof part === "number");
    const keys = (list === -1 ? path : path.slice(0, list)).map(String);
    const [top = ""] = keys;
    if (keys.length <= (NAMED.has(top) ? 2 : 0)) return undefined;
    const place = JSON.stringify(keys);
    if (!gone.has(place) && !remove(rest, keys)) return undefined;
    gone.add(place);
  }
  return rest;
}

/** Settings whose entries others refer to by name. */
const NAMED: ReadonlySet<string> = new Set(["servers", "clients"]);

function removeUnknown(tree: Tree, path: Misshapen["path"]): boolean {
  let parent: unknown = tree;
  for (const part of path.slice(0, -1)) {
    if (typeof parent !== "object" || parent === null || !Object.hasOwn(parent, part)) return false;
    parent = (parent as Tree)[part];
  }
  const last = path.at(-1);
  if (last === undefined || !isTree(parent) || !Object.hasOwn(parent, last)) return false;
  delete parent[last];
  return true;
}

/** Whether there was something to take away: what is missing cannot go. */
function remove(tree: Tree, keys: readonly string[]): boolean {
  let parent: unknown = tree;
  for (const key of keys.slice(0, -1)) {
    if (!isTree(parent) || !Object.hasOwn(parent, key)) return true;
    parent = parent[key];
  }
  const last = keys.at(-1);
  if (last === undefined || !isTree(parent)) return false;
  if (!Object.hasOwn(parent, last)) return false;
  delete parent[last];
  return true;
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Whether a problem with the meaning stands by itself: where a setting was taken away, the others of the same server (or of the same
 * setting of the first level) may only seem wrong. What is wrong with a rule of the right shape is wrong whatever stands beside it.
 */
export function standsAlone({ path }: Misshapen, misshapen: readonly Misshapen[]): boolean {
  const rule = path.lastIndexOf("rules") + 2;
  if (rule > 1 && path.length > rule) {
    const inRule = (other: Misshapen["path"]) => path.slice(0, rule).every((part, at) => other[at] === part);
    return !misshapen.some((other) => inRule(other.path));
  }
  return misshapen.every(({ path: other }) => {
    const [top, entry] = other;
    const sameUnit = NAMED.has(String(top)) ? path[0] === top && path[1] === entry : path[0] === top;
    return path.length > 0 && (!sameUnit || (top === "servers" && isApart(path, other)));
  });
}

/** Settings of a server that speak of its scopes, and of nothing else beside themselves. */
const OF_SCOPES: ReadonlySet<unknown> = new Set(["baseline", "access", "scopes"]);

/** Whether something wrong with one setting of a server is wrong whatever the shape of another is. */
function isApart([, , setting, name]: Misshapen["path"], other: Misshapen["path"]): boolean {
  const [, , taken] = other;
  if (!OF_SCOPES.has(setting) || taken === undefined) return false;
  // Within one scope, the names of all scopes stay known.
  if (taken === "scopes") return other.length > 4 && !(setting === taken && name === other[3]);
  return setting !== taken;
}
