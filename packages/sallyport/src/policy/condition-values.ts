import { type CelInput, type CelMap, celList, celMap } from "@bufbuild/cel";
import type { JsonObject, JsonValue } from "@sallyport/auth";

/** Items of a list, or members of an object, that a condition may go through; more is an evaluation error, which denies. */
const MAX_ITEMS = 1_000;

/**
 * JSON as conditions see it: own members only, whatever they are called, a number is a double, and `null` is a value that is there (the
 * engine's own map takes a member that is `null` for a missing one, so that `has()` would be false for it). Nested values are converted
 * when they are touched, and so a long list that no condition reads costs nothing.
 */
function celOfJson(value: JsonValue): CelInput {
  if (Array.isArray(value)) return listOf(value);
  return typeof value === "object" && value !== null ? celOfObject(value as JsonObject) : (value as CelInput);
}

export function celOfObject(object: JsonObject): CelMap {
  const map = celMap(new Members(object));
  return Object.assign(map, { has: (key: unknown) => typeof key === "string" && Object.hasOwn(object, key) });
}

function listOf(items: readonly JsonValue[]): CelInput {
  bound(items.length);
  return celList(items.map(celOfJson));
}

/** @throws RangeError, which is an evaluation error. */
export function bound(size: number): void {
  if (size > MAX_ITEMS) throw new RangeError(`more than ${MAX_ITEMS.toLocaleString("en")} items`);
}

/** The members of an object, converted one by one. Looking one up has no bound; going through all of them has. */
class Members implements ReadonlyMap<string, CelInput> {
  readonly #object: JsonObject;

  constructor(object: JsonObject) {
    this.#object = object;
  }

  get size(): number {
    return Object.keys(this.#object).length;
  }

  get(key: string): CelInput | undefined {
    if (!this.has(key)) return undefined;
    const value = this.#object[key];
    return value === undefined ? undefined : celOfJson(value);
  }

  has(key: string): boolean {
    return typeof key === "string" && Object.hasOwn(this.#object, key);
  }

  keys(): MapIterator<string> {
    return this.#all().keys();
  }

  values(): MapIterator<CelInput> {
    return this.#all().values();
  }

  entries(): MapIterator<[string, CelInput]> {
    return this.#all().entries();
  }

  [Symbol.iterator](): MapIterator<[string, CelInput]> {
    return this.entries();
  }

  forEach(each: (value: CelInput, key: string, map: ReadonlyMap<string, CelInput>) => void): void {
    for (const [key, value] of this.entries()) each(value, key, this);
  }

  #all(): ReadonlyMap<string, CelInput> {
    const entries = Object.entries(this.#object);
    bound(entries.length);
    return new Map(entries.map(([key, value]) => [key, celOfJson(value)]));
  }
}
