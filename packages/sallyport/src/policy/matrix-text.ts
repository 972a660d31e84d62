import type { Cell, Matrix, MatrixRow } from "./matrix.js";

const CELLS: Readonly<Record<Cell, string>> = { yes: "yes", if: "if", no: "-" };

export const NOTHING_KNOWN =
  "Nothing is known of its tools yet: serve it once while it answers, or name them with --catalogue.";

/** Two tables and the conditions behind every `if`. */
export function formatMatrix(matrix: Matrix): string {
  const { server, scopes, roles, rows } = matrix;
  const tables = [
    table(
      `${server}: with one scope`,
      scopes,
      rows.map((row) => [row.target, row.byScope] as const),
    ),
    ...(roles.length === 0
      ? []
      : [
          table(
            `${server}: with all scopes of a role`,
            roles,
            rows.map((row) => [row.target, row.byRole] as const),
          ),
        ]),
  ];
  const conditions = rows.flatMap(describeRules);
  return [
    ...tables,
    ...(conditions.length === 0 ? [] : [["if:", ...conditions.map((line) => `  ${line}`)].join("\n")]),
  ].join("\n\n");
}

function table(
  title: string,
  columns: readonly string[],
  rows: readonly (readonly [string, readonly Cell[]])[],
): string {
  const lines = [["", ...columns], ...rows.map(([target, cells]) => [target, ...cells.map((cell) => CELLS[cell])])];
  const widths = columns.concat("").map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)));
  const body = lines.map((line) =>
    line
      .map((text, index) => text.padEnd(widths[index] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  if (rows.length === 0) body.push(NOTHING_KNOWN);
  return [title, ...body.map((line) => `  ${line}`)].join("\n");
}

/** One line a rule that has a say about a row and a condition of its own. */
export function describeRules({ target, rules }: MatrixRow): readonly string[] {
  return rules.map(({ id, effect, condition }) => {
    const when = condition === undefined ? "always" : `when ${condition.text.replace(/\s+/g, " ").trim()}`;
    return `${target}: ${effect} ${when}  (${id})`;
  });
}
