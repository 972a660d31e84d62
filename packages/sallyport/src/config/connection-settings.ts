import { z } from "zod";
import { authorizationParameters, httpUrl, type SealableSource, type Setting, sealableSource } from "./setting.js";

/** One of `connections`: another system at which people have accounts of their own. */
export interface ConnectionConfig {
  readonly title: string;
  /** Where its document is found; or the two endpoints, where it has none. */
  readonly issuer?: string;
  readonly authorizationEndpoint?: string;
  readonly tokenEndpoint?: string;
  readonly revocationEndpoint?: string;
  readonly clientId?: string;
  readonly clientSecret?: SealableSource;
  readonly scopes: readonly string[];
  readonly moreScopes: readonly string[];
  readonly resource?: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly scheme: string;
}

const names = z.array(z.string().min(1).max(200));

const connection = z.strictObject({
  title: z.string().min(1).max(60),
  issuer: httpUrl.optional(),
  authorizationEndpoint: httpUrl.optional(),
  tokenEndpoint: httpUrl.optional(),
  revocationEndpoint: httpUrl.optional(),
  clientId: z.string().min(1).optional(),
  clientSecret: sealableSource.optional(),
  scopes: names.default([]),
  moreScopes: names.default([]),
  resource: httpUrl.optional(),
  parameters: authorizationParameters.default({}),
  scheme: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9-]{0,30}$/, "a word, such as Bearer")
    .default("Bearer"),
});

export const CONNECTION_SETTINGS: readonly Setting[] = [
  {
    path: "connections.*",
    type: connection,
    description:
      "Another system at which people have accounts of their own, for `servers.*.credential: { connect: <name> }`: `title`; `issuer` (its document says the rest), or `authorizationEndpoint` and `tokenEndpoint` (and `revocationEndpoint`) where it has none; `clientId` and `clientSecret` of an app registered there with the redirect URI `<publicUrl>/account/connections/callback`, or no `clientId` where it takes client ID metadata documents; `scopes` that are asked for, `moreScopes` that may be asked for later, when a call needs them; `resource` (RFC 8707); `parameters` added to the authorization request; `scheme` of the Authorization header, default `Bearer`. See [connections.md](connections.md).",
  },
];
