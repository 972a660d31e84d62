/** A value that came from outside, for a message: JSON-encoded, so that it cannot break a line or forge a field, and cut at `limit` characters. */
export function quote(value: unknown, limit = 100): string {
  const encoded =
    typeof value === "string" ? JSON.stringify(value.slice(0, limit)) : (JSON.stringify(value) ?? "undefined");
  const ascii = encoded.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const cut = typeof value === "string" ? value.length > limit : ascii.length > limit;
  return cut ? `${typeof value === "string" ? ascii : ascii.slice(0, limit)}…` : ascii;
}
