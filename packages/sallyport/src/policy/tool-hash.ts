import { createHash } from "node:crypto";
import { base64url, type JsonObject } from "@sallyport/auth";
import { formatCanonical } from "../sealing/canonical-json.js";

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
