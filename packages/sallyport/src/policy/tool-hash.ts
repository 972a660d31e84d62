import { createHash } from "node:crypto";
import { base64url, type JsonObject, type JsonValue } from "@sallyport/auth";

/** The members of a tool that decide what it is: a change in any of them is another tool under the old name. */
const MEMBERS = ["name", "description", "inputSchema", "annotations"] as const;

/** SHA-256, base64url, over canonical JSON of name, description, input schema and annotations. */
export function hashTool(tool: JsonObject): string {
  const members = MEMBERS.flatMap((member) => {
    const value = tool[member];
    return value === undefined ? [] : [`${JSON.stringify(member)}:${formatCanonical(value)}`];
  });
  return base64url(
    createHash("sha256")
      .update(`{${members.join(",")}}`)
      .digest(),
  );
}

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
