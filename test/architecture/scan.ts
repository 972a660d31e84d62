/*
 * A scanner for what the architecture rules need to see of a TypeScript file: where code is (and not text or comments), imports,
 * exports, parameter lists. TypeScript 7 has no JavaScript API, and these questions do not need a syntax tree.
 */

/** `text` with comments and the insides of strings, templates and regular expressions blanked; same length, same lines. */
export function maskText(text: string): string {
  const known = masked.get(text);
  if (known !== undefined) return known;
  const code = mask(text);
  masked.set(text, code);
  return code;
}

/** Every rule looks at the same texts. */
const masked = new Map<string, string>();

function mask(text: string): string {
  const out = [...text.split("")];
  const blank = (from: number, to: number) => {
    for (let i = from; i < to && i < out.length; i++) if (out[i] !== "\n") out[i] = " ";
  };
  /** One entry for each `${` that is open: how many braces are open inside it. */
  const substitutions: number[] = [];
  let at = 0;
  while (at < text.length) {
    const end = tokenEnd(text, at, out);
    if (end !== undefined) {
      blank(at + end.keep, end.to - end.keep);
      if (end.substitution) substitutions.push(0);
      at = end.to;
      continue;
    }
    const depth = substitutions.length - 1;
    if (depth >= 0 && text[at] === "{") substitutions[depth]! += 1;
    if (depth >= 0 && text[at] === "}") {
      if (substitutions[depth] === 0) {
        substitutions.pop();
        const rest = templateEnd(text, at + 1);
        blank(at + 1, rest.to - 1);
        if (rest.substitution) substitutions.push(0);
        at = rest.to;
        continue;
      }
      substitutions[depth]! -= 1;
    }
    at += 1;
  }
  return out.join("");
}

interface TokenEnd {
  readonly to: number;
  /** Characters at either end that stay visible (quotes). */
  readonly keep: number;
  readonly substitution: boolean;
}

function tokenEnd(text: string, at: number, seen: readonly string[]): TokenEnd | undefined {
  const plain = (to: number, keep: number): TokenEnd => ({ to, keep, substitution: false });
  const char = text[at];
  const two = text.slice(at, at + 2);
  if (two === "//") return plain(endOr(text.indexOf("\n", at), text), 0);
  if (two === "/*") return plain(endOr(text.indexOf("*/", at + 2), text, 2), 0);
  if (char === '"' || char === "'") return plain(stringEnd(text, at + 1, char), 1);
  if (char === "`") return { ...templateEnd(text, at + 1), keep: 1 };
  if (char === "/" && regexMayStart(seen, at)) return plain(regexEnd(text, at + 1), 1);
  return undefined;
}

const endOr = (index: number, text: string, length = 0) => (index < 0 ? text.length : index + length);

function stringEnd(text: string, from: number, quote: string): number {
  for (let i = from; i < text.length; i++) {
    if (text[i] === "\\") i += 1;
    else if (text[i] === quote) return i + 1;
    else if (text[i] === "\n") return i + 1; // An apostrophe in JSX text: nothing is lost but the rest of its line.
  }
  return text.length;
}

function templateEnd(text: string, from: number): { readonly to: number; readonly substitution: boolean } {
  for (let i = from; i < text.length; i++) {
    if (text[i] === "\\") i += 1;
    else if (text[i] === "`") return { to: i + 1, substitution: false };
    else if (text.startsWith("${", i)) return { to: i + 2, substitution: true };
  }
  return { to: text.length, substitution: false };
}

function regexEnd(text: string, from: number): number {
  let inClass = false;
  for (let i = from; i < text.length; i++) {
    if (text[i] === "\\") i += 1;
    else if (text[i] === "[") inClass = true;
    else if (text[i] === "]") inClass = false;
    else if (text[i] === "\n") return i;
    else if (text[i] === "/" && !inClass) return i + 1;
  }
  return text.length;
}

