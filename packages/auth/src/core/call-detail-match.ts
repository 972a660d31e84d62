import type { ArgumentLimit, AskedCallDetail, CallDetail } from "./call-details.js";
import { findConfusableKey, foldNames } from "./case-folding.js";
import { equalJson } from "./json-equal.js";
import { isJsonObject, type JsonObject, type JsonValue, type McpCall, UNKNOWN_ARGUMENTS } from "./mcp-call.js";

/**
 * Whether a detail speaks of this call of a tool at `now`. Arguments that are unknown (a list) could fit; arguments that cannot be read do not.
 * Says nothing of entitlement and rules, nor whether a `once` is used up.
 */
export function matchesCall(detail: CallDetail, { kind, name, arguments: given }: McpCall, now: number): boolean {
  if (kind !== "tool" || name === undefined || !detail.tools.includes(name) || hasExpired(detail, now)) return false;
  if (given === UNKNOWN_ARGUMENTS) return true;
  try {
    return fits(detail, given ?? {});
  } catch {
    return false;
  }
}

/** A call by this detail could still be made, as far as time goes. */
export function hasExpired({ exp }: Pick<CallDetail, "exp">, now: number): boolean {
  return exp !== undefined && exp <= now;
}

function fits(detail: AskedCallDetail, given: JsonValue): boolean {
  // Whoever sends something else than an object relies on how a server behind would read it.
  if (!isJsonObject(given)) return false;
  const { arguments: exact = {}, limits = {} } = detail;
  const wanted = [...Object.keys(exact), ...Object.keys(limits)];
  if (!wanted.every((name) => Object.hasOwn(given, name))) return false;
  const keys = Object.keys(given);
  const others = allowsOthers(detail)
    ? // A server without regard for case would take `Amount` for the `amount` that was agreed to.
      findConfusableKey(keys, foldNames(wanted)) === undefined
    : keys.length === wanted.length;
  return (
    others &&
    Object.entries(exact).every(([name, value]) => equalJson(given[name], value)) &&
    Object.entries(limits).every(([name, limit]) => isWithin(given[name], limit))
  );
}

/** Whether a call may have arguments that the detail does not name. */
export function allowsOthers({ other_arguments, arguments: exact, limits }: AskedCallDetail): boolean {
  return other_arguments ?? (exact === undefined && limits === undefined);
}

function isWithin(value: JsonValue | undefined, { one_of, min, max }: ArgumentLimit): boolean {
  if (one_of !== undefined) return one_of.some((each) => each === value);
  return typeof value === "number" && value >= (min ?? -Infinity) && value <= (max ?? Infinity);
}

/**
 * Whether every call by `narrow` is one by `wide` too; of the two, locations are not compared. Errs towards no: what cannot be told from the
 * two texts is not narrower.
 */
export function isAtMost(narrow: AskedCallDetail, wide: AskedCallDetail): boolean {
  const { arguments: exact = {}, limits = {} } = wide;
  const names = [...Object.keys(exact), ...Object.keys(limits)];
  const own = [...Object.keys(narrow.arguments ?? {}), ...Object.keys(narrow.limits ?? {})];
  const others = allowsOthers(wide) || (!allowsOthers(narrow) && own.every((name) => names.includes(name)));
  return (
    narrow.tools.every((tool) => wide.tools.includes(tool)) &&
    (wide.once !== true || narrow.once === true) &&
    others &&
    Object.entries(exact).every(
      ([name, value]) => isFixed(narrow, name) && equalJson(narrow.arguments?.[name], value),
    ) &&
    Object.entries(limits).every(([name, limit]) => isLimited(narrow, name, limit))
  );
}

function isFixed({ arguments: exact = {} }: AskedCallDetail, name: string): boolean {
  return Object.hasOwn(exact, name);
}

function isLimited(narrow: AskedCallDetail, name: string, limit: ArgumentLimit): boolean {
  if (isFixed(narrow, name)) return isWithin((narrow.arguments as JsonObject)[name], limit);
  const own = Object.hasOwn(narrow.limits ?? {}, name) ? narrow.limits?.[name] : undefined;
  if (own === undefined) return false;
  if (own.one_of !== undefined) return own.one_of.every((each) => isWithin(each, limit));
  const { min = -Infinity, max = Infinity } = limit;
  return limit.one_of === undefined && (own.min ?? -Infinity) >= min && (own.max ?? Infinity) <= max;
}
