import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTHeaderParameters, SignJWT } from "jose";

/** An authorization server that is not ours, reduced to what resource servers see of it: document, keys, introspection. */
export interface ExternalServer {
  readonly issuer: string;
  /** Signs; `undefined` claims are left out. */
  token(claims: Readonly<Record<string, unknown>>, header?: Partial<JWTHeaderParameters>): Promise<string>;
  /** A new key signs from now on, and the old one is gone. */
  rotate(): Promise<void>;
  /** Opaque token → what introspection says of it. */
  readonly known: Map<string, Readonly<Record<string, unknown>>>;
  /** Tokens that introspection was asked about. */
  readonly asked: string[];
  /** Answers nothing while it is set. */
  down: boolean;
  close(): Promise<void>;
}

export const INTROSPECTION_CLIENT = { clientId: "gate way", clientSecret: "s3cret:with+signs" } as const;

export async function startExternalServer(): Promise<ExternalServer> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let signing: { readonly key: CryptoKey; readonly jwk: JWK };
  let generation = 0;
  const external: ExternalServer = {
    issuer,
    known: new Map(),
    asked: [],
    down: false,
    token: (claims, header = {}) => {
      const now = Math.floor(Date.now() / 1000);
      const all = {
        iss: issuer,
        sub: "u1",
        client_id: "editor",
        iat: now,
        exp: now + 600,
        jti: `${generation}-${now}`,
      };
      const kept = Object.fromEntries(Object.entries({ ...all, ...claims }).filter(([, value]) => value !== undefined));
      return new SignJWT(kept)
        .setProtectedHeader({ alg: "ES256", kid: signing.jwk.kid ?? "", typ: "at+jwt", ...header })
        .sign(signing.key);
    },
    rotate: async () => {
      const { privateKey, publicKey } = await generateKeyPair("ES256");
      generation += 1;
      signing = { key: privateKey, jwk: { ...(await exportJWK(publicKey)), kid: `k${generation}`, alg: "ES256" } };
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  await external.rotate();
  const encode = (text: string) => new URLSearchParams({ "": text }).toString().slice(1);
  const { clientId, clientSecret } = INTROSPECTION_CLIENT;
  const credentials = `Basic ${btoa(`${encode(clientId)}:${encode(clientSecret)}`)}`;
  server.on("request", async (request, response) => {
    if (external.down) return void request.socket.destroy();
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk as Uint8Array);
    const json = (status: number, body: unknown) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (request.url === "/.well-known/oauth-authorization-server") {
      return json(200, { issuer, jwks_uri: `${issuer}/jwks`, introspection_endpoint: `${issuer}/introspect` });
    }
    if (request.url === "/jwks") return json(200, { keys: [signing.jwk] });
    if (request.url !== "/introspect") return json(404, {});
    if (request.headers.authorization !== credentials) return json(401, { error: "invalid_client" });
    const token = new URLSearchParams(Buffer.concat(chunks).toString()).get("token") ?? "";
    external.asked.push(token);
    const claims = external.known.get(token);
    return json(200, claims === undefined ? { active: false } : { active: true, ...claims });
  });
  return external;
}
