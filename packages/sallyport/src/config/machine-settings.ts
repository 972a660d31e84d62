import { z } from "zod";
import { httpUrl, type OneOrMore, oneOrMore, type SecretSource, type Setting, secretSource } from "./setting.js";

/** One of `clients`: an application of people, an agent, a service, or several of these. */
export interface ClientConfig {
  readonly name: string;
  readonly redirectUris: readonly string[];
  readonly secret?: SecretSource;
  readonly jwks?: { readonly keys: readonly Readonly<Record<string, unknown>>[] };
  readonly jwksUri?: string;
  readonly exchange?: readonly string[];
  readonly serves?: readonly string[];
  readonly tokenEndpointAudience?: boolean;
  readonly mayAct?: string;
  readonly dpop?: boolean;
  readonly device?: boolean;
}

/** Values of a claim that will do, or rules for the members of one that is an object. */
export type ClaimRuleConfig = string | boolean | readonly string[] | { readonly [member: string]: ClaimRuleConfig };

/** One of `trustedIssuers`. */
export interface TrustedIssuerConfig {
  readonly issuer: string;
  readonly jwksUri?: string;
  readonly people?: {
    readonly roleClaims?: readonly string[];
    readonly roles?: Readonly<Record<string, OneOrMore>>;
  };
  readonly workloads?: readonly {
    readonly client: string;
    readonly servers?: readonly string[];
    readonly claims: { readonly [claim: string]: ClaimRuleConfig };
  }[];
}

const names = z.array(z.string().min(1)).min(1);
const publicKey = z
  .record(z.string(), z.unknown())
  .refine((key) => ["d", "k", "p", "q"].every((member) => key[member] === undefined), "public keys only");

const client = z.strictObject({
  name: z.string().min(1),
  redirectUris: z.array(z.string().min(1)).default([]),
  secret: secretSource.optional(),
  jwks: z.strictObject({ keys: z.array(publicKey).min(1) }).optional(),
  jwksUri: httpUrl.optional(),
  exchange: z.array(z.string().min(1)).optional(),
  serves: names.optional(),
  tokenEndpointAudience: z.boolean().optional(),
  mayAct: z.string().min(1).optional(),
  dpop: z.boolean().optional(),
  device: z.boolean().optional(),
});

const claimRule: z.ZodType<ClaimRuleConfig> = z.lazy(() =>
  z.union([z.string().min(1), z.boolean(), names, z.record(z.string().min(1), claimRule)]),
);

const trustedIssuer = z.strictObject({
  issuer: httpUrl,
  jwksUri: httpUrl.optional(),
  people: z
    .strictObject({ roleClaims: names.optional(), roles: z.record(z.string().min(1), oneOrMore).optional() })
    .optional(),
  workloads: z
    .array(
      z.strictObject({
        client: z.string().min(1),
        servers: names.optional(),
        claims: z
          .record(z.string().min(1), claimRule)
          .refine((claims) => Object.keys(claims).length > 0, "name at least one claim"),
      }),
    )
    .min(1)
    .optional(),
});

export const MACHINE_SETTINGS: readonly Setting[] = [
  {
    path: "clients.*",
    type: client,
    description:
      "A pre-registered client under its `client_id`: `name`; `redirectUris` if people sign in with it; a `secret`, or public keys (`jwks`, or an https `jwksUri`), if it can keep one, and then it may get tokens for itself as far as `access` names it; `exchange`, a list of further servers and `apis` (may be empty), if it may exchange access tokens for weaker ones; `serves`, the servers and `apis` that it is, about whose callers' tokens it may ask (RFC 7662), and which it may exchange as far as `exchange` goes; `mayAct`, the client that may act for its users; `tokenEndpointAudience: true` if it signs its JWTs for the token endpoint, as clients of RFC 7523 did, and cannot name the issuer; `dpop: true` if its tokens must be bound to a key; `device: true` if it runs where there is no browser, and people type its code at `/device`.",
  },
  {
    path: "trustedIssuers.*",
    type: trustedIssuer,
    description:
      "Whose assertions are exchanged for tokens, without a browser: `issuer`; `jwksUri` (default: from its document); `people: {}` for a company's identity provider that sends ID-JAGs (with `roles` and `roleClaims` as in `signIn.oidc`); `workloads`, a list of `{ client, servers, claims }`, for a platform whose workloads are these clients when all `claims` hold.",
  },
];
