import type { JsonObject } from "@sallyport/auth";
import type { LogProblem } from "./chain-check.js";
import { commit } from "./commitment.js";
import { type Line, parseObject } from "./lines.js";

/**
 * Every argument that is still kept must be the one its record commits to. What is absent was erased, or never kept. Lines of which only
 * the salt is left commit to arguments that are not here, so there is nothing to compare.
 */
export function checkArguments(
  writer: string,
  lineAt: (seq: number) => Line | undefined,
  files: readonly { readonly file: string; readonly lines: readonly string[] }[],
): readonly LogProblem[] {
  const problems: LogProblem[] = [];
  for (const { file, lines } of files) {
    for (const text of lines) {
      // An erased line is blank.
      if (text.trim() === "") continue;
      const { seq, salt, arguments: args } = parseObject(text);
      const known = typeof seq === "number" && typeof salt === "string";
      const line = known ? lineAt(seq) : undefined;
      // Arguments are written just before their record: a crash between the two leaves them alone.
      if (known && line === undefined) continue;
      if (known && (args === undefined || commit(salt, args as JsonObject) === line?.members.arguments)) continue;
      const which = known ? { first: seq, last: seq } : {};
      const message = known
        ? `the arguments kept for record ${seq} are not the ones it commits to`
        : "a line cannot be read";
      problems.push({ kind: "arguments", writer, file, ...which, message });
    }
  }
  return problems;
}
