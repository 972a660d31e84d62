import { type Document, isMap, isNode, isPair, isScalar, type LineCounter, type Node } from "yaml";

/** One thing wrong with a configuration, and where. */
export interface Problem {
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** Where within the text at `path`, in UTF-16 units; for texts that have a grammar of their own. */
  readonly offset?: number;
}

/** A file as it was read: text and tree, for lines and columns. */
export interface ProblemSource {
  readonly document: Document;
  readonly lines: LineCounter;
  readonly text: string;
}

/** All problems of one file at once. `message` is ready to print: a line each, with line and column. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** The node that a path names, or the nearest one above it that the file has. */
function locate(document: Document, path: readonly (string | number)[]): Node | undefined {
  for (let length = path.length; length >= 0; length--) {
    const key = keyNode(document, path.slice(0, length));
    if (key !== undefined) return key;
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node)) return node;
  }
  return undefined;
}

/** For a member of a mapping the key, since "unknown setting" and "missing value" are about the key. */
function keyNode(document: Document, path: readonly (string | number)[]): Node | undefined {
  const name = path.at(-1);
  const parent = path.length < 2 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (name === undefined || !isMap(parent)) return undefined;
  const pair = parent.items.find((item) => isPair(item) && isNode(item.key) && item.key.toJSON() === name);
  return pair !== undefined && isNode(pair.key) ? pair.key : undefined;
}

/** Line of what a path names, or of the nearest thing above it. */
export function lineOf({ document, lines }: ProblemSource, path: readonly (string | number)[]): number | undefined {
  const range = locate(document, path)?.range;
  return range == null ? undefined : lines.linePos(range[0]).line;
}

function startOf({ path, offset }: Problem, source: ProblemSource): number | undefined {
  const value = offset === undefined ? undefined : source.document.getIn(path, true);
  if (offset !== undefined && isScalar(value) && value.range != null && typeof value.value === "string") {
    const [from, to] = value.range;
    return from + sourceOffset(source.text.slice(from, to), value.value, offset);
  }
  return locate(source.document, path)?.range?.[0];
}

/** Where a character of a value stands in its spelling: quotes, indentation and folds are the spelling's own. */
function sourceOffset(spelling: string, value: string, offset: number): number {
  let at = /^[|>]/.test(spelling) ? spelling.indexOf("\n") : 0;
  for (let index = 0; index < value.length; index++) {
    const character = value[index] ?? "";
    if (character.trim() === "") continue;
    const found = spelling.indexOf(character, at);
    if (found === -1) return at;
    if (index >= offset) return found;
    at = found + 1;
  }
  return at;
}

/** `file:line:column: path: message`, one line each, in the order of the file. */
export function formatProblems(file: string, problems: readonly Problem[], source?: ProblemSource): string {
  const located = problems.map((problem) => {
    const start = source === undefined ? undefined : startOf(problem, source);
    const at = start === undefined ? undefined : source?.lines.linePos(start);
    return { problem, line: at?.line ?? 0, column: at?.col ?? 0 };
  });
  located.sort((a, b) => a.line - b.line || a.column - b.column);
  return located
    .map(({ problem, line, column }) => {
      const place = line === 0 ? file : `${file}:${line}:${column}`;
      const path = problem.path.length === 0 ? "" : `${problem.path.join(".")}: `;
      return `${place}: ${path}${problem.message}`;
    })
    .join("\n");
}
