/**
 * The same string for all spellings that some parser might take for one name: Unicode simple case folding (so `K`, the Kelvin sign, is
 * `k`, and `ſ` is `s`), and beyond it the dotted and dotless i, and full foldings such as `ß` = `ss`. It errs towards equality.
 */
export function foldCase(text: string): string {
  return /^[\x20-\x7e]*$/.test(text)
    ? text.toLowerCase()
    : text.replaceAll("\u0130", "i").toLowerCase().toUpperCase().toLowerCase();
}

/** Exact names, found again under their folding. */
export type FoldedNames = ReadonlyMap<string, string>;

export function foldNames(names: Iterable<string>): FoldedNames {
  return new Map(Array.from(names, (name) => [foldCase(name), name]));
}

/**
 * The first key that a reader without regard for case would confuse: with another key, or with one of `names` that it does not equal
 * exactly. Go's `encoding/json`, for one, takes `NAME` for `name`, and the later one wins.
 */
export function findConfusableKey(keys: readonly string[], names: FoldedNames): string | undefined {
  let seen: Set<string> | undefined;
  for (const key of keys) {
    // A name written as it should be is the common case; whatever else folds to it is found by itself.
    if (names.get(key) === key) continue;
    const folded = foldCase(key);
    const name = names.get(folded);
    if (seen?.has(folded) || (name !== undefined && name !== key)) return key;
    seen ??= new Set();
    seen.add(folded);
  }
  return undefined;
}
