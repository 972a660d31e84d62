import { z } from "zod";
import {
  authorizationParameters,
  httpUrl,
  type OneOrMore,
  oneOrMore,
  type SealableSource,
  type SecretSource,
  type Setting,
  sealableSource,
  seconds,
  secretSource,
} from "./setting.js";

/** `signIn.oidc`; off without `issuer`. */
export interface OidcConfig {
  readonly issuer?: string;
  readonly clientId?: string;
  readonly clientSecret?: SecretSource;
  readonly label: string;
  readonly scopes: readonly string[];
  readonly roleClaims?: readonly string[];
  readonly roles: Readonly<Record<string, OneOrMore>>;
  readonly rolesMaxAge: number;
  readonly requiredClaims: Readonly<Record<string, OneOrMore>>;
  readonly maxAge?: number;
  readonly parameters: Readonly<Record<string, string>>;
  readonly keepTokens: boolean;
}

/** One entry of `servers.*.authorizationServers`. */
export interface ExternalServerConfig {
  readonly issuer: string;
  readonly jwksUri?: string;
  readonly introspection?: {
    readonly endpoint?: string;
    readonly clientId: string;
    readonly clientSecret: SealableSource;
  };
  readonly audience?: OneOrMore;
  readonly clients?: readonly string[];
  readonly dialect?: {
    readonly typ?: readonly string[];
    readonly withoutTyp?: boolean;
    readonly withoutAudience?: boolean;
    readonly clientIdClaim?: string;
    readonly scopeClaim?: string;
    readonly requiredClaims?: Readonly<Record<string, OneOrMore>>;
  };
  readonly scopes?: Readonly<Record<string, OneOrMore>>;
  readonly roleClaims?: readonly string[];
  readonly roles?: Readonly<Record<string, OneOrMore>>;
  readonly rolesMaxAge?: number;
}

export const DEFAULT_ROLES_MAX_AGE = 43_200;
const names = z.array(z.string().min(1)).min(1);
const mapping = z.record(z.string().min(1), oneOrMore);

export const SIGN_IN_SETTINGS: readonly Setting[] = [
  {
    path: "signIn.oidc.issuer",
    type: httpUrl,
    description:
      "Issuer of the identity provider where people may sign in, byte for byte as its document says it. See [sign-in.md](sign-in.md).",
  },
  {
    path: "signIn.oidc.clientId",
    type: z.string().min(1),
    description:
      "Client id that the provider gave to Sallyport, registered with the redirect URI `<publicUrl>/sign-in/oidc/callback`.",
  },
  {
    path: "signIn.oidc.clientSecret",
    type: secretSource,
    description: "Its secret: a value, `{ env: NAME }` or `{ file: path }`. Absent for a public client.",
  },
  {
    path: "signIn.oidc.label",
    type: z.string().min(1).max(40),
    default: "your organisation",
    description: "What people call the provider: the button says “Sign in with …”.",
  },
  {
    path: "signIn.oidc.scopes",
    type: names,
    default: ["openid", "profile", "email"],
    description: "Scopes asked for; `openid` always is.",
  },
  {
    path: "signIn.oidc.roleClaims",
    type: z.array(z.string().min(1)),
    description:
      "Claims of the ID token, or of the userinfo answer, with groups or roles; a dot leads into an object. Default by provider, else `groups` and `roles`.",
  },
  {
    path: "signIn.oidc.roles",
    type: mapping,
    default: {},
    description:
      "Group or role as the provider names it (for Entra ID the GUID) → role or roles here. What is not listed gives nothing.",
  },
  {
    path: "signIn.oidc.rolesMaxAge",
    type: seconds(2_592_000),
    default: DEFAULT_ROLES_MAX_AGE,
    description:
      "Seconds for which such roles, and who somebody is there, count after signing in; then the person signs in again. Default 12 hours, at most 30 days.",
  },
  {
    path: "signIn.oidc.requiredClaims",
    type: mapping,
    default: {},
    description:
      "Claim → value or values, one of which an account must have to sign in at all, for example `{ hd: example.com }` for Google.",
  },
  {
    path: "signIn.oidc.maxAge",
    type: seconds(2_592_000),
    description: "Seconds since the person last showed the provider who they are (`max_age`); asked for and checked.",
  },
  {
    path: "signIn.oidc.parameters",
    type: authorizationParameters,
    default: {},
    description:
      "Parameters added to the authorization request, for example `{ prompt: consent }` where the provider gives refresh tokens only then, or `{ audience: … }` for Auth0.",
  },
  {
    path: "signIn.oidc.keepTokens",
    type: z.boolean(),
    default: false,
    description:
      "Keep what the provider gives at a sign-in, sealed, for credentials with `subject: idp-access-token` or `idp-id-token`: until the person signs out, here or there, is disabled or cut off (`sallyport revoke --user`), or `rolesMaxAge` is over. Asks for `offline_access` where the provider lists it. See [credentials.md](credentials.md#the-persons-own-sign-in).",
  },
];

const introspection = z.strictObject({
  endpoint: httpUrl.optional(),
  clientId: z.string().min(1),
  clientSecret: sealableSource,
});

const dialect = z.strictObject({
  typ: names.optional(),
  withoutTyp: z.boolean().optional(),
  withoutAudience: z.boolean().optional(),
  clientIdClaim: z.string().min(1).optional(),
  scopeClaim: z.string().min(1).optional(),
  requiredClaims: mapping.optional(),
});

const externalServer = z.strictObject({
  issuer: httpUrl,
  jwksUri: httpUrl.optional(),
  introspection: introspection.optional(),
  audience: oneOrMore.optional(),
  clients: names.optional(),
  dialect: dialect.optional(),
  scopes: mapping.optional(),
  roleClaims: names.optional(),
  roles: mapping.optional(),
  rolesMaxAge: seconds(2_592_000).optional(),
});

export const EXTERNAL_SERVER_SETTING: Setting = {
  path: "servers.*.authorizationServers",
  type: z.array(externalServer).min(1),
  description:
    "Authorization servers whose tokens are accepted instead of Sallyport's own, listed in this order in the protected resource metadata. Each: `issuer`; `jwksUri` (default: from its document) or `introspection`; `audience` (default: the server's URL); `dialect` where it does not follow RFC 9068; `clients`; `scopes` and `roles` as mappings. See [sign-in.md](sign-in.md).",
};
