import {
  type AskedCallDetail,
  type CallDetail,
  type JsonObject,
  parseCallDetails,
  readCallDetails,
} from "@sallyport/auth";
import type { ServerPolicy } from "./server-policy.js";

/**
 * Details of a question, as a client would ask for them or as a token has them. What is left out is what the authorization server would have put there: a
 * name (`1`, `2`, …), the least scope of each tool, an end. The place is the server that is asked about. @throws OAuthError `details_refused`
 */
export function readAskedDetails(text: string, { policy }: ServerPolicy, now: number): readonly CallDetail[] {
  const asked = parseCallDetails(text, "granted");
  const given = JSON.parse(text) as readonly JsonObject[];
  const complete = asked.map((detail, index) => ({
    ...detail,
    locations: detail.locations ?? ["https://server.invalid"],
    id: detail.id ?? String(index + 1),
    scope: given[index]?.scope ?? leastScopes(detail, policy),
    ...(detail.once === true && { exp: given[index]?.exp ?? now + 600 }),
  }));
  return readCallDetails(complete);
}

function leastScopes({ tools }: AskedCallDetail, policy: ServerPolicy["policy"]): string {
  const call = {
    server: "",
    revision: "2025-11-25",
    method: "tools/call",
    kind: "tool",
    arguments: undefined,
  } as const;
  // A tool that does not exist needs no scope that anybody has.
  return tools.map((name) => policy.permittedBy({ ...call, name })[0] ?? "none").join(" ");
}
