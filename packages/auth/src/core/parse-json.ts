import type { JsonValue } from "./mcp-call.js";

/**
 * `JSON.parse`, and every key is the one that is written there. V8 from 12.8 on (Node.js 24 and 26; nodejs/node#63785) compares a key with an
 * escape, unread, with keys that it saw in that place before: after `{"a":1,"\\":2}` it takes `{"a":1,"\u0062":2}` for the former. What
 * a rule was to judge would go by under a name that nobody wrote. So such keys are parsed under names without escapes and get their own back.
 * @throws SyntaxError for what is not JSON; with such keys, for one that comes again and for nesting deeper than 1,000 levels too
 */
export function parseJson(text: string): JsonValue {
  const value: JsonValue = JSON.parse(text);
  if (!text.includes("\\")) return value;
  const keys = findEscapedKeys(text);
  return keys.length === 0 ? value : parseRenamed(text, keys);
}

/** A JSON string, with its quotes, from `start` to before `end`. */
interface Place {
  readonly start: number;
  readonly end: number;
}

/** Keys with an escape in them, in order, of a text that is JSON. */
function findEscapedKeys(text: string): readonly Place[] {
  const keys: Place[] = [];
  let backslash = text.indexOf("\\");
  for (let start = text.indexOf('"'); start !== -1 && backslash !== -1; ) {
    const end = endOfString(text, start);
    if (backslash < end) {
      if (isKey(text, end)) keys.push({ start, end });
      backslash = text.indexOf("\\", end);
    }
    start = text.indexOf('"', end);
  }
  return keys;
}

/** Linear: each run of backslashes stands before one quote. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); ; quote = text.indexOf('"', quote + 1)) {
    let run = quote - 1;
    while (text[run] === "\\") run--;
    if ((quote - run) % 2 === 1) return quote + 1;
  }
}

function isKey(text: string, end: number): boolean {
  let next = end;
  while (text[next] === " " || text[next] === "\n" || text[next] === "\r" || text[next] === "\t") next++;
  return text[next] === ":";
}

/** Of a text with such keys; deeper than anything means. */
const MAX_DEPTH = 1_000;
/** Half a surrogate pair, which no text that was UTF-8 holds unescaped: no other key begins with it. */
const MARK = "\ud800";

function parseRenamed(text: string, keys: readonly Place[]): JsonValue {
  const names = new Map<string, string>();
  let renamed = "";
  let from = 0;
  for (const { start, end } of keys) {
    const name = `${MARK}${names.size}`;
    names.set(name, JSON.parse(text.slice(start, end)));
    renamed += `${text.slice(from, start)}"${name}"`;
    from = end;
  }
  return withNames(JSON.parse(renamed + text.slice(from)), names, 1);
}

function withNames(value: JsonValue, names: ReadonlyMap<string, string>, depth: number): JsonValue {
  if (typeof value !== "object" || value === null) return value;
  if (depth > MAX_DEPTH) throw new SyntaxError(`nested deeper than ${MAX_DEPTH} levels`);
  if (Array.isArray(value)) return value.map((item: JsonValue) => withNames(item, names, depth + 1));
  const members = Object.entries(value);
  // Every member becomes one of its own, `__proto__` too, as JSON.parse makes them.
  const named = Object.fromEntries(
    members.map(([name, member]) => [names.get(name) ?? name, withNames(member, names, depth + 1)]),
  );
  if (Object.keys(named).length < members.length) throw new SyntaxError("a key stands twice in one object");
  return named;
}
