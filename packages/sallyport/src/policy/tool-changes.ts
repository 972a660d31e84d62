import type { JsonObject, JsonValue } from "@sallyport/auth";
import { formatCanonical } from "../sealing/canonical-json.js";

/** One difference between two definitions of a tool. */
export interface ToolChange {
  /** Where: `description`, `inputSchema.properties.limit.maximum`, … */
  readonly place: string;
  /** `undefined`: it was not there, or is not there any more. */
  readonly before: JsonValue | undefined;
  readonly after: JsonValue | undefined;
}

/** The members that decide what a tool is; the rest (titles, icons) may change freely. */
const MEMBERS = ["name", "description", "inputSchema", "annotations"] as const;

/** Every difference in what decides what a tool is, down to single values. */
export function changesOf(before: JsonObject, after: JsonObject): readonly ToolChange[] {
  return MEMBERS.flatMap((member) => compare(member, before[member], after[member]));
}

function compare(place: string, before: JsonValue | undefined, after: JsonValue | undefined): readonly ToolChange[] {
  if (textOf(before) === textOf(after)) return [];
  if (isObject(before) && isObject(after)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    return names.flatMap((name) => compare(`${place}.${name}`, before[name], after[name]));
  }
  return [{ place, before, after }];
}

function textOf(value: JsonValue | undefined): string | undefined {
  return value === undefined ? undefined : formatCanonical(value);
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What a change means, where the place alone says it. */
const MEANINGS: readonly (readonly [place: RegExp, words: (change: ToolChange) => string | undefined])[] = [
  [
    /^annotations\.readOnlyHint$/,
    ({ after }) => (after === true ? "it says now that it only reads" : "it no longer says that it only reads"),
  ],
  [
    /^annotations\.destructiveHint$/,
    ({ after }) => (after === false ? "it says now that it destroys nothing" : "it may destroy things now"),
  ],
  [/\.required$/, ({ before, after }) => requiredWords(before, after)],
  [
    /\.properties\.([^.]+)$/,
    ({ place, before, after }) => {
      const name = JSON.stringify(place.slice(place.lastIndexOf(".") + 1));
      if (before === undefined) return `it takes a new argument ${name}`;
      return after === undefined ? `it no longer takes the argument ${name}` : undefined;
    },
  ],
];

function requiredWords(before: JsonValue | undefined, after: JsonValue | undefined): string | undefined {
  const [old, now] = [namesOf(before), namesOf(after)];
  const added = now.filter((name) => !old.includes(name)).map((name) => `${JSON.stringify(name)} is required now`);
  const gone = old.filter((name) => !now.includes(name)).map((name) => `${JSON.stringify(name)} is optional now`);
  return [...added, ...gone].join(", ") || undefined;
}

function namesOf(value: JsonValue | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((name) => typeof name === "string") : [];
}

/** One or two lines for people: what it means, and the two values. All text of the server is JSON-encoded and made visible. */
export function formatChange(change: ToolChange): string {
  const { place, before, after } = change;
  const meaning = MEANINGS.find(([pattern]) => pattern.test(place))?.[1](change);
  const values =
    before === undefined ? `added ${show(after)}` : after === undefined ? `removed ${show(before)}` : undefined;
  const what = values ?? `was ${show(before)}, is ${show(after)}`;
  return `${showText(place)}: ${meaning === undefined ? what : `${meaning} (${what})`}`;
}

function show(value: JsonValue | undefined): string {
  return showText(JSON.stringify(value) ?? "nothing");
}

/** Controls, marks that turn the direction of text, tags, variation selectors, fillers: nothing a description needs, and all unseen. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
/** Line breaks, and the selector that follows an ordinary emoji. */
const ORDINARY: ReadonlySet<string> = new Set(["\n", "\t", "\r", "\u{fe0f}"]);

/** The same text with everything unseen written out. */
export function showText(text: string): string {
  return text.replace(UNSEEN, (unit) => `\\u{${codePoint(unit)}}`);
}

const codePoint = (unit: string) => (unit.codePointAt(0) ?? 0).toString(16);

/** Where a definition holds characters that people do not see and models read. */
export interface UnseenText {
  readonly place: string;
  /** Code points, hexadecimal, each once, at most 20. */
  readonly characters: readonly string[];
}

/** Looks at every text of a definition, the names of members included. */
export function unseenTextOf(value: JsonValue, place = ""): readonly UnseenText[] {
  if (typeof value === "string") return unseenIn(place, value);
  if (Array.isArray(value)) return value.flatMap((element, index) => unseenTextOf(element, `${place}[${index}]`));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value as JsonObject).flatMap(([name, member]) => {
    const at = place === "" ? name : `${place}.${name}`;
    return [...unseenIn(`the name ${showText(at)}`, name), ...unseenTextOf(member, at)];
  });
}

function unseenIn(place: string, text: string): readonly UnseenText[] {
  const found = [...text.matchAll(UNSEEN)].flatMap(([unit]) => (ORDINARY.has(unit) ? [] : codePoint(unit)));
  return found.length === 0 ? [] : [{ place: showText(place), characters: [...new Set(found)].slice(0, 20) }];
}
