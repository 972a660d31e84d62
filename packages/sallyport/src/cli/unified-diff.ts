const CONTEXT = 3;
/** Lines of both sides multiplied; beyond it everything between the first and the last difference counts as changed. */
const MAX_WORK = 4_000_000;

type Op = readonly [mark: " " | "-" | "+", line: string];

/** What `diff -u` prints for two texts; `""` where they are equal. */
export function unifiedDiff(before: string, after: string, file: string): string {
  if (before === after) return "";
  const ops = compare(linesOf(before), linesOf(after));
  return [`--- a/${file}`, `+++ b/${file}`, ...hunks(ops), ""].join("\n");
}

/** A last line without a break is marked as such, as `patch` wants it. */
function linesOf(text: string): readonly string[] {
  if (text === "") return [];
  const lines = text.split("\n");
  const last = lines.pop() ?? "";
  return last === "" ? lines : [...lines, `${last}\n\\ No newline at end of file`];
}

function compare(a: readonly string[], b: readonly string[]): readonly Op[] {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  const same = (lines: readonly string[]): readonly Op[] => lines.map((line) => [" ", line]);
  const middle = compareMiddle(a.slice(start, a.length - end), b.slice(start, b.length - end));
  return [...same(a.slice(0, start)), ...middle, ...same(a.slice(a.length - end))];
}

/** By the longest common subsequence. */
function compareMiddle(a: readonly string[], b: readonly string[]): readonly Op[] {
  const all = (mark: "-" | "+", lines: readonly string[]): Op[] => lines.map((line) => [mark, line]);
  if (a.length * b.length > MAX_WORK) return [...all("-", a), ...all("+", b)];
  const width = b.length + 1;
  const longest = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number) => longest[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      longest[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const ops: Op[] = [];
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      ops.push([" ", a[i] ?? ""]);
      i++;
      j++;
    } else if (at(i + 1, j) >= at(i, j + 1)) ops.push(["-", a[i++] ?? ""]);
    else ops.push(["+", b[j++] ?? ""]);
  }
  return [...ops, ...all("-", a.slice(i)), ...all("+", b.slice(j))];
}

function hunks(ops: readonly Op[]): readonly string[] {
  const changed = ops.flatMap(([mark], index) => (mark === " " ? [] : index));
  const lines: string[] = [];
  for (let next = 0; next < changed.length; ) {
    const from = Math.max(0, (changed[next] ?? 0) - CONTEXT);
    let last = changed[next] ?? 0;
    while (next < changed.length && (changed[next] ?? 0) <= last + 2 * CONTEXT) last = changed[next++] ?? 0;
    const hunk = ops.slice(from, last + CONTEXT + 1);
    const skipped = ops.slice(0, from);
    const range = (other: "-" | "+") => {
      const count = hunk.filter(([mark]) => mark !== other).length;
      const before = skipped.filter(([mark]) => mark !== other).length;
      return `${count === 0 ? before : before + 1},${count}`;
    };
    lines.push(`@@ -${range("+")} +${range("-")} @@`, ...hunk.map(([mark, line]) => mark + line));
  }
  return lines;
}
