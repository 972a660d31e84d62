import { type CryptoKey, SignJWT } from "jose";
import { CLIENT_ASSERTION_TYPE } from "../oauth/client-assertion.js";
import { formatBasic } from "../oauth/client-authentication.js";
import { randomToken, type System } from "../system.js";

/** How a client is known at an authorization server, and proves it (RFC 6749 §2.3, RFC 7523 §2.2). */
export type ClientIdentity =
  | { readonly method: "none"; readonly client_id: string }
  | {
      readonly method: "client_secret_basic" | "client_secret_post";
      readonly client_id: string;
      readonly client_secret: string;
    }
  | {
      readonly method: "private_key_jwt";
      readonly client_id: string;
      readonly key: CryptoKey;
      readonly alg: string;
      readonly kid?: string;
    };

/** Seconds. It is made for one request. */
const ASSERTION_LIFETIME = 60;

export interface ClientProof {
  readonly headers: Readonly<Record<string, string>>;
  readonly parameters: Readonly<Record<string, string>>;
}

/** What one request carries to say who asks. `audience`: the issuer, or the token endpoint where servers want that (RFC 7523bis §4). */
export async function proveClient(
  client: ClientIdentity,
  { audience, system }: { readonly audience: string; readonly system: System },
): Promise<ClientProof> {
  const { client_id } = client;
  switch (client.method) {
    case "none":
      return { headers: {}, parameters: { client_id } };
    case "client_secret_basic":
      return { headers: { authorization: formatBasic(client_id, client.client_secret) }, parameters: {} };
    case "client_secret_post":
      return { headers: {}, parameters: { client_id, client_secret: client.client_secret } };
    case "private_key_jwt": {
      const { key, alg, kid } = client;
      const iat = system.now();
      const claims = { iss: client_id, sub: client_id, aud: audience, jti: randomToken(system, 16) };
      const client_assertion = await new SignJWT({ ...claims, iat, exp: iat + ASSERTION_LIFETIME })
        .setProtectedHeader({ alg, typ: "JWT", ...(kid === undefined ? {} : { kid }) })
        .sign(key);
      return { headers: {}, parameters: { client_id, client_assertion_type: CLIENT_ASSERTION_TYPE, client_assertion } };
    }
  }
}
