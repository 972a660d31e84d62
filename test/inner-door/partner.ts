import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { createRemoteJWKSet, exportJWK, generateKeyPair, type JWK, jwtVerify, SignJWT } from "jose";
import { type ForeignIdp, startForeignIdp } from "../../packages/sallyport/src/federation/testing/foreign-idp.js";
import { EXCHANGE } from "./exchange-server.js";

export const AT_IDP = { id: "sallyport-keeps", secret: "the gateway's secret at the identity provider" } as const;
export const AT_PARTNER = { id: "gateway-at-partner", secret: "the gateway's secret at the partner" } as const;
export const TICKETS = "https://tickets.partner.example";
const ID_JAG = "urn:ietf:params:oauth:token-type:id-jag";
const ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token";
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";

type Form = Readonly<Record<string, string>>;

export interface JagIdp extends ForeignIdp {
  /** Forms of the exchanges, as they came. */
  readonly exchanges: Form[];
  /** Gives an access token of its own instead, as a server does that overlooks `requested_token_type`. */
  overlooks: boolean;
}

/**
 * oidc-provider as a company's identity provider, with what it has not: ID-JAGs (draft-ietf-oauth-identity-assertion-authz-grant §4.3), for ID
 * tokens made for the client that asks, and for access tokens that live there.
 */
export async function startJagIdp(redirectUri: string): Promise<JagIdp> {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  const key: JWK = { ...(await exportJWK(privateKey)), kid: "idp-1", alg: "ES256", use: "sig" };
  const idp = await startForeignIdp({
    redirectUris: [],
    clients: [
      {
        client_id: AT_IDP.id,
        client_secret: AT_IDP.secret,
        redirect_uris: [redirectUri],
        grant_types: ["authorization_code", "refresh_token", EXCHANGE],
        response_types: ["code"],
        id_token_signed_response_alg: "ES256",
      },
    ],
    configuration: { jwks: { keys: [key as never] }, scopes: ["openid", "profile", "offline_access"] },
  });
  const { provider, issuer } = idp;
  const jag: JagIdp = { ...idp, exchanges: [], overlooks: false };
  const accountOf = async ({ subject_token = "", subject_token_type }: Form): Promise<string | undefined> => {
    if (subject_token_type === ACCESS_TOKEN) return (await provider.AccessToken.find(subject_token))?.accountId;
    if (subject_token_type !== ID_TOKEN) return undefined;
    const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`));
    return (await jwtVerify(subject_token, keys, { issuer, audience: AT_IDP.id })).payload.sub;
  };
  const members = ["subject_token", "subject_token_type", "requested_token_type", "audience", "resource", "scope"];
  provider.registerGrantType(
    EXCHANGE,
    async (context) => {
      const form = Object.fromEntries(
        Object.entries(context.oidc.params ?? {}).filter(([, value]) => value !== undefined),
      ) as Form;
      jag.exchanges.push(form);
      const sub = await accountOf(form);
      if (sub === undefined || form.requested_token_type !== ID_JAG) {
        context.status = 400;
        context.body = { error: "invalid_request" };
        return;
      }
      const { resource, scope, audience = "" } = form;
      const assertion = await new SignJWT({ client_id: AT_PARTNER.id, resource, scope })
        .setProtectedHeader({ alg: "ES256", kid: "idp-1", typ: "oauth-id-jag+jwt" })
        .setIssuer(issuer)
        .setSubject(sub)
        .setAudience(audience)
        .setJti(crypto.randomUUID())
        .setIssuedAt()
        .setExpirationTime("5m")
        .sign(privateKey);
      context.body = jag.overlooks
        ? { access_token: "an-access-token-of-the-company", token_type: "Bearer", issued_token_type: ACCESS_TOKEN }
        : { access_token: assertion, token_type: "N_A", issued_token_type: ID_JAG, expires_in: 300 };
    },
    members,
  );
  return jag;
}

export interface Partner {
  readonly issuer: string;
  /** Forms at the token endpoint, as they came. */
  readonly asked: readonly URLSearchParams[];
  /** An error instead of the next answers. */
  instead: string | undefined;
  close(): Promise<void>;
}

/** Another company's authorization server by hand, over `jose`: an assertion is good once, for its client, its audience and its resource. */
export async function startPartner(idp: () => Pick<ForeignIdp, "issuer">): Promise<Partner> {
  const asked: URLSearchParams[] = [];
  const seen = new Set<string>();
  const redeem = async (form: URLSearchParams, authorization: string | undefined): Promise<[number, object]> => {
    const [id = "", secret = ""] = atob((authorization ?? "").replace("Basic ", ""))
      .split(":")
      .map(decodeForm);
    if (id !== AT_PARTNER.id || secret !== AT_PARTNER.secret) return [401, { error: "invalid_client" }];
    if (partner.instead !== undefined) return [400, { error: partner.instead }];
    if (form.get("grant_type") !== "urn:ietf:params:oauth:grant-type:jwt-bearer")
      return [400, { error: "unsupported_grant_type" }];
    const { issuer } = idp();
    const checks = { issuer, audience: partner.issuer, typ: "oauth-id-jag+jwt", requiredClaims: ["exp", "jti", "sub"] };
    const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`));
    const checked = await jwtVerify(form.get("assertion") ?? "", keys, checks).catch(() => undefined);
    const { jti = "", client_id, resource, scope, sub } = checked?.payload ?? {};
    if (checked === undefined || seen.has(jti) || client_id !== id) return [400, { error: "invalid_grant" }];
    seen.add(jti);
    if (resource !== TICKETS || form.get("resource") !== TICKETS) return [400, { error: "invalid_target" }];
    return [200, { access_token: `at-partner-${sub}-${seen.size}`, token_type: "Bearer", expires_in: 300, scope }];
  };
  const server = createServer(async (request, response) => {
    const json = (status: number, body: object) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (request.url?.startsWith("/.well-known/") === true) {
      json(200, { issuer: partner.issuer, token_endpoint: `${partner.issuer}/token` });
      return;
    }
    const form = await read(request);
    asked.push(form);
    json(...(await redeem(form, request.headers.authorization)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const partner: Partner = {
    issuer: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    instead: undefined,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return partner;
}

/** RFC 6749 §2.3.1: form-encoded before Basic. */
function decodeForm(text: string): string {
  return new URLSearchParams(`text=${text}`).get("text") ?? "";
}

async function read(request: IncomingMessage): Promise<URLSearchParams> {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  return new URLSearchParams(body);
}