/** A slash starts a regular expression where a value is expected: at the start, after an operator or after `return`. */
function regexMayStart(seen: readonly string[], at: number): boolean {
  const before = seen
    .slice(Math.max(0, at - 24), at)
    .join("")
    .trimEnd();
  return before === "" || /[([{,;:=!&|?+*%~^>}]$/.test(before) || /\b(?:return|typeof|case|in|of)$/.test(before);
}

export interface Import {
  readonly specifier: string;
  /** Erased by the compiler: `import type`, `export type … from`, or every name marked `type`. */
  readonly typeOnly: boolean;
  readonly names: readonly string[];
}

const IMPORT = /\b(?:import|export)\s+(type\s+)?([\w$*\s{},]*?)\s*\bfrom\s*(["'])|\bimport\s*(\(?)\s*(["'])/g;

export function importsOf(text: string): readonly Import[] {
  const code = maskText(text);
  return [...code.matchAll(IMPORT)].map((match) => {
    const start = match.index + match[0].length;
    const quote = match[3] ?? match[5] ?? '"';
    const clause = match[2] ?? "";
    const names = clause
      .replace(/[{}]/g, "")
      .split(",")
      .map((name) => name.trim())
      .filter(Boolean);
    const allTyped = clause.startsWith("{") && names.length > 0 && names.every((name) => name.startsWith("type "));
    return {
      specifier: text.slice(start, text.indexOf(quote, start)),
      typeOnly: match[1] !== undefined || allTyped,
      names: names.map((name) => name.replace(/^type\s+/, "").split(/\s+as\s+/)[0]!),
    };
  });
}

export interface Exports {
  /** Functions, constants and classes; types are free to stay without a user. */
  readonly values: readonly string[];
  readonly hasDefault: boolean;
  /** `export * from`, values included. */
  readonly hasStar: boolean;
}

export function exportsOf(text: string): Exports {
  const code = maskText(text);
  const declared = code.matchAll(
    /^export\s+(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(?:function\*?|const|let|class|enum)\s+([A-Za-z_$][\w$]*)/gm,
  );
  const listed = [...code.matchAll(/^export\s+\{([^}]*)\}(?!\s*from)/gm)].flatMap((match) =>
    match[1]!
      .split(",")
      .map(
        (name) =>
          name
            .trim()
            .replace(/^type\s+/, "")
            .split(/\s+as\s+/)
            .at(-1)!,
      )
      .filter(Boolean),
  );
  return {
    values: [...[...declared].map((match) => match[1]!), ...listed],
    hasDefault: /^export\s+default\b/m.test(code),
    hasStar: /^export\s+\*/m.test(code),
  };
}

export interface ParameterList {
  readonly line: number;
  readonly name: string;
  readonly parameters: readonly string[];
}

const CONTROL = new Set([
  "if",
  "for",
  "while",
  "switch",
  "catch",
  "with",
  "return",
  "await",
  "typeof",
  "super",
  "import",
]);

/** Parameter lists of functions, methods, constructors, arrow functions and function types. */
export function parameterListsOf(text: string): readonly ParameterList[] {
  const code = maskText(text);
  const lists: ParameterList[] = [];
  for (let at = code.indexOf("("); at >= 0; at = code.indexOf("(", at + 1)) {
    const close = closingBracket(code, at);
    const lineStart = code.lastIndexOf("\n", at) + 1;
    const before = code.slice(lineStart, at);
    const name = /([\w$#]+)\s*(?:<[^()]*>)?$/.exec(before)?.[1] ?? "";
    if (CONTROL.has(name) || !isParameterList(before, code.slice(close + 1, close + 400))) continue;
    const parameters = splitTopLevel(code.slice(at + 1, close));
    lists.push({ line: code.slice(0, at).split("\n").length, name, parameters });
  }
  return lists;
}

function isParameterList(before: string, after: string): boolean {
  if (/^\s*(?::[^={}();]*(?:\{[^{}]*\}[^={}();]*)?)?=>/.test(after)) return true;
  if (/\bfunction\b\*?\s*[\w$]*\s*(?:<[^()]*>)?$/.test(before)) return true;
  const method =
    /^\s*(?:(?:export|public|private|protected|static|override|async|readonly|get|set)\s+)*[\w$#]+\??\s*(?:<[^()]*>)?$/;
  return method.test(before) && /^\s*(?::|\{)/.test(after);
}

const OPEN = "([{";
const CLOSE = ")]}";

export function closingBracket(code: string, open: number): number {
  let depth = 0;
  for (let i = open; i < code.length; i++) {
    if (OPEN.includes(code[i]!)) depth += 1;
    else if (CLOSE.includes(code[i]!) && --depth === 0) return i;
  }
  return code.length;
}

/** Splits at commas outside every bracket, angle brackets of types included. */
export function splitTopLevel(code: string): readonly string[] {
  const parts: string[] = [""];
  let depth = 0;
  for (let i = 0; i < code.length; i++) {
    const char = code[i]!;
    if (OPEN.includes(char) || char === "<") depth += 1;
    else if (CLOSE.includes(char) || (char === ">" && code[i - 1] !== "=")) depth -= 1;
    if (char === "," && depth === 0) parts.push("");
    else parts[parts.length - 1] += char;
  }
  return parts.map((part) => part.trim()).filter(Boolean);
}

/** The bracket that encloses each position, `undefined` at the top: tells a member (`{`) from a parameter (`(`). */
export function enclosingBracket(code: string, at: number): string | undefined {
  let depth = 0;
  for (let i = at - 1; i >= 0; i--) {
    if (CLOSE.includes(code[i]!)) depth += 1;
    else if (OPEN.includes(code[i]!) && depth-- === 0) return code[i];
  }
  return undefined;
}
