import type { JsonObject, JsonValue } from "@sallyport/auth";

/** JSON with the keys of every object in the order of their UTF-16 units (RFC 8785 §3.2.3) and without white space. */
export function formatCanonical(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(formatCanonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const object = value as JsonObject;
  const members = Object.keys(object)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${formatCanonical(object[key] ?? null)}`);
  return `{${members.join(",")}}`;
}
