import { createGlob } from "../core/glob.js";
import { isJsonObject, type JsonClaims } from "./jws.js";

/**
 * What claims must be: a string to equal (`*` in it stands for characters other than `/`), `true` or `false`, a list of which one must hold,
 * or rules for an object's members. A claim that is a list holds when one of its values does.
 */
export interface ClaimRules {
  readonly [claim: string]: ClaimRule;
}
export type ClaimRule = string | boolean | readonly string[] | ClaimRules;

/** Whether every rule holds. No rules hold for nothing: what asks for nothing must not let everything pass. */
export function matchClaims(rules: ClaimRules, claims: JsonClaims): boolean {
  const entries = Object.entries(rules);
  return (
    entries.length > 0 && entries.every(([name, rule]) => Object.hasOwn(claims, name) && matchClaim(rule, claims[name]))
  );
}

function matchClaim(rule: ClaimRule, value: unknown): boolean {
  if (Array.isArray(value)) return value.some((each) => !Array.isArray(each) && matchClaim(rule, each));
  if (typeof rule === "boolean") return value === rule;
  if (typeof rule === "string") return typeof value === "string" && isLike(rule, value);
  if (isList(rule)) return typeof value === "string" && rule.some((pattern) => isLike(pattern, value));
  return isJsonObject(value) && matchClaims(rule, value);
}

function isList(rule: readonly string[] | ClaimRules): rule is readonly string[] {
  return Array.isArray(rule);
}

function isLike(pattern: string, value: string): boolean {
  return pattern.includes("*") ? createGlob(pattern).matches(value) : pattern === value;
}
