import type { CallGlob } from "@sallyport/auth";

interface Patterned {
  readonly patterns: readonly CallGlob[];
}

interface Entry<Rule> {
  readonly pattern: CallGlob;
  readonly rule: Rule;
}

/**
 * The rules that name a target, without trying them all: by the whole name, and by what comes before the first star. One look-up for every
 * *length* that such a beginning has, however many rules there are. Pure; nothing is remembered of what was asked.
 */
export function createIndex<Rule extends Patterned>(rules: readonly Rule[]): (target: string) => readonly Rule[] {
  const exact = new Map<string, readonly Rule[]>();
  const byPrefix = new Map<string, readonly Entry<Rule>[]>();
  for (const rule of rules) {
    for (const pattern of rule.patterns) {
      const { prefix } = pattern;
      if (pattern.exact === undefined) byPrefix.set(prefix, [...(byPrefix.get(prefix) ?? []), { pattern, rule }]);
      else exact.set(pattern.exact, [...new Set([...(exact.get(pattern.exact) ?? []), rule])]);
    }
  }
  const lengths = [...new Set([...byPrefix.keys()].map((prefix) => prefix.length))];
  const none: readonly Rule[] = [];
  return (target) => {
    const named = exact.get(target) ?? none;
    let found: Rule[] | undefined;
    for (const length of lengths) {
      if (length > target.length) continue;
      for (const { pattern, rule } of byPrefix.get(target.slice(0, length)) ?? []) {
        if (named.includes(rule) || found?.includes(rule) || !pattern.matches(target)) continue;
        found ??= [];
        found.push(rule);
      }
    }
    return found === undefined ? named : [...named, ...found];
  };
}
