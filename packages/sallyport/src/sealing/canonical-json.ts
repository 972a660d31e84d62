import type { JsonObject, JsonValue } from "@sallyport/auth";

/** JSON with the keys of every object in the order of their UTF-16 units (RFC 8785 §3.2.3) and without white space. */
export function formatCanonical(value: JsonValue): string {
  // RFC 8785 §3.2.2 writes values as JSON.stringify does, so that only the order of keys is left to make; most come in it already.
  return isOrdered(value) ? JSON.stringify(value) : formatOrdered(value);
}

function isOrdered(value: JsonValue | undefined): boolean {
  if (typeof value !== "object" || value === null) return value !== undefined;
  if (Array.isArray(value)) return value.every(isOrdered);
  let before: string | undefined;
  for (const key in value) {
    if ((before !== undefined && key < before) || !isOrdered((value as JsonObject)[key])) return false;
    before = key;
  }
  return true;
}

function formatOrdered(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(formatOrdered).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const object = value as JsonObject;
  const members = Object.keys(object)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${formatOrdered(object[key] ?? null)}`);
  return `{${members.join(",")}}`;
}
