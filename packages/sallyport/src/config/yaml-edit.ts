import { type Document, isMap, isNode, isScalar, isSeq, Lexer, type Node, parseDocument, stringify } from "yaml";

/** Takes a member or an item away. */
export const REMOVE = Symbol("remove");

/**
 * What becomes of a value: members that are not named stay; items stand at the places of the old ones, and those beyond are added at the end.
 * A scalar replaces.
 */
export type YamlChange =
  | string
  | number
  | boolean
  | typeof REMOVE
  | readonly YamlChange[]
  | { readonly [member: string]: YamlChange };

/** The text cannot be changed in place so that nothing else changes; somebody has to do it by hand. */
export class YamlEditError extends Error {
  override readonly name = "YamlEditError";
}

interface Splice {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/**
 * Changes a YAML text in place: every byte that does not have to change stays, and so does every comment. The result is read back and
 * compared. @throws YamlEditError where that would not hold.
 */
export function editYaml(text: string, change: { readonly [member: string]: YamlChange }): string {
  const document = parseDocument(text, { keepSourceTokens: true });
  if (document.errors.length > 0 || !isMap(document.contents)) throw new YamlEditError("the file is no YAML mapping");
  const editor = new Editor(text, document);
  editor.edit(document.contents, change);
  const result = editor.result();
  const [wanted, got] = [merge(document.toJS(), change), parseDocument(result).toJS()].map((value) =>
    JSON.stringify(value),
  );
  if (wanted !== got) throw new YamlEditError("the file's form does not allow to change it in place");
  const left = commentsOf(result);
  for (const comment of commentsOf(text)) {
    const at = left.indexOf(comment);
    if (at === -1) throw new YamlEditError(`the comment ${JSON.stringify(comment)} would be lost`);
    left.splice(at, 1);
  }
  return result;
}

function commentsOf(text: string): string[] {
  return [...new Lexer().lex(text)].filter((token) => token.startsWith("#")).map((token) => token.trim());
}

function merge(old: unknown, change: YamlChange): unknown {
  if (Array.isArray(change)) {
    const items = Array.isArray(old) ? old : [];
    const merged = change.map((one: YamlChange, index) => (one === REMOVE ? REMOVE : merge(items[index], one)));
    return [...merged, ...items.slice(change.length)].filter((one) => one !== REMOVE);
  }
  if (typeof change !== "object" || change === null) return change;
  const members = new Map<string, unknown>(Object.entries(typeof old === "object" && old !== null ? old : {}));
  for (const [name, one] of Object.entries(change)) {
    if (one === REMOVE) members.delete(name);
    else members.set(name, merge(members.get(name), one));
  }
  return Object.fromEntries(members);
}

class Editor {
  readonly #splices: Splice[] = [];
  readonly #newline: string;

  constructor(
    readonly text: string,
    readonly document: Document,
  ) {
    this.#newline = text.includes("\r\n") ? "\r\n" : "\n";
  }

  edit(node: unknown, change: YamlChange): void {
    if (!isNode(node) || node.range == null) throw new YamlEditError("a value that is not there, or an alias");
    const before = node.toJS(this.document);
    if (JSON.stringify(merge(before, change)) === JSON.stringify(before)) return;
    const isBlock = (isMap(node) || isSeq(node)) && node.flow !== true;
    if (isBlock && isMap(node) && typeof change === "object" && !Array.isArray(change))
      this.#editMap(node, change as never);
    else if (isBlock && isSeq(node) && Array.isArray(change)) this.#editSeq(node, change);
    else this.#splice(node.range[0], node.range[1], this.#flow(node, merge(before, change)));
  }

