/** What a person sees of an HTML form, read from the page as it was sent. */
export interface Form {
  readonly method: string;
  readonly action: string;
  readonly fields: readonly Field[];
}

export interface Field {
  readonly name: string;
  /** `hidden`, `text`, `password`, `checkbox`, `radio`, `submit`, … */
  readonly type: string;
  readonly value: string;
  readonly checked: boolean;
  readonly disabled: boolean;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", "#39": "'" };

/** The forms of a page that are not hidden (a hidden one waits for a script). */
export function parseForms(html: string): readonly Form[] {
  return [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)]
    .map((match) => ({ attributes: attributesOf(match[1] ?? ""), body: match[2] ?? "" }))
    .filter(({ attributes }) => !("hidden" in attributes))
    .map(({ attributes, body }) => ({
      method: (attributes.method ?? "get").toLowerCase(),
      action: attributes.action ?? "",
      fields: [...body.matchAll(/<(input|button)\b([^>]*)>/gi)].map(([, tag, rest]) => fieldOf(tag ?? "", rest ?? "")),
    }));
}

function fieldOf(tag: string, rest: string): Field {
  const attributes = attributesOf(rest);
  const type = attributes.type?.toLowerCase() ?? (tag.toLowerCase() === "button" ? "submit" : "text");
  return {
    name: attributes.name ?? "",
    type,
    value: attributes.value ?? (type === "checkbox" ? "on" : ""),
    checked: "checked" in attributes,
    disabled: "disabled" in attributes,
  };
}

function attributesOf(text: string): Record<string, string> {
  const found = text.matchAll(/([\w:-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g);
  return Object.fromEntries(
    [...found].map(([, name, a, b, c]) => [(name ?? "").toLowerCase(), decode(a ?? b ?? c ?? "")]),
  );
}

function decode(text: string): string {
  return text
    .replace(/&#(x?)([0-9a-f]+);/gi, (_, hex, digits) => String.fromCodePoint(Number.parseInt(digits, hex ? 16 : 10)))
    .replace(/&(\w+);/g, (whole, name) => ENTITIES[name] ?? whole);
}

/** What a browser would send: hidden and text fields with their values, boxes that are ticked, and the button that was pressed. */
export function encodeForm(
  form: Form,
  fill: Readonly<Record<string, string>>,
  choose: { readonly ticked: (field: Field) => boolean; readonly button: Field | undefined },
): URLSearchParams {
  const body = new URLSearchParams();
  for (const field of form.fields) {
    if (field.name === "" || field.disabled) continue;
    if (
      field.type === "submit"
        ? field === choose.button
        : !["checkbox", "radio"].includes(field.type) || choose.ticked(field)
    ) {
      body.append(field.name, fill[field.name] ?? field.value);
    }
  }
  return body;
}
