import { findConfusableKey } from "./case-folding.js";
import { scanJson } from "./json-scan.js";
import { isJsonObject, type JsonObject, type JsonValue } from "./mcp-call.js";
import { OAuthError } from "./oauth-error.js";
import { parseJson } from "./parse-json.js";
import { isScopeToken } from "./scope.js";

/** The one type of RFC 9396 authorization details known here. */
export const CALL_DETAIL_TYPE = "mcp_call";

/** What one argument may be: one of some scalars, or a number within bounds, both inclusive. */
export interface ArgumentLimit {
  readonly one_of?: readonly (string | number | boolean | null)[];
  readonly min?: number;
  readonly max?: number;
}

/** Calls of tools, as a client asks for them (RFC 9396 §2). Members have their wire names. */
export interface AskedCallDetail {
  readonly type: typeof CALL_DETAIL_TYPE;
  /** The one resource it is for; absent in a request: the request's own. */
  readonly locations?: readonly string[];
  /** Exact names; any of them. */
  readonly tools: readonly string[];
  /** Arguments that have to be there, with exactly these values. */
  readonly arguments?: JsonObject;
  /** Arguments that have to be there, within bounds. */
  readonly limits?: Readonly<Record<string, ArgumentLimit>>;
  /** Whether a call may have further arguments. Default: only where neither `arguments` nor `limits` says anything. */
  readonly other_arguments?: boolean;
  /** One call only. */
  readonly once?: true;
  /** What the server calls it; only in what was granted and comes back. */
  readonly id?: string;
}

/** … and as they were granted. */
export interface CallDetail extends AskedCallDetail {
  readonly locations: readonly [string];
  readonly id: string;
  /**
   * What the tools needed when this was granted: one scope for all of them, or space-separated one for each in the order of `tools`. A tool that
   * has come to need more is not called by it, whatever the tools beside it need.
   */
  readonly scope: string;
  /** Integer seconds; there where `once` is, and good until then. */
  readonly exp?: number;
}

export const DETAIL_LIMITS = { bytes: 3072, details: 10, tools: 20, names: 20, values: 50, text: 128 } as const;

const MAX_DEPTH = 16;
const CONSTRAINTS = ["type", "locations", "tools", "arguments", "limits", "other_arguments", "once"];
const GRANTED = [...CONSTRAINTS, "id", "scope", "exp"];
const ID = /^[A-Za-z0-9_-]{1,64}$/;
/** What can be shown as it is: no control, format, surrogate or unassigned character. */
const SHOWABLE = /^\P{C}+$/u;

/**
 * The parameter `authorization_details` (RFC 9396 §2), strictly: no duplicate key, no number that a double cannot hold, nothing unknown,
 * within {@link DETAIL_LIMITS}. `granted`: what this server once gave may come back with `id`, `scope` and `exp`, of which only `id` is kept.
 * Does NOT check that resource or tools exist. @throws OAuthError `details_refused` that names what is wrong
 */
export function parseCallDetails(text: string, form: "asked" | "granted" = "asked"): readonly AskedCallDetail[] {
  const values = parseStrictly(text);
  if (!Array.isArray(values) || values.length === 0) throw refuse("must be an array of at least one object");
  if (values.length > DETAIL_LIMITS.details) throw refuse(`must hold at most ${DETAIL_LIMITS.details} objects`);
  return values.map((value, index) => {
    const members = form === "asked" ? CONSTRAINTS : GRANTED;
    return readDetail(value, { place: `[${index}]`, members });
  });
}

/**
 * The claim `authorization_details` of a token (RFC 9396 §9.1). Elements of other types are another server's affair, and left out; one of
 * ours that cannot be read in full makes all of them unreadable. @throws OAuthError `details_refused`
 */
