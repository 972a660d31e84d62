import { z } from "zod";
import {
  httpUrl,
  type OneOrMore,
  oneOrMore,
  type SealableSource,
  type Setting,
  scopeName,
  sealableSource,
} from "./setting.js";

/** How the gateway is known where it gets tokens. */
export interface TokenClientConfig {
  readonly id: string;
  /** A secret, or a key for `private_key_jwt`; neither: a public client. */
  readonly secret?: SealableSource;
  readonly key?: SealableSource;
  readonly method?: "basic" | "post";
}

/** A server that issues tokens: its `issuer`, or the endpoint itself. */
export interface TokenServerConfig {
  readonly issuer?: string;
  readonly tokenEndpoint?: string;
  readonly client: TokenClientConfig;
}

/** One text of scopes for every call, or scope of the server → scopes at the system behind. */
export type CredentialScopeConfig = string | Readonly<Record<string, string>>;

interface TokenTargetConfig {
  readonly resource?: string;
  readonly audience?: OneOrMore;
  readonly scope?: CredentialScopeConfig;
  readonly dpop: boolean;
}

/** Whose token is exchanged: the caller's own, or what is kept of the person's sign-in at the identity provider. */
export type SubjectConfig = "caller" | "idp-access-token" | "idp-id-token";

export interface ExchangeConfig extends Partial<TokenServerConfig>, TokenTargetConfig {
  /** One of `apis`: our own authorization server issues the token. */
  readonly api?: string;
  readonly grant: "token-exchange" | "on-behalf-of";
  readonly actor: "none" | "client";
  readonly subject: SubjectConfig;
}

export interface IdJagConfig extends TokenServerConfig, Omit<TokenTargetConfig, "audience"> {
  /** The company's identity provider. */
  readonly idp: TokenServerConfig;
  /** Issuer of the other server, as the ID-JAG names it; default: `issuer`. */
  readonly audience?: string;
  readonly subject: SubjectConfig;
}

export interface CredentialConfig {
  readonly static?: Readonly<Record<string, SealableSource>>;
  readonly exchange?: ExchangeConfig;
  readonly clientCredentials?: TokenServerConfig & TokenTargetConfig;
  readonly idJag?: IdJagConfig;
  /** One of `connections`: the person's own account there. */
  readonly connect?: string;
}

/** One of `apis`. */
export interface ApiConfig {
  readonly resource: string;
  readonly scopes: Readonly<Record<string, { readonly from: readonly string[] }>>;
  /** Another of `apis`, which stands in front of it. */
  readonly behind?: string;
}

const client = z
  .strictObject({
    id: z.string().min(1),
    secret: sealableSource.optional(),
    key: sealableSource.optional(),
    method: z.enum(["basic", "post"]).optional(),
  })
  .refine(({ secret, key }) => secret === undefined || key === undefined, "give `secret` or `key`, not both");
const server = { issuer: httpUrl.optional(), tokenEndpoint: httpUrl.optional() };
const scopes = z
  .string()
  .regex(/^[\x21\x23-\x5B\x5D-\x7E]+(?: [\x21\x23-\x5B\x5D-\x7E]+)*$/, "scopes, space-separated");
const target = {
  resource: z.string().min(1).optional(),
  audience: oneOrMore.optional(),
  scope: z.union([scopes, z.record(scopeName, scopes)]).optional(),
  dpop: z.boolean().default(false),
};

const subject = z.enum(["caller", "idp-access-token", "idp-id-token"]).default("caller");
const kinds = {
  static: z.record(z.string().min(1), sealableSource).optional(),
  exchange: z
    .strictObject({
      ...server,
      ...target,
      api: z.string().min(1).optional(),
      client: client.optional(),
      grant: z.enum(["token-exchange", "on-behalf-of"]).default("token-exchange"),
      actor: z.enum(["none", "client"]).default("none"),
      subject,
    })
    .optional(),
  clientCredentials: z.strictObject({ ...server, ...target, client }).optional(),
  idJag: z
    .strictObject({
      ...server,
      ...target,
      audience: z.string().min(1).optional(),
      client,
      idp: z.strictObject({ ...server, client }),
      subject,
    })
    .optional(),
  connect: z.string().min(1).optional(),
};
const ONE_KIND = "give exactly one of `static`, `exchange`, `clientCredentials`, `idJag` and `connect`";
const isOneKind = (kind: CredentialConfig) =>
  [kind.static, kind.exchange, kind.clientCredentials, kind.idJag, kind.connect].filter((each) => each !== undefined)
    .length === 1;

const credential = z.strictObject(kinds).refine((value) => isOneKind(value as CredentialConfig), ONE_KIND);
const selected = z
  .strictObject({ for: oneOrMore, none: z.literal(true).optional(), ...kinds })
  .refine((value) => (value.none === true) !== isOneKind(value as CredentialConfig), `${ONE_KIND}, or \`none: true\``);

export const API_SETTING: Setting = {
  path: "apis.*",
  type: z.strictObject({
    resource: httpUrl,
    scopes: z.record(scopeName, z.strictObject({ from: z.array(scopeName).min(1) })),
    behind: z.string().min(1).optional(),
  }),
  description:
    "An API behind the servers that accepts tokens of this installation: `resource`, the audience of its tokens, and `scopes`, each with `from`, the scopes of a server that it is derived from, or, with `behind`, those of the other API that stands in front of it. Its tokens come by exchange alone. See [credentials.md](credentials.md).",
};

export const SERVER_CREDENTIAL_SETTINGS: readonly Setting[] = [
  {
    path: "servers.*.credential",
    type: credential,
    description:
      "What goes on to an `upstream` in place of the caller's token: `static` (headers: each a text, `{ env }`, `{ file }` or `{ secret }`), `exchange` (a token of the caller's, made for the system behind: with `api`, or with `issuer` or `tokenEndpoint`, `client`, `resource`, `audience`, `scope`, `actor`, `grant`, `subject`, `dpop`), `clientCredentials` (the gateway's own token), `idJag` (with `idp`, `subject`), or `connect` (one of `connections`: the person's own account there). Default: nothing. See [credentials.md](credentials.md).",
  },
  {
    path: "servers.*.credentials",
    type: z.array(selected).min(1),
    description:
      "Other credentials for some tools, prompts or resources: a list of `{ for, … }` with one of the kinds of `credential`, or `none: true`. `for` holds a glob or a list of globs as in `scopes`; the first that matches counts.",
  },
];
