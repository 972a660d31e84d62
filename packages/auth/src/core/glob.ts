/** A compiled pattern. */
export interface Glob {
  readonly pattern: string;
  /** Whether the whole of `text` matches; case-sensitive, in time linear in its length. */
  matches(text: string): boolean;
}

/** Longest pattern, in UTF-16 units; it bounds the cost per character of a match. */
const MAX_PATTERN = 1024;

/**
 * Compiles a policy's glob: `*` stands for any characters but `/`, `**` for any characters at all, everything else for itself (there is no
 * escape, no `?` and no class). @throws TypeError for an empty or over-long pattern, control characters, and three stars in a row.
 */
export function createGlob(pattern: string): Glob {
  validatePattern(pattern);
  return { pattern, matches: compile(pattern) };
}

function validatePattern(pattern: string): void {
  if (pattern === "") throw new TypeError("glob: the pattern is empty");
  if (pattern.length > MAX_PATTERN) throw new TypeError(`glob: the pattern is longer than ${MAX_PATTERN} characters`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  if (/[\x00-\x1f\x7f]/.test(pattern)) throw new TypeError("glob: the pattern holds a control character");
  if (pattern.includes("***")) throw new TypeError(`glob: ${JSON.stringify(pattern)} has three stars in a row`);
}

function compile(pattern: string): (text: string) => boolean {
  const star = pattern.indexOf("*");
  if (star === -1) return (text) => text === pattern;
  const prefix = pattern.slice(0, star);
  const tail = pattern.slice(star);
  if (tail === "**") return (text) => text.startsWith(prefix);
  if (tail === "*") return (text) => text.startsWith(prefix) && !text.includes("/", prefix.length);
  const tokens = tail.match(/\*\*|\*|[^*]/gs) ?? [];
  return (text) => text.startsWith(prefix) && simulate(tokens, text, prefix.length);
}

/** All ways through the pattern at once, so that no text makes it go back: `tokens.length` steps per character at most. */
function simulate(tokens: readonly string[], text: string, from: number): boolean {
  let states = new Uint8Array(tokens.length + 1);
  let next = new Uint8Array(tokens.length + 1);
  states[0] = 1;
  openStars(tokens, states);
  for (let position = from; position < text.length; position++) {
    const character = text[position];
    next.fill(0);
    let alive = false;
    for (let state = 0; state < tokens.length; state++) {
      if (states[state] === 0) continue;
      const token = tokens[state];
      const stays = token === "**" || (token === "*" && character !== "/");
      if (stays) next[state] = 1;
      else if (token === character && token !== "*") next[state + 1] = 1;
      else continue;
      alive = true;
    }
    if (!alive) return false;
    openStars(tokens, next);
    [states, next] = [next, states];
  }
  return states[tokens.length] === 1;
}

/** A star may stand for nothing: who may be at it may be behind it. */
function openStars(tokens: readonly string[], states: Uint8Array): void {
  for (let state = 0; state < tokens.length; state++) {
    if (states[state] === 1 && tokens[state]?.startsWith("*")) states[state + 1] = 1;
  }
}