export function readCallDetails(claim: unknown): readonly CallDetail[] {
  if (!Array.isArray(claim)) throw refuse("must be an array");
  const own = (claim as readonly JsonValue[]).filter(
    (value) => !isJsonObject(value) || value.type === CALL_DETAIL_TYPE || typeof value.type !== "string",
  );
  if (own.length > DETAIL_LIMITS.details) throw refuse("holds too many objects");
  return own.map((value, index) => readGranted(value, `[${index}]`));
}

function parseStrictly(text: string): JsonValue {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length > DETAIL_LIMITS.bytes) throw refuse(`must be at most ${DETAIL_LIMITS.bytes} bytes long`);
  const { fault, inexactNumbers } = scanJson(bytes, text, MAX_DEPTH);
  if (fault !== undefined) throw refuse("must be JSON without duplicate keys, deep nesting or broken strings");
  let value: JsonValue;
  try {
    value = parseJson(text);
  } catch {
    throw refuse("must be JSON");
  }
  if (inexactNumbers) throw refuse("holds a number that cannot be kept exactly; write it as a string");
  // Written again for a token it must not have grown.
  if (new TextEncoder().encode(JSON.stringify(value)).length > DETAIL_LIMITS.bytes) throw refuse("is too long");
  return value;
}

interface Place {
  readonly place: string;
  readonly members: readonly string[];
}

function readDetail(value: JsonValue, { place, members }: Place): AskedCallDetail {
  if (!isJsonObject(value)) throw refuse(`${place} must be an object`);
  if (value.type !== CALL_DETAIL_TYPE) throw refuse(`${place}.type must be ${CALL_DETAIL_TYPE}`);
  const unknown = Object.keys(value).find((name) => !members.includes(name));
  if (unknown !== undefined) throw refuse(`${place} has the unknown member ${nameOf(unknown)}`);
  const { locations, tools, arguments: exact, limits, other_arguments, once, id } = value;
  if (locations !== undefined && !(isTexts(locations, 1) && (locations[0]?.length ?? 0) <= 2048)) {
    throw refuse(`${place}.locations must hold one resource URI`);
  }
  if (!isTexts(tools, DETAIL_LIMITS.tools) || !tools.every(isName)) {
    throw refuse(`${place}.tools must hold 1 to ${DETAIL_LIMITS.tools} names of tools`);
  }
  if (other_arguments !== undefined && typeof other_arguments !== "boolean") {
    throw refuse(`${place}.other_arguments must be true or false`);
  }
  if (once !== undefined && once !== true) throw refuse(`${place}.once can only be true`);
  if (id !== undefined && !(typeof id === "string" && ID.test(id))) throw refuse(`${place}.id is not one of ours`);
  checkNames(exact, limits, place);
  return {
    type: CALL_DETAIL_TYPE,
    ...(locations !== undefined && { locations }),
    tools: [...new Set(tools)],
    ...(exact !== undefined && { arguments: exact as JsonObject }),
    ...(limits !== undefined && { limits: readLimits(limits as JsonObject, `${place}.limits`) }),
    ...(other_arguments !== undefined && { other_arguments }),
    ...(once === true && { once }),
    ...(typeof id === "string" && { id }),
  };
}

function readGranted(value: JsonValue, place: string): CallDetail {
  const detail = readDetail(value, { place, members: GRANTED });
  const { scope, exp } = value as JsonObject;
  const { locations, id } = detail;
  const [location] = locations ?? [];
  if (location === undefined || id === undefined) throw refuse(`${place} is not in the form in which it is granted`);
  if (typeof scope !== "string" || !scope.split(" ").every(isScopeToken)) throw refuse(`${place}.scope is malformed`);
  if (scopesOf({ tools: detail.tools, scope }) === undefined) {
    throw refuse(`${place}.scope must name one scope for all tools, or one for each`);
  }
  const timely = typeof exp === "number" && Number.isSafeInteger(exp) && exp > 0;
  if (detail.once === true ? !timely : exp !== undefined) throw refuse(`${place}.exp belongs to once, and to it alone`);
  return { ...detail, locations: [location], id, scope, ...(timely && { exp }) };
}

