import { type Document, isMap, isNode, isPair, type LineCounter, type Node } from "yaml";

/** One thing wrong with a configuration, and where. */
export interface Problem {
  readonly path: readonly (string | number)[];
  readonly message: string;
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

/** `file:line:column: path: message`, one line each, in the order of the file. */
export function formatProblems(
  file: string,
  problems: readonly Problem[],
  source?: { document: Document; lines: LineCounter },
): string {
  const located = problems.map((problem) => {
    const node = source === undefined ? undefined : locate(source.document, problem.path);
    const at = node?.range == null ? undefined : source?.lines.linePos(node.range[0]);
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
