import type { Policy, SigningKeys, System } from "@sallyport/auth";
import { ACCESS_TOKEN_TYPE, ID_TOKEN_TYPE } from "@sallyport/auth/client";
import { createDpopSignerNode } from "@sallyport/auth/node";
import type {
  CredentialConfig,
  CredentialScopeConfig,
  ExchangeConfig,
  SubjectConfig,
} from "../config/credential-settings.js";
import { listOf } from "../config/setting.js";
import { mapScopes, scopesOfCalls } from "../upstream/credentials/call-scopes.js";
import type { CredentialSource } from "../upstream/credentials/contract.js";
import { ownTokens } from "../upstream/credentials/own-tokens.js";
import {
  createSelectedCredentials,
  createStaticCredentials,
  noCredentials,
} from "../upstream/credentials/selected-credentials.js";
import { fromSignIn } from "../upstream/credentials/sign-in-subject.js";
import {
  createTokenCredentials,
  type Issued,
  type TokenCredentialsOptions,
} from "../upstream/credentials/token-credentials.js";
import {
  actorToken,
  clientCredentials,
  createTokenServer,
  type ExchangeOptions,
  exchange,
  idJag,
  onBehalfOf,
} from "../upstream/credentials/token-sources.js";
import { createUserCredentials, type UserCredentialSource } from "../upstream/credentials/user-credentials.js";
import { SIGN_IN } from "../vault/index.js";
import type { Installation, InstalledServer } from "./installation.js";
import type { SealedSecrets } from "./sealed-secrets.js";
import { headerReader, type SealedAt } from "./secrets.js";
import { readTokenServer } from "./token-clients.js";

export interface CredentialParts {
  readonly installation: Installation;
  /** Name of the server. */
  readonly server: string;
  readonly issuer: string;
  readonly resource: string;
  readonly policy: Policy;
  readonly keys: SigningKeys;
  readonly system: System;
  /** Told of every token before it goes on. */
  readonly onIssued: (issued: Issued) => void;
  /** What people have connected; absent where nothing is configured. */
  readonly vault: UserCredentialSource | undefined;
  readonly secrets: SealedSecrets;
  /** The page on which people sign in at the identity provider. */
  readonly signInUrl: string | undefined;
}

/** `credential` and `credentials` of one server; `undefined` where it has neither. @throws CliError for a secret or key that is not there */
export async function composeCredentials(
  { name, config }: InstalledServer,
  parts: Omit<CredentialParts, "server">,
): Promise<CredentialSource | undefined> {
  const { credential, credentials } = config;
  if (credential === undefined && credentials === undefined) return undefined;
  const at = `servers.${name}.credential`;
  const context = { ...parts, server: name, url: config.upstream ?? "" };
  const otherwise = credential === undefined ? noCredentials : await compose(credential, { ...context, setting: at });
  if (credentials === undefined) return otherwise;
  const rows = await Promise.all(
    credentials.map(async (row, index) => ({
      for: listOf(row.for),
      source: row.none === true ? noCredentials : await compose(row, { ...context, setting: `${at}s[${index}]` }),
    })),
  );
  return createSelectedCredentials({ rows, otherwise });
}

interface Context extends CredentialParts {
  readonly url: string;
  readonly setting: string;
}

/** Where secrets of one kind of credential are read. */
function under({ secrets, installation, setting }: Context, kind: string): SealedAt {
  return { secrets, baseFolder: installation.baseFolder, setting: `${setting}.${kind}` };
}

