import type { Cell, Matrix, MatrixRow } from "./matrix.js";
import { describeRules, NOTHING_KNOWN } from "./matrix-text.js";

const STYLE = `:root{color-scheme:light dark;--page:#fff;--text:#1b1f24;--soft:#59636e;--line:#c9d1d9;--head:#f3f5f7;--yes:#dcf5e1;--if:#fff3cd}
@media(prefers-color-scheme:dark){:root{--page:#0d1117;--text:#e6edf3;--soft:#9198a1;--line:#3d444d;--head:#161b22;--yes:#12361d;--if:#3d3200}}
*{box-sizing:border-box}body{font:15px/1.5 system-ui,sans-serif;margin:0;color:var(--text);background:var(--page)}
main{margin:0 auto;max-width:70rem;padding:1.5rem 1rem 3rem}h1{font-size:1.5rem;margin:0 0 .25rem}h2{font-size:1.2rem;margin:2rem 0 .25rem}h3{font-size:1rem;margin:0 0 .5rem}
p{margin:0 0 1rem}.soft{color:var(--soft)}.scroll{overflow-x:auto;margin:.75rem 0 1.5rem;border:1px solid var(--line);border-radius:.5rem}
.scroll:focus-visible{outline:3px solid #4d7bf0;outline-offset:2px}
table{border-collapse:separate;border-spacing:0;min-width:100%}caption{text-align:left;font-weight:600;padding:.6rem .8rem}
th,td{border-top:1px solid var(--line);padding:.35rem .8rem;text-align:left;white-space:nowrap}td{text-align:center;position:relative}thead th{background:var(--head);font-weight:600}
thead th+th{text-align:center}tbody th{font:13px ui-monospace,monospace;position:sticky;left:0;background:var(--page);border-right:1px solid var(--line);max-width:45vw;white-space:normal;overflow-wrap:anywhere}
thead th:first-child{position:sticky;left:0;border-right:1px solid var(--line)}
.yes{background:var(--yes)}.if{background:var(--if)}.no{color:var(--soft)}code{font:13px ui-monospace,monospace;overflow-wrap:anywhere}
.key{display:inline-block;color:var(--text);padding:0 .5rem;border:1px solid var(--line);border-radius:.3rem}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
ul{list-style:none;margin:0;padding:0}li{padding:.4rem 0;border-top:1px solid var(--line)}
@media print{.scroll{overflow:visible;border:0}tbody th{position:static}}`;

const CELLS: Readonly<Record<Cell, string>> = { yes: "yes", if: "if", no: '–<span class="unseen">no</span>' };

/** One page with everything in it: no script, no picture, nothing loaded. */
export function formatMatrixHtml(matrices: readonly Matrix[]): string {
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    `<title>Who can do what</title><style>${STYLE}</style></head><body><main><h1>Who can do what</h1>`,
    '<p class="soft"><span class="key yes">yes</span> allowed, <span class="key if">if</span> a rule with a condition decides, <span class="key">–</span> not allowed.',
    "By what the file says; what people have granted to programs is not looked at.</p>",
    ...matrices.map(formatServer),
    "</main></body></html>\n",
  ].join("\n");
}

function formatServer({ server, scopes, roles, rows }: Matrix, index: number): string {
  const rules = rows.flatMap(describeRules).map((line) => `<li><code>${escapeHtml(line)}</code></li>`);
  const heading = server === "" ? "" : `<h2>${escapeHtml(server)}</h2>`;
  if (rows.length === 0) return `${heading}<p>${escapeHtml(NOTHING_KNOWN)}</p>`;
  return [
    heading,
    table({ id: `scopes-${index}`, title: "With one scope", columns: scopes, rows, cellsOf: (row) => row.byScope }),
    roles.length === 0
      ? ""
      : table({
          id: `roles-${index}`,
          title: "With all scopes of a role",
          columns: roles,
          rows,
          cellsOf: (row) => row.byRole,
        }),
    rules.length === 0 ? "" : `<h3>Rules</h3><ul>${rules.join("")}</ul>`,
  ].join("\n");
}

interface Table {
  readonly id: string;
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly MatrixRow[];
  cellsOf(row: MatrixRow): readonly Cell[];
}

/** A wide table scrolls by itself, also from the keyboard, and keeps its first column in view. */
function table({ id, title, columns, rows, cellsOf }: Table): string {
  const head = columns.map((column) => `<th scope="col">${escapeHtml(column)}</th>`).join("");
  const body = rows.map((row) => {
    const cells = cellsOf(row).map((cell) => `<td class="${cell}">${CELLS[cell]}</td>`);
    return `<tr><th scope="row">${breakable(escapeHtml(row.target))}</th>${cells.join("")}</tr>`;
  });
  return [
    `<div class="scroll" role="region" aria-labelledby="${id}" tabindex="0"><table><caption id="${id}">${title}</caption>`,
    `<thead><tr><th scope="col">What</th>${head}</tr></thead><tbody>${body.join("\n")}</tbody></table></div>`,
  ].join("\n");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Names of tools are one long word each, which a phone would break anywhere. */
function breakable(html: string): string {
  return html.replace(/[/_.-]+/g, "$&<wbr>");
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
}