  /** From the end on, so that places stay; of several at one place the last comes first, so that they end in their order. */
  result(): string {
    let { text } = this;
    for (const { from, to, text: put } of [...this.#splices].reverse().sort((a, b) => b.from - a.from)) {
      text = text.slice(0, from) + put + text.slice(to);
    }
    return text;
  }

  #editMap(node: Extract<Node, { items: unknown[] }>, change: Readonly<Record<string, YamlChange>>): void {
    if (!isMap(node)) return;
    for (const [name, one] of Object.entries(change)) {
      const pair = node.items.find(({ key }) => isScalar(key) && key.value === name);
      if (pair === undefined) {
        if (one !== REMOVE) this.#append(node, `${stringify({ [name]: plain(one) }, { lineWidth: 0 })}`);
      } else if (one !== REMOVE) this.edit(pair.value, one);
      else this.#removeLines((pair.key as Node).range?.[0] ?? 0, endOf(pair.value ?? pair.key));
    }
  }

  #editSeq(node: Extract<Node, { items: unknown[] }>, change: readonly YamlChange[]): void {
    change.forEach((one, index) => {
      const item = node.items[index];
      if (item === undefined) this.#append(node, stringify([plain(one)], { lineWidth: 0 }));
      else if (one === REMOVE) this.#removeLines((item as Node).range?.[0] ?? 0, endOf(item), "-");
      else this.edit(item, one);
    });
  }

  /** Whole lines go; a comment behind stays where it was, on a line of its own. */
  #removeLines(from: number, to: number, mark = ""): void {
    const start = this.text.lastIndexOf("\n", from - 1) + 1;
    const lead = this.text.slice(start, from);
    if (lead.trim() !== mark) throw new YamlEditError("several things stand on one line");
    const end = this.#lineEnd(to);
    const comment = this.text.slice(to, end).trim();
    const indent = /^ */.exec(lead)?.[0] ?? "";
    if (comment === "") this.#splice(start, Math.min(end + 1, this.text.length), "");
    else this.#splice(start, end, `${indent}${comment}`);
  }

  /** After the last item, as far in as the first. */
  #append(node: Extract<Node, { items: unknown[] }>, block: string): void {
    const first = node.range?.[0] ?? 0;
    const column = first - (this.text.lastIndexOf("\n", first - 1) + 1);
    const lines = block.trimEnd().split("\n");
    const at = this.#lineEnd(endOf(node));
    this.#splice(at, at, lines.map((line) => `${this.#newline}${" ".repeat(column)}${line}`).join(""));
  }

  #lineEnd(from: number): number {
    const at = this.text.indexOf("\n", from);
    if (at === -1) return this.text.length;
    return this.text[at - 1] === "\r" ? at - 1 : at;
  }

  #splice(from: number, to: number, text: string): void {
    this.#splices.push({ from, to, text });
  }

  /** On one line; comments that stood inside come before the items, on lines of their own. */
  #flow(node: Node, value: unknown): string {
    const text = flowText(value);
    const [from = 0, to = 0] = node.range ?? [];
    const comments = isScalar(node) ? [] : commentsOf(this.text.slice(from, to));
    if (comments.length === 0) return text;
    const start = this.text.lastIndexOf("\n", from - 1) + 1;
    const indent = `${this.#newline}${/^ */.exec(this.text.slice(start))?.[0] ?? ""}  `;
    return `${text[0]}${comments.map((comment) => `${indent}${comment}`).join("")}${indent}${text.slice(1)}`;
  }
}

/** Where the last value in it ends; a collection's own range goes on to the comments and empty lines behind it. */
function endOf(node: unknown): number {
  if ((isMap(node) || isSeq(node)) && node.flow !== true) {
    const last = node.items.at(-1);
    if (isNode(last)) return endOf(last);
    if (last !== undefined)
      return endOf((last as { value: unknown; key: unknown }).value ?? (last as { key: unknown }).key);
  }
  return isNode(node) ? (node.range?.[1] ?? 0) : 0;
}

function plain(change: YamlChange): unknown {
  return merge(undefined, change);
}

/** On one line, as people write it: `[a, b]`, `{ a: b }`. */
function flowText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flowText).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).map(([name, one]) => `${flowText(name)}: ${flowText(one)}`);
    return members.length === 0 ? "{}" : `{ ${members.join(", ")} }`;
  }
  // As an item of a list a text gets the quotes that it needs between others.
  return stringify([value], { collectionStyle: "flow", lineWidth: 0 }).trimEnd().slice(2, -2);
}
