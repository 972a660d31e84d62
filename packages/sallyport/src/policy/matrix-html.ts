import type { Cell, Matrix, MatrixRow } from "./matrix.js";
import { describeRules } from "./matrix-text.js";

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1b1f24;background:#fff}
table{border-collapse:collapse;margin:1rem 0 2rem}caption{text-align:left;font-weight:600;padding:.3rem 0}
th,td{border:1px solid #c9d1d9;padding:.3rem .7rem;text-align:left}thead th{background:#f3f5f7}tbody th{font:13px ui-monospace,monospace}
.yes{background:#dcf5e1}.if{background:#fff3cd}.no{color:#59636e}code{font:13px ui-monospace,monospace}
@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}th,td{border-color:#3d444d}thead th{background:#161b22}.yes{background:#12361d}.if{background:#3d3200}.no{color:#9198a1}}`;

const CELLS: Readonly<Record<Cell, string>> = { yes: "yes", if: "if", no: "–" };

/** One page with everything in it: no script, no picture, nothing loaded. */
export function formatMatrixHtml(matrices: readonly Matrix[]): string {
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    `<title>Who can do what</title><style>${STYLE}</style></head><body><h1>Who can do what</h1>`,
    ...matrices.map(formatServer),
    "</body></html>\n",
  ].join("\n");
}

function formatServer({ server, scopes, roles, rows }: Matrix): string {
  const conditions = rows.flatMap(describeRules).map((line) => `<li><code>${escapeHtml(line)}</code></li>`);
  return [
    `<h2>${escapeHtml(server)}</h2>`,
    table({ title: "With one scope", columns: scopes, rows, cellsOf: (row) => row.byScope }),
    roles.length === 0
      ? ""
      : table({ title: "With all scopes of a role", columns: roles, rows, cellsOf: (row) => row.byRole }),
    conditions.length === 0 ? "" : `<h3>Rules</h3><ul>${conditions.join("")}</ul>`,
  ].join("\n");
}

interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly MatrixRow[];
  cellsOf(row: MatrixRow): readonly Cell[];
}

function table({ title, columns, rows, cellsOf }: Table): string {
  const head = columns.map((column) => `<th scope="col">${escapeHtml(column)}</th>`).join("");
  const body = rows.map((row) => {
    const cells = cellsOf(row).map((cell) => `<td class="${cell}">${CELLS[cell]}</td>`);
    return `<tr><th scope="row">${escapeHtml(row.target)}</th>${cells.join("")}</tr>`;
  });
  return `<table><caption>${title}</caption><thead><tr><td></td>${head}</tr></thead><tbody>${body.join("\n")}</tbody></table>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
}
