/** A half-open byte range. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Edit extends Span {
  /** JSON text that takes the place of the range. */
  readonly text: string;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);
const BLANK = new Set([SPACE, 0x09, LF, CR]);
const SEPARATOR = new Set([0x2c, 0x3a, ...CLOSING, ...BLANK]);

/**
 * Finds values inside JSON text by position, so that an id can be exchanged and every other byte goes on as it was judged: a number
 * that a double cannot hold survives. The text must be valid JSON already (`parseMcpBody` or `JSON.parse` has seen it); nothing is validated here.
 */
export function valueSpan(json: Buffer, from = 0): Span {
  const start = skipBlank(json, from);
  return { start, end: endOfValue(json, start) };
}

/** Where the values of an object's members stand. Of duplicate keys the last wins, as with `JSON.parse`. */
export function memberSpans(json: Buffer, object: Span): Map<string, Span> {
  const members = new Map<string, Span>();
  for (let at = skipBlank(json, object.start + 1); at < object.end - 1; ) {
    const key = { start: at, end: endOfValue(json, at) };
    const value = valueSpan(json, skipBlank(json, key.end) + 1);
    members.set(JSON.parse(json.toString("utf8", key.start, key.end)), value);
    at = skipBlank(json, skipBlank(json, value.end) + 1);
  }
  return members;
}

export function elementSpans(json: Buffer, array: Span): Span[] {
  const elements: Span[] = [];
  for (let at = skipBlank(json, array.start + 1); at < array.end - 1; ) {
    const element = valueSpan(json, at);
    elements.push(element);
    at = skipBlank(json, skipBlank(json, element.end) + 1);
  }
  return elements;
}

/** The span at the end of a path of object members, or `undefined` where the path leaves the text. */
export function spanAt(json: Buffer, path: readonly string[], from: Span = valueSpan(json)): Span | undefined {
  let span: Span | undefined = from;
  for (const name of path) {
    if (span === undefined || json[span.start] !== 0x7b) return undefined;
    span = memberSpans(json, span).get(name);
  }
  return span;
}

/** The text of `within` on one line, with `edits` made: raw line breaks in valid JSON are blanks between tokens, and ndjson and SSE cannot carry them. */
export function editLine(json: Buffer, edits: readonly Edit[], within: Span = { start: 0, end: json.length }): Buffer {
  const parts: Buffer[] = [];
  let at = within.start;
  for (const edit of [...edits].sort((a, b) => a.start - b.start)) {
    parts.push(json.subarray(at, edit.start), Buffer.from(edit.text));
    at = edit.end;
  }
  parts.push(json.subarray(at, within.end));
  const line = Buffer.concat(parts);
  for (const lineBreak of [LF, CR]) {
    for (let i = line.indexOf(lineBreak); i !== -1; i = line.indexOf(lineBreak, i + 1)) line[i] = SPACE;
  }
  return line;
}

function endOfValue(json: Buffer, start: number): number {
  const first = json[start] ?? SPACE;
  if (first === QUOTE) return endOfString(json, start);
  if (!OPENING.has(first)) return endOfToken(json, start);
  let depth = 0;
  for (let at = start; at < json.length; ) {
    const byte = json[at] ?? SPACE;
    if (byte === QUOTE) {
      at = endOfString(json, at);
      continue;
    }
    at++;
    if (OPENING.has(byte)) depth++;
    else if (CLOSING.has(byte) && --depth === 0) return at;
  }
  return json.length;
}

function endOfString(json: Buffer, start: number): number {
  for (let at = json.indexOf(QUOTE, start + 1); at !== -1; at = json.indexOf(QUOTE, at + 1)) {
    let slashes = 0;
    while (json[at - 1 - slashes] === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return at + 1;
  }
  return json.length;
}

function endOfToken(json: Buffer, start: number): number {
  let at = start;
  while (at < json.length && !SEPARATOR.has(json[at] ?? SPACE)) at++;
  return at;
}

function skipBlank(json: Buffer, from: number): number {
  let at = from;
  while (at < json.length && BLANK.has(json[at] ?? 0)) at++;
  return at;
}
