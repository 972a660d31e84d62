import { OAuthError } from "../core/oauth-error.js";
import type { Actor } from "../core/principal.js";
import { isJsonObject, type JsonClaims } from "./jws.js";

/** RFC 8693 §2.1, §3. */
export const TOKEN_EXCHANGE_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange";
export const ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token";
export const ID_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:id_token";
/** draft-ietf-oauth-identity-assertion-authz-grant §4.3. */
export const ID_JAG_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:id-jag";
const JWT_TYPE = "urn:ietf:params:oauth:token-type:jwt";

/** Parties that may have acted one after the other. More is more than anybody could still answer for. */
export const MAX_ACTORS = 4;

/** §3: an access token of ours is a JWT too; no other type means one. */
export function isAccessTokenType(type: string | undefined): boolean {
  return type === ACCESS_TOKEN_TYPE || type === JWT_TYPE;
}

/** §4.1: `act`, the newest outside. @throws OAuthError `exchange_too_deep` */
export function formatActors(actors: readonly Actor[]): JsonClaims | undefined {
  if (actors.length > MAX_ACTORS) throw new OAuthError("exchange_too_deep");
  return actors.reduceRight<JsonClaims | undefined>(
    (act, { sub, iss, client_id }) => ({
      sub,
      ...(iss === undefined ? {} : { iss }),
      ...(client_id === undefined ? {} : { client_id }),
      ...(act === undefined ? {} : { act }),
    }),
    undefined,
  );
}

/** §4.4: whether `may_act` names this party. Every member it has must agree, and one that is not known here names somebody else. */
export function mayAct(claim: unknown, actor: Actor): boolean {
  if (!isJsonObject(claim) || Object.keys(claim).length === 0) return false;
  return Object.entries(claim).every(
    ([member, value]) => MEMBERS.has(member) && actor[member as keyof Actor] === value,
  );
}

const MEMBERS: ReadonlySet<string> = new Set(["sub", "iss", "client_id"] satisfies (keyof Actor)[]);
