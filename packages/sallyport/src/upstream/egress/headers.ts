import { isEndToEnd, namesOfConnection } from "../hop-by-hop.js";

/** Set by us, or a way to ask for another method, path or host than the one that was allowed. */
const NOT_FORWARDED =
  /^(?:host|expect|forwarded|x-forwarded-.*|x-http-method(?:-override)?|x-method-override|x-original-(?:url|uri|host|method)|x-rewrite-url|x-host)$/;

/**
 * A child's headers as they go on, with the one that is ours: name, value, name, value. Some servers read `_` as `-` in names, so that every
 * spelling of the header that is ours is dropped.
 */
export function egressHeaders(
  rawHeaders: readonly string[],
  own: { readonly name: string; readonly value: string },
): string[] {
  const pairs = pairsOf(rawHeaders);
  const named = namesOfConnection(pairs.filter(([name]) => name === "connection").map(([, value]) => value));
  const kept = pairs.filter(([name]) => {
    const spelt = name.replaceAll("_", "-");
    return spelt !== own.name.replaceAll("_", "-") && !NOT_FORWARDED.test(spelt) && isEndToEnd(name, named);
  });
  return [...kept.flat(), own.name, own.value];
}

function pairsOf(rawHeaders: readonly string[]): readonly (readonly [string, string])[] {
  const pairs: [string, string][] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    pairs.push([rawHeaders[index]?.toLowerCase() ?? "", rawHeaders[index + 1] ?? ""]);
  }
  return pairs;
}
