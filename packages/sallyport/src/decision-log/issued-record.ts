import type { IssuedRecord } from "./contract.js";
import { toAscii } from "./lines.js";

/** No server's name for a token is longer than what a reader can use. */
const MAX_TEXT = 1_024;
const cut = (text: string | undefined) =>
  text === undefined || text.length <= MAX_TEXT ? text : text.slice(0, MAX_TEXT);

/**
 * The inside of the JSON object of one token that was made for a system behind: which token of which caller it came from. A call that goes on
 * under a replacement names the refused one in its decision; this line says what took its place.
 */
export function formatIssued(
  { principal, tokenId, scope, expires }: IssuedRecord,
  own: { readonly server: string; readonly time: number },
): string {
  const json = JSON.stringify({
    type: "issued",
    time: own.time,
    server: own.server,
    upstreamToken: cut(tokenId),
    scope: cut(scope),
    expires,
    iss: principal?.iss,
    sub: principal?.sub,
    client: principal?.client_id,
    session: principal?.sid,
    token: principal?.jti,
  });
  return toAscii(json.slice(1, -1));
}
