import type { System } from "@sallyport/auth";
import * as client from "openid-client";
import { FederationError } from "./federation-error.js";

/** What the provider gave for a person at their sign-in, for requests of our own in their name. Times are integer seconds. */
export interface IdpTokens {
  readonly access_token: string;
  readonly refresh_token: string | undefined;
  /** When the access token ends; `undefined`: it does not say. */
  readonly expires: number | undefined;
  /** Absent once a refresh brought none. */
  readonly id_token?: { readonly token: string; readonly subject: string; readonly expires: number };
  /** As far as the provider says. */
  readonly scopes: readonly string[] | undefined;
}

/** Seconds that an `expires_in` may say at the most: a year. */
const LONGEST = 31_536_000;

export type IdpAnswer = client.TokenEndpointResponse & client.TokenEndpointResponseHelpers;

/** @throws FederationError `idp_garbage` for a token that cannot be sent */
export function idpTokensOf(answer: IdpAnswer, { now }: Pick<System, "now">): IdpTokens {
  const { access_token, refresh_token, expires_in, id_token, scope } = answer;
  // A form and a header are made of it (RFC 6750 §2.1).
  if (!/^[\x21-\x7E]+$/.test(access_token)) throw new FederationError("idp_garbage", "not a token");
  const claims = answer.claims();
  return {
    access_token,
    refresh_token: refresh_token === undefined || refresh_token === "" ? undefined : refresh_token,
    expires: expires_in === undefined ? undefined : now() + Math.min(Math.floor(expires_in), LONGEST),
    ...(id_token !== undefined &&
      claims !== undefined && { id_token: { token: id_token, subject: claims.sub, expires: claims.exp } }),
    scopes: scope === undefined ? undefined : scope.split(" ").filter((part) => part !== ""),
  };
}

/**
 * RFC 6749 §6; OpenID Connect Core §12.2: an ID token that comes along is checked like the first, and is of the same person.
 * `undefined`: the provider does not know the refresh token any more. @throws FederationError
 */
export async function refreshIdpTokens(
  config: client.Configuration,
  { refresh_token, id_token }: Pick<IdpTokens, "refresh_token" | "id_token">,
  system: Pick<System, "now">,
): Promise<IdpTokens | undefined> {
  if (refresh_token === undefined) return undefined;
  const answer = await client.refreshTokenGrant(config, refresh_token).catch((error: unknown) => {
    if (error instanceof client.ResponseBodyError && error.error === "invalid_grant") return undefined;
    throw error;
  });
  if (answer === undefined) return undefined;
  const { id_token: renewed, ...next } = idpTokensOf(answer, system);
  const kept = { ...next, refresh_token: next.refresh_token ?? refresh_token };
  // Whose it is can only be compared with the one before.
  if (renewed === undefined || id_token === undefined) return kept;
  if (renewed.subject !== id_token.subject) {
    throw new FederationError("idp_answer_refused", "the refreshed ID token is of somebody else");
  }
  return { ...kept, id_token: renewed };
}

/** RFC 7009 §2.1, where the provider has it: the refresh token, which ends what was given with it; without one the access token. */
export async function revokeIdpTokens(
  config: client.Configuration,
  { access_token, refresh_token }: Pick<IdpTokens, "access_token" | "refresh_token">,
): Promise<void> {
  if (config.serverMetadata().revocation_endpoint === undefined) return;
  await client.tokenRevocation(config, refresh_token ?? access_token);
}
