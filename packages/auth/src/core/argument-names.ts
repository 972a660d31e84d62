import { type FoldedNames, findConfusableKey, foldNames } from "./case-folding.js";
import { isJsonObject, type JsonObject, type JsonValue } from "./mcp-call.js";

/** A schema nests no deeper than a body that is checked against it. */
const MAX_DEPTH = 64;

/**
 * The first argument, at any depth, whose name equals a property of the tool's `inputSchema` only under case folding: a condition would
 * read `limit` while an upstream without regard for case reads `LIMIT`. Looks through `properties` and `items` alone; `$ref`, `anyOf` and
 * the like are not followed.
 */
export function findConfusableArgument(args: JsonValue | undefined, schema: JsonObject): string | undefined {
  return search(args, schema, 0);
}

function search(value: JsonValue | undefined, schema: JsonValue | undefined, depth: number): string | undefined {
  if (!isJsonObject(schema) || depth > MAX_DEPTH) return undefined;
  if (Array.isArray(value)) return first(value, (item) => search(item, schema.items, depth + 1));
  const { properties } = schema;
  if (!isJsonObject(value) || !isJsonObject(properties)) return undefined;
  const unknown = Object.keys(value).filter((key) => !Object.hasOwn(properties, key));
  const names = namesOf(properties);
  const confusable = unknown.find((key) => findConfusableKey([key], names) !== undefined);
  return confusable ?? first(Object.keys(value), (key) => search(value[key], properties[key], depth + 1));
}

function first<Item>(items: readonly Item[], find: (item: Item) => string | undefined): string | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Schemas live as long as a tool catalogue, and their names are asked for with every call. */
const known = new WeakMap<JsonObject, FoldedNames>();

function namesOf(properties: JsonObject): FoldedNames {
  const names = known.get(properties) ?? foldNames(Object.keys(properties));
  known.set(properties, names);
  return names;
}
