import type { System } from "@sallyport/auth";
import { listOf, type OneOrMore } from "../config/setting.js";
import { createRelyingParty, type RelyingParty } from "../federation/index.js";
import { CALLBACK_PATH, SIGNED_OUT_PATH } from "../sign-in/index.js";
import { CliError } from "./exit.js";
import type { Installation } from "./installation.js";
import { readSecret } from "./secrets.js";

/** The identity provider of `signIn.oidc`; `undefined` where there is none. @throws CliError for one that can never work. */
export function composeSignInElsewhere(
  { config, baseFolder }: Installation,
  publicUrl: string,
  system: System,
): RelyingParty | undefined {
  const {
    issuer,
    clientId,
    clientSecret,
    label,
    scopes,
    roleClaims,
    roles,
    requiredClaims,
    maxAge,
    parameters,
    keepTokens,
  } = config.signIn.oidc;
  if (issuer === undefined || clientId === undefined) return undefined;
  try {
    return createRelyingParty({
      issuer,
      clientId,
      label,
      scopes,
      parameters,
      keepTokens,
      roles: listsOf(roles),
      requiredClaims: listsOf(requiredClaims),
      callbackUrl: publicUrl + CALLBACK_PATH,
      signedOutUrl: publicUrl + SIGNED_OUT_PATH,
      system,
      ...(clientSecret !== undefined && {
        clientSecret: readSecret(clientSecret, baseFolder, "signIn.oidc.clientSecret"),
      }),
      ...(roleClaims !== undefined && { roleClaims }),
      ...(maxAge !== undefined && { maxAge }),
    });
  } catch (error) {
    if (error instanceof TypeError) throw new CliError(`signIn.oidc.issuer: ${error.message}`);
    throw error;
  }
}

export function listsOf(mapping: Readonly<Record<string, OneOrMore>>): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(Object.entries(mapping).map(([name, value]) => [name, listOf(value)]));
}
