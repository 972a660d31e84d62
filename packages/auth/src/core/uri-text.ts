// What several readers of URIs ask of the text itself. Nothing here resolves or re-serialises: strings in, answers out.

const ENCODED_ASCII = /%([0-7][0-9a-f])/gi;
const BROKEN_ENCODING = /%(?![0-9a-f]{2})/i;
/** How often somebody behind us might decode; a URI that still changes then was made to deceive. */
const MAX_DECODINGS = 4;

/**
 * Percent-encoded ASCII undone until nothing is left to undo. `undefined`: broken encoding, encoded bytes that are not UTF-8 (overlong
 * forms of `.` and `/` among them), or more layers than {@link MAX_DECODINGS}.
 */
export function decodeFully(text: string): string | undefined {
  if (!text.includes("%")) return text;
  if (BROKEN_ENCODING.test(text)) return undefined;
  try {
    decodeURIComponent(text);
  } catch {
    return undefined;
  }
  let current = text;
  for (let round = 0; round < MAX_DECODINGS; round++) {
    const next = current.replace(ENCODED_ASCII, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    if (next === current) return current;
    current = next;
  }
  return undefined;
}

/** `.` or `..` between slashes, also with path parameters behind (`..;x`), which some servers strip first. */
export function hasDotSegment(text: string): boolean {
  return text.includes(".") && text.split(/[/?#]/).some((segment) => /^\.{1,2}(?:;|$)/.test(segment));
}

export function hasControlOrBackslash(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  return /[\x00-\x1f\x7f-\x9f\\]/.test(text);
}

/** Whether host and port are already written the way a URL parser would write them: no decimal, octal or hexadecimal address forms. */
export function isCanonicalAuthority(scheme: string, authority: string): boolean {
  if (authority === "" || !/^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[1-9][0-9]{0,4})?$/i.test(authority)) return false;
  const url = `${scheme}://${authority}/`;
  return URL.canParse(url) && new URL(url).hostname === authority.toLowerCase().replace(/:[0-9]+$/, "");
}
