/** Text that is HTML already. Only the `html` tag makes it. */
export class Html {
  constructor(readonly text: string) {}
}

type Interpolated = string | number | boolean | undefined | Html | readonly Interpolated[];

/**
 * A template whose every value is escaped, for text and for quoted attributes alike; `Html` goes in as it is, arrays are joined,
 * `undefined` and booleans leave nothing. Values belong between tags or inside quotes, nowhere else.
 */
export function html(strings: TemplateStringsArray, ...values: readonly Interpolated[]): Html {
  let text = strings[0] ?? "";
  for (const [index, value] of values.entries()) text += format(value) + (strings[index + 1] ?? "");
  return new Html(text);
}

function format(value: Interpolated): string {
  if (value instanceof Html) return value.text;
  if (typeof value === "object") return value.map(format).join("");
  return value === undefined || typeof value === "boolean" ? "" : escapeHtml(String(value));
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** The only escape function of the pages. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
}

/** Words of printable ASCII with single spaces between them. */
const PLAIN = /^[!-~]+(?: [!-~]+)*$/;

/**
 * A name that others chose, fit to be shown: no control, bidirectional or invisible characters (which could make it read as another
 * name), single spaces, at most 80 characters.
 */
export function displayName(name: string): string {
  if (name.length <= 80 && PLAIN.test(name)) return name;
  const clean = name
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "")
    .replace(/\s+/g, " ")
    .trim();
  const letters = [...clean];
  return letters.length > 80 ? `${letters.slice(0, 79).join("")}…` : clean;
}
