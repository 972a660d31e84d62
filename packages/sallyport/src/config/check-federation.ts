import type { ExternalServerConfig, OidcConfig } from "./federation-settings.js";
import type { Problem } from "./problem.js";
import type { Config } from "./schema.js";
import { isSecureUrl } from "./setting.js";

/** Everything about other people's authorization servers. */
export function checkFederation({ signIn, servers, publicUrl }: Config): readonly Problem[] {
  const external = Object.entries(servers).flatMap(([name, { authorizationServers = [] }]) =>
    checkExternalServers(authorizationServers, publicUrl).map(({ path, message }) => ({
      path: ["servers", name, "authorizationServers", ...path],
      message,
    })),
  );
  return [...checkOidc(signIn.oidc), ...external];
}

/** `signIn.oidc`: all of what it needs, or nothing. */
function checkOidc(oidc: OidcConfig): readonly Problem[] {
  const path = ["signIn", "oidc"];
  if (oidc.issuer !== undefined && oidc.clientId !== undefined) return [];
  const used =
    oidc.issuer ??
    oidc.clientId ??
    oidc.clientSecret ??
    oidc.roleClaims ??
    oidc.maxAge ??
    (oidc.keepTokens || undefined);
  if (used === undefined && Object.keys({ ...oidc.roles, ...oidc.requiredClaims, ...oidc.parameters }).length === 0)
    return [];
  return [{ path, message: "needs both `issuer` and `clientId`" }];
}

/** `authorizationServers` of one server; paths begin below it. */
function checkExternalServers(
  entries: readonly ExternalServerConfig[],
  publicUrl: string | undefined,
): readonly Problem[] {
  const issuers = entries.map(({ issuer }) => issuer);
  const introspecting = entries.filter(({ introspection }) => introspection !== undefined);
  const problems: Problem[] = [];
  if (introspecting.length > 1) {
    problems.push({
      path: [],
      message:
        "only one may have `introspection`: an opaque token does not say whose it is, and is shown to nobody else",
    });
  }
  for (const [index, entry] of entries.entries()) {
    const say = (message: string, ...path: readonly string[]) => problems.push({ path: [index, ...path], message });
    if (issuers.indexOf(entry.issuer) !== index) say("this issuer is listed already", "issuer");
    if (entry.issuer === publicUrl) say("this is Sallyport itself; leave `authorizationServers` away", "issuer");
    if (entry.jwksUri !== undefined && entry.introspection !== undefined) {
      say("tokens are verified by `jwksUri` or by `introspection`, not both");
    }
    for (const [name, url] of urlsOf(entry)) {
      if (url !== undefined && !isSecureUrl(url)) say("must be https, or http on loopback", ...name);
    }
    // Without an audience and without this, a token for anything that trusts this issuer would open this server.
    if (entry.dialect?.withoutAudience === true && entry.clients === undefined) {
      say("tokens without `aud` need another rule: list in `clients` whose tokens are meant for this server");
    }
  }
  return problems;
}

function urlsOf(entry: ExternalServerConfig): readonly (readonly [readonly string[], string | undefined])[] {
  return [
    [["issuer"], entry.issuer],
    [["jwksUri"], entry.jwksUri],
    [["introspection", "endpoint"], entry.introspection?.endpoint],
  ];
}
