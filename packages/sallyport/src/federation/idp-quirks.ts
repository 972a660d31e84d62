/*
 * What identity providers do in their own way, as data with the day it was last checked. A row changes requests only where the standard
 * way would fail there; everything else about a provider is in docs/sign-in.md.
 */

export interface IdpQuirks {
  readonly title: string;
  /** ISO date: when documentation or behaviour was last looked at. */
  readonly checked: string;
  /** Which issuers these are: tested against the host name of the issuer. Absent: told apart by nothing but their documents. */
  readonly host?: RegExp;
  /** Tested against the path; both must match. */
  readonly path?: RegExp;
  /** Not usable at all, and why. */
  readonly refused?: string;
  /** Issuers of this provider that cannot be used, and what to write instead. */
  readonly refusedIssuer?: { readonly pattern: RegExp; readonly why: string };
  /** Whether the one right issuer ends in a slash; what is written in the configuration is corrected, then compared byte for byte. */
  readonly issuerSlash?: "always" | "never";
  /** Sent instead of the scope `offline_access`, where that is refused. */
  readonly offlineParameters?: Readonly<Record<string, string>>;
  /** Claim → parameter of the authorization request that carries a required value of it, so that people see the right accounts. */
  readonly hints?: Readonly<Record<string, string>>;
  /** Where groups and roles are, if the configuration does not say. */
  readonly roleClaims?: readonly string[];
}

const DEFAULT_ROLE_CLAIMS: readonly string[] = ["groups", "roles"];

const IDP_QUIRKS: Readonly<Record<string, IdpQuirks>> = {
  entra: {
    title: "Microsoft Entra ID",
    checked: "2026-11-23",
    host: /^login\.microsoftonline\.(?:com|us)$|^login\.partner\.microsoftonline\.cn$/,
    // A token of "common" names the tenant of whoever signs in: any Microsoft account in the world.
    refusedIssuer: {
      pattern: /^(?!\/(?!(?:common|organizations|consumers)\/)[^/]+\/v2\.0\/?$)/,
      why: "write the issuer of your own tenant, version 2: https://login.microsoftonline.com/<tenant id>/v2.0",
    },
    issuerSlash: "never",
    // GUIDs, unless the app registration says otherwise; app roles have names.
    roleClaims: ["roles", "groups"],
  },
  auth0: {
    title: "Auth0",
    checked: "2026-11-23",
    host: /\.auth0\.com$/,
    issuerSlash: "always",
    roleClaims: ["groups", "roles"],
  },
  google: {
    title: "Google",
    checked: "2026-11-23",
    host: /^accounts\.google\.com$/,
    issuerSlash: "never",
    offlineParameters: { access_type: "offline", prompt: "consent" },
    hints: { hd: "hd" },
    // There are none: entitle people by (issuer, sub), or let Google Workspace feed another provider.
    roleClaims: [],
  },
  github: {
    title: "GitHub",
    checked: "2026-11-23",
    host: /^(?:www\.)?github\.com$|^api\.github\.com$/,
    refused:
      "GitHub has no OpenID Connect for signing people in: its OAuth apps give no ID token. Put a provider in between that can sign in with GitHub, such as Keycloak, Auth0 or authentik",
  },
  keycloak: {
    title: "Keycloak",
    checked: "2026-11-23",
    path: /^(?:\/auth)?\/realms\/[^/]+\/?$/,
    issuerSlash: "never",
    roleClaims: ["groups", "realm_access.roles"],
  },
  okta: {
    title: "Okta",
    checked: "2026-11-23",
    host: /\.(?:okta|oktapreview|okta-emea)\.com$/,
    issuerSlash: "never",
    roleClaims: ["groups"],
  },
  cognito: {
    title: "Amazon Cognito",
    checked: "2026-11-23",
    host: /^cognito-idp\.[a-z0-9-]+\.amazonaws\.com$/,
    issuerSlash: "never",
    roleClaims: ["cognito:groups"],
  },
  authentik: {
    title: "authentik",
    checked: "2026-11-23",
    path: /^\/application\/o\/[^/]+\/?$/,
    issuerSlash: "always",
    roleClaims: ["groups"],
  },
  zitadel: {
    title: "Zitadel",
    checked: "2026-11-23",
    host: /\.zitadel\.cloud$/,
    issuerSlash: "never",
    // An object whose keys are the roles.
    roleClaims: ["urn:zitadel:iam:org:project:roles"],
  },
};

/** The standard way: what an unknown provider gets. */
const NO_QUIRKS: IdpQuirks = { title: "OpenID Connect", checked: "2026-11-23", roleClaims: DEFAULT_ROLE_CLAIMS };

export function quirksOf(issuer: string): IdpQuirks {
  const { hostname, pathname } = new URL(issuer);
  const found = Object.values(IDP_QUIRKS).find(
    ({ host, path }) => (host?.test(hostname) ?? true) && (path?.test(pathname) ?? true),
  );
  return found ?? NO_QUIRKS;
}

/** Why nobody can sign in with this issuer, or `undefined`. */
export function issuerProblem(issuer: string): string | undefined {
  const { refused, refusedIssuer } = quirksOf(issuer);
  if (refused !== undefined) return refused;
  return refusedIssuer?.pattern.test(new URL(issuer).pathname) ? refusedIssuer.why : undefined;
}

/** The issuer as its provider writes it. Only the final slash is ever changed, and only where the provider is known for it. */
export function canonicalIssuer(issuer: string): string {
  const { issuerSlash } = quirksOf(issuer);
  if (issuerSlash === undefined) return issuer;
  const bare = issuer.replace(/\/$/, "");
  return issuerSlash === "always" ? `${bare}/` : bare;
}
