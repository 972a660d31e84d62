import { allowsOthers } from "./call-detail-match.js";
import type { ArgumentLimit, AskedCallDetail } from "./call-details.js";
import type { JsonValue } from "./mcp-call.js";

/** What a detail allows, in plain words for people. Texts are not escaped for any markup. */
export interface CallDetailWords {
  readonly tools: readonly string[];
  /** How often: `once`, or `as often as it likes`. */
  readonly often: string;
  /** Each constrained argument with what it has to be, whole: what is agreed to is never cut. */
  readonly conditions: readonly { readonly name: string; readonly words: string }[];
  /** About everything else, for example `with no other arguments`. */
  readonly others: string;
}

export function describeCallDetail(detail: AskedCallDetail): CallDetailWords {
  const exact = Object.entries(detail.arguments ?? {}).map(([name, value]) => ({ name, words: showJson(value) }));
  const limits = Object.entries(detail.limits ?? {}).map(([name, limit]) => ({ name, words: wordsOf(limit) }));
  const conditions = [...exact, ...limits];
  const others = allowsOthers(detail);
  return {
    tools: detail.tools,
    often: detail.once === true ? "once" : "as often as it likes",
    conditions,
    others:
      conditions.length === 0
        ? others
          ? "with any arguments"
          : "without arguments"
        : others
          ? "and any other arguments"
          : "and no other arguments",
  };
}

function wordsOf({ one_of, min, max }: ArgumentLimit): string {
  if (one_of !== undefined)
    return one_of.length === 1 ? showJson(one_of[0] ?? null) : `one of ${one_of.map(showJson).join(", ")}`;
  if (min === undefined) return `at most ${max}`;
  return max === undefined ? `at least ${min}` : `from ${min} to ${max}`;
}

/** A name as it is, but for what is invisible. */
export function showText(text: string): string {
  return showJson(text).slice(1, -1);
}

/** JSON in which nothing is invisible or turns the text round: such characters are written as escapes, which mean the same. */
export function showJson(value: JsonValue): string {
  return JSON.stringify(value).replace(
    /[\p{C}\p{Zl}\p{Zp}\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\ufeff\u115f\u1160\u3164\uffa0]/gu,
    (character) =>
      Array.from(
        { length: character.length },
        (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`,
      ).join(""),
  );
}