async function compose(config: CredentialConfig, context: Context): Promise<CredentialSource> {
  const { setting } = context;
  if (config.static !== undefined)
    return createStaticCredentials(headerReader(config.static, under(context, "static")));
  if (config.connect !== undefined) {
    if (context.vault === undefined) throw new TypeError(`${setting}: no connections`);
    return createUserCredentials(context.vault, config.connect);
  }
  if (config.exchange?.api !== undefined) return composeOwn(config.exchange.api, context);
  if (config.exchange !== undefined) return composeExchange(config.exchange, context);
  if (config.clientCredentials !== undefined) {
    const { resource, audience, scope, dpop, ...server } = config.clientCredentials;
    const shared = sharedOptions({ scope, dpop }, context);
    const at = createTokenServer(await readTokenServer(server, under(context, "clientCredentials")), shared.ports);
    const obtain = clientCredentials({ server: at, target: { resource, audience } });
    return createTokenCredentials({ ...shared.options, obtain, perCaller: false });
  }
  if (config.idJag === undefined) throw new TypeError(`${setting}: no kind of credential`);
  const { idp, resource, scope, dpop, audience = config.idJag.issuer ?? "", subject, ...server } = config.idJag;
  const shared = sharedOptions({ scope, dpop }, context);
  const from = {
    idp: createTokenServer(await readTokenServer(idp, under(context, "idJag.idp")), { system: context.system }),
    server: createTokenServer(await readTokenServer(server, under(context, "idJag")), shared.ports),
    audience,
    resource,
  };
  const made = subjectOf(subject, context, (shown) => idJag({ ...from, ...shown }));
  return createTokenCredentials({ ...shared.options, ...made, perCaller: true });
}

function composeOwn(
  api: string,
  { installation, server, issuer, keys, resource, policy, system, onIssued }: Context,
): CredentialSource {
  const { apis, lifetimes } = installation.config;
  const known = Object.hasOwn(apis, api) ? apis[api] : undefined;
  if (known === undefined) throw new TypeError(`unknown API ${JSON.stringify(api)}`);
  const own = ownTokens({ issuer, keys, resource, policy, api: known, lifetime: lifetimes.accessToken, system });
  return createTokenCredentials({ ...own, server, perCaller: true, onIssued, system });
}

async function composeExchange(config: ExchangeConfig, context: Context): Promise<CredentialSource> {
  const { resource, audience, scope, dpop, grant, actor, client, issuer, tokenEndpoint, subject } = config;
  if (client === undefined) throw new TypeError(`${context.setting}: no client`);
  const { system } = context;
  const identity = { client, ...(issuer && { issuer }), ...(tokenEndpoint && { tokenEndpoint }) };
  const at = await readTokenServer(identity, under(context, "exchange"));
  const shared = sharedOptions({ scope, dpop }, context);
  const server = createTokenServer(at, shared.ports);
  const target = { resource, audience };
  // The gateway's own token, as actor_token: unbound, since it is shown and not used.
  const own = actor === "client" ? actorToken(createTokenServer(at, { system }), system) : undefined;
  const made = subjectOf(subject, context, (shown) =>
    grant === "on-behalf-of"
      ? onBehalfOf({ server, ...shown })
      : exchange({ server, target, ...shown, ...(own && { actor: own }) }),
  );
  return createTokenCredentials({ ...shared.options, ...made, perCaller: true });
}

type Shown = Pick<ExchangeOptions, "subjectOf"> & { readonly subject_token_type: string };
type Made = Pick<TokenCredentialsOptions, "obtain" | "basis">;

/** Whose token an exchange shows. @throws TypeError where nothing is kept of sign-ins */
function subjectOf(
  subject: SubjectConfig,
  { setting, vault, signInUrl, system }: Context,
  make: (shown: Shown) => TokenCredentialsOptions["obtain"],
): Made {
  if (subject === "caller") return { obtain: make({ subject_token_type: ACCESS_TOKEN_TYPE }) };
  if (vault === undefined || signInUrl === undefined) throw new TypeError(`${setting}: nothing is kept of sign-ins`);
  const kind = subject === "idp-id-token" ? "id-token" : "access-token";
  const subject_token_type = kind === "id-token" ? ID_TOKEN_TYPE : ACCESS_TOKEN_TYPE;
  return fromSignIn({
    ...{ source: vault, connection: SIGN_IN, kind, signInUrl, system },
    make: (shown) => make({ subjectOf: shown, subject_token_type }),
  });
}

function sharedOptions(
  { scope, dpop }: { readonly scope?: CredentialScopeConfig | undefined; readonly dpop: boolean },
  { server, policy, system, url, onIssued }: Context,
) {
  const signer = dpop ? createDpopSignerNode() : undefined;
  const scopeOf: TokenCredentialsOptions["scopeOf"] =
    scope === undefined || typeof scope === "string"
      ? () => scope
      : (request) => mapScopes(scope, scopesOfCalls(policy, request));
  return {
    ports: { system, ...(signer && { dpop: signer }) },
    options: { server, scopeOf, system, onIssued, ...(signer && { dpop: { signer, url } }) },
  };
}
