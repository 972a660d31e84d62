import { createHash, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from "jose";

/** What a provider says at its token endpoint; changed by each test. */
export interface Crook {
  /** Further or other claims of the ID token; `undefined` takes one away. */
  claims: Readonly<Record<string, unknown>>;
  /** How it is signed. */
  sign: "ES256" | "HS256" | "none" | "foreign key";
  /** Further or other members of the discovery document. */
  document: Readonly<Record<string, unknown>>;
  /** Further or other parameters of the redirect back. */
  redirect: Readonly<Record<string, string | undefined>>;
  /** Answers this to every request instead. */
  instead: ((path: string) => Response | "hang up" | undefined) | undefined;
}

export interface CrookedIdp extends Crook {
  readonly issuer: string;
  /** The form posts that reached the token endpoint. */
  readonly tokenRequests: URLSearchParams[];
  /** A logout token, bent as `claims` and `sign` say. */
  logoutToken(header?: Readonly<Record<string, string>>): Promise<string>;
  /** The redirect back that answers an authorization request. */
  answer(authorization: URL): string;
  reset(): void;
  close(): Promise<void>;
}

const now = () => Math.floor(Date.now() / 1000);
const STRAIGHT: Crook = { claims: {}, sign: "ES256", document: {}, redirect: {}, instead: undefined };

/** A provider made by hand, straight until it is bent: for every way in which an answer can be wrong. */
export async function startCrookedIdp(client: { readonly id: string; readonly secret: string }): Promise<CrookedIdp> {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const foreign = await generateKeyPair("ES256");
  const jwk = { ...(await exportJWK(publicKey)), kid: "k1", alg: "ES256", use: "sig" };
  const requests = new Map<string, URLSearchParams>();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const sign = (claims: JWTPayload, header = {}) =>
    signAs(idp.sign, claims, {
      header,
      secret: client.secret,
      key: idp.sign === "foreign key" ? foreign.privateKey : privateKey,
    });
  const token = async (form: URLSearchParams) => {
    idp.tokenRequests.push(form);
    const straight = { iss: issuer, sub: "victim", aud: client.id, iat: now(), exp: now() + 60 };
    if (form.get("grant_type") === "refresh_token") {
      const renewed = await sign({ ...straight, ...idp.claims } as JWTPayload);
      return Response.json({ access_token: "renewed", token_type: "Bearer", expires_in: 60, id_token: renewed });
    }
    const asked = requests.get(form.get("code") ?? "");
    const challenge = createHash("sha256")
      .update(form.get("code_verifier") ?? "")
      .digest("base64url");
    if (asked?.get("code_challenge") !== challenge) return Response.json({ error: "invalid_grant" }, { status: 400 });
    const id_token = await sign({ ...straight, nonce: asked.get("nonce"), ...idp.claims } as JWTPayload);
    return Response.json({ access_token: "opaque", token_type: "Bearer", id_token });
  };
  const routes: Readonly<Record<string, (body: string) => Response | Promise<Response>>> = {
    "/.well-known/openid-configuration": () =>
      Response.json({
        issuer,
        jwks_uri: `${issuer}/jwks`,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        response_types_supported: ["code"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: ["ES256", "HS256", "none"],
        authorization_response_iss_parameter_supported: true,
        ...idp.document,
      }),
    "/jwks": () => Response.json({ keys: [jwk] }),
    "/token": (body) => token(new URLSearchParams(body)),
  };
  const idp: CrookedIdp = {
    ...STRAIGHT,
    issuer,
    tokenRequests: [],
    logoutToken: async (header) => {
      const events = { "http://schemas.openid.net/event/backchannel-logout": {} };
      const times = { iat: now(), exp: now() + 120 };
      const straight = { iss: issuer, sub: "victim", aud: client.id, ...times, jti: randomUUID(), events };
      return sign({ ...straight, ...idp.claims } as JWTPayload, header);
    },
    answer: (authorization) => {
      const code = `code-${requests.size}`;
      requests.set(code, authorization.searchParams);
      const state = authorization.searchParams.get("state") ?? undefined;
      const members = Object.entries({ code, state, iss: issuer, ...idp.redirect });
      return `?${new URLSearchParams(members.filter((pair): pair is [string, string] => pair[1] !== undefined))}`;
    },
    reset: () => {
      Object.assign(idp, STRAIGHT);
      idp.tokenRequests.length = 0;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  const reply = createReply(idp, routes);
  server.on("request", (request, response) => void reply(request, response));
  return idp;
}

function signAs(
  how: Crook["sign"],
  claims: JWTPayload,
  { header, secret, key }: { readonly header: object; readonly secret: string; readonly key: CryptoKey },
): Promise<string> | string {
  if (how === "none") return new UnsecuredJWT(claims).encode();
  const jwt = new SignJWT(claims);
  if (how === "HS256") return jwt.setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(secret));
  return jwt.setProtectedHeader({ alg: "ES256", kid: "k1", ...header }).sign(key);
}

/** What a server does with one request: what the test wants instead, or the route's own answer. */
function createReply(idp: Crook, routes: Readonly<Record<string, (body: string) => Response | Promise<Response>>>) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk as Uint8Array);
    const path = request.url ?? "";
    const instead = idp.instead?.(path);
    if (instead === "hang up") return void request.socket.destroy();
    const answer =
      instead ?? (await routes[path]?.(Buffer.concat(chunks).toString())) ?? new Response("", { status: 404 });
    response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text());
  };
}
