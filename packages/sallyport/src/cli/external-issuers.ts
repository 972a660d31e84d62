import type { System, TokenDialect, TrustedIssuer } from "@sallyport/auth";
import type { ExternalServerConfig } from "../config/federation-settings.js";
import { listOf } from "../config/setting.js";
import { createIssuerIntrospection, createIssuerKeys } from "../federation/index.js";
import { type SealedAt, secretReader } from "./secrets.js";
import { listsOf } from "./sign-in-elsewhere.js";

/** One entry of `authorizationServers` as the resource server wants it. @throws CliError for a secret that is not there. */
export function composeExternalIssuer(
  entry: ExternalServerConfig,
  resource: string,
  { system, ...at }: SealedAt & { readonly system: System },
): TrustedIssuer {
  const { issuer, jwksUri, introspection, clients } = entry;
  const verified =
    introspection === undefined
      ? { keys: createIssuerKeys({ issuer, keysUrl: jwksUri, system }) }
      : {
          introspection: createIssuerIntrospection({
            issuer,
            system,
            endpoint: introspection.endpoint,
            clientId: introspection.clientId,
            clientSecret: secretReader(introspection.clientSecret, {
              ...at,
              setting: `${at.setting}.introspection.clientSecret`,
            }),
          }),
        };
  const audience = entry.audience === undefined ? [resource] : listOf(entry.audience);
  const dialect = dialectOf(entry);
  return {
    issuer,
    ...verified,
    audience,
    ...(clients !== undefined && { clients }),
    ...(dialect !== undefined && { dialect }),
  };
}

function dialectOf({ dialect, scopes, roleClaims }: ExternalServerConfig): TokenDialect | undefined {
  if (dialect === undefined && scopes === undefined && roleClaims === undefined) return undefined;
  const { requiredClaims, ...rest } = dialect ?? {};
  return {
    ...rest,
    ...(requiredClaims !== undefined && { requiredClaims: listsOf(requiredClaims) }),
    ...(scopes !== undefined && { scopes: listsOf(scopes) }),
    ...(roleClaims !== undefined && { roleClaims }),
  };
}