/** `arguments` and `limits` constrain different names, none of which a reader without regard for case would confuse. */
function checkNames(exact: JsonValue | undefined, limits: JsonValue | undefined, place: string): void {
  for (const [name, value] of Object.entries({ arguments: exact, limits })) {
    if (value !== undefined && !isJsonObject(value)) throw refuse(`${place}.${name} must be an object`);
  }
  const names = [...Object.keys(exact ?? {}), ...Object.keys(limits ?? {})];
  if (names.length > DETAIL_LIMITS.names) throw refuse(`${place} constrains too many arguments`);
  if (!names.every(isName)) throw refuse(`${place} has an argument whose name cannot be shown`);
  if (new Set(names).size < names.length || findConfusableKey(names, new Map()) !== undefined) {
    throw refuse(`${place} constrains one argument twice`);
  }
}

function readLimits(limits: JsonObject, place: string): Readonly<Record<string, ArgumentLimit>> {
  return Object.fromEntries(Object.entries(limits).map(([name, limit]) => [name, readLimit(limit, place)]));
}

function readLimit(limit: JsonValue, place: string): ArgumentLimit {
  if (!isJsonObject(limit)) throw refuse(`${place} must hold objects`);
  const { one_of, min, max, ...rest } = limit;
  const unknown = Object.keys(rest)[0];
  if (unknown !== undefined) throw refuse(`${place} has the unknown bound ${nameOf(unknown)}`);
  if (one_of !== undefined) {
    const scalars = Array.isArray(one_of) && one_of.every((each) => typeof each !== "object" || each === null);
    if (!scalars || one_of.length === 0 || one_of.length > DETAIL_LIMITS.values) {
      throw refuse(`${place}: one_of must hold 1 to ${DETAIL_LIMITS.values} texts, numbers or truth values`);
    }
    if (min !== undefined || max !== undefined) throw refuse(`${place}: one_of stands alone`);
    return { one_of };
  }
  for (const bound of [min, max]) {
    if (bound !== undefined && typeof bound !== "number") throw refuse(`${place}: min and max must be numbers`);
  }
  if (min === undefined && max === undefined) throw refuse(`${place}: one of one_of, min and max is needed`);
  if (((min as number) ?? -Infinity) > ((max as number) ?? Infinity)) throw refuse(`${place}: min is above max`);
  return { ...(min !== undefined && { min: min as number }), ...(max !== undefined && { max: max as number }) };
}

function isTexts(value: JsonValue | undefined, most: number): value is readonly string[] {
  return (
    Array.isArray(value) && value.length > 0 && value.length <= most && value.every((each) => typeof each === "string")
  );
}

function isName(name: string): boolean {
  return name.length <= DETAIL_LIMITS.text && SHOWABLE.test(name);
}

/** Only a name that looks like one of ours may be told back. */
function nameOf(name: string): string {
  return /^[a-z_]{1,40}$/.test(name) ? name : "(not shown)";
}

/** The member `scope` of a detail whose tools need these, in their order. */
export function formatToolScopes(scopes: readonly string[]): string {
  return (new Set(scopes).size === 1 ? scopes.slice(0, 1) : scopes).join(" ");
}

/** What one of the tools of a detail needed when it was granted; `undefined` where it does not say. */
export function scopeOfTool(detail: Pick<CallDetail, "tools" | "scope">, tool: string): string | undefined {
  return scopesOf(detail)?.[detail.tools.indexOf(tool)];
}

function scopesOf({ tools, scope }: Pick<CallDetail, "tools" | "scope">): readonly string[] | undefined {
  const scopes = scope.split(" ");
  if (scopes.length === tools.length) return scopes;
  return scopes.length === 1 ? tools.map(() => scope) : undefined;
}

function refuse(what: string): OAuthError {
  return new OAuthError("details_refused", {
    description: `authorization_details${what.startsWith("[") ? "" : " "}${what}.`,
  });
}
