import { type CelError, type CelMap, type CelValue, celError, celList, celMap, isCelError } from "@bufbuild/cel";
import type { JsonObject, JsonValue } from "@sallyport/auth";
import { bound } from "./condition-values.js";

/**
 * What is not known is an error of its own: CEL's `&&` and `||` answer without an operand that failed exactly when it could not have changed
 * the answer, which is what "unknown" means.
 */
const NOT_KNOWN = "\u0000not known";
export const UNKNOWN: CelError = celError(NOT_KNOWN);

/** Errors of several operands are merged: the first lends its message, the others are the cause. */
export function isUnknown(error: unknown): boolean {
  if (Array.isArray(error)) return error.some(isUnknown);
  if (!isCelError(error)) return false;
  return error.message === NOT_KNOWN || isUnknown(error.cause);
}

/** Arguments that a call had and of which nothing is left. */
export const LOST_ARGUMENTS: JsonObject = Object.freeze({});

/** Marks an object of which parts are known with the text that stands for what is not. No name of JSON is a symbol. */
const HOLE = Symbol("hole");

interface Marked {
  [HOLE]?: string;
}

/** From now on every text in `object` that is `hole`, and every list that holds one, is unknown to conditions. Answers the same object. */
export function partlyKnown(object: JsonObject, hole: string): JsonObject {
  (object as Marked)[HOLE] = hole;
  return object;
}

/** As conditions see it; `undefined` for an object that is known whole. */
export function celOfPartlyKnown(object: JsonObject): CelMap | CelError | undefined {
  if (object === LOST_ARGUMENTS) return UNKNOWN;
  const hole = (object as Marked)[HOLE];
  return hole === undefined ? undefined : partialMap(object, hole);
}

/** By this property the engine knows its maps. */
const [BRAND = Symbol("no brand")] = Object.getOwnPropertySymbols(celMap(new Map()));

function partialMap(object: JsonObject, hole: string): CelMap {
  return new PartialMap(object, hole) as unknown as CelMap;
}

/**
 * A member that is not known is the error `UNKNOWN` where it is read by its name, and its name is there for `has()`. What looks at all
 * members at once (comparing, counting, going through values) fails as a whole, since the engine would take an error for a value there.
 */
class PartialMap {
  readonly #object: JsonObject;
  readonly #hole: string;

  constructor(object: JsonObject, hole: string) {
    this.#object = object;
    this.#hole = hole;
    (this as Record<symbol, unknown>)[BRAND] = this;
  }

  get size(): number {
    return this.#whole().size;
  }

  has(key: unknown): boolean {
    return typeof key === "string" && Object.hasOwn(this.#object, key);
  }

  get(key: unknown): CelValue | CelError | undefined {
    const value = typeof key === "string" && this.has(key) ? this.#object[key] : undefined;
    if (value === undefined) return undefined;
    return isOpen(value, this.#hole) ? UNKNOWN : partialValue(value, this.#hole);
  }

  keys(): IterableIterator<string> {
    return Object.keys(this.#object).values();
  }

  values(): IterableIterator<CelValue> {
    return this.#whole().values();
  }

  entries(): IterableIterator<[string, CelValue]> {
    return this.#whole().entries();
  }

  [Symbol.iterator](): IterableIterator<[string, CelValue]> {
    return this.entries();
  }

  forEach(each: (value: CelValue, key: string, map: unknown) => void): void {
    for (const [key, value] of this.entries()) each(value, key, this);
  }

  #whole(): ReadonlyMap<string, CelValue> {
    const entries = Object.entries(this.#object);
    bound(entries.length);
    if (entries.some(([, value]) => isOpen(value, this.#hole))) throw new Error(NOT_KNOWN);
    return new Map(entries.map(([key, value]) => [key, partialValue(value, this.#hole)]));
  }
}

function partialValue(value: JsonValue, hole: string): CelValue {
  if (Array.isArray(value)) {
    bound(value.length);
    return celList(value.map((item: JsonValue) => partialValue(item, hole)));
  }
  return typeof value === "object" && value !== null ? partialMap(value as JsonObject, hole) : (value as CelValue);
}

/** Not known, or a list with something in it that is not. */
function isOpen(value: JsonValue, hole: string): boolean {
  return Array.isArray(value) ? value.some((item: JsonValue) => isOpen(item, hole)) : value === hole;
}
