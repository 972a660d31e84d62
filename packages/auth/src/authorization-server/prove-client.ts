import type { ClientMetadata } from "../core/client-metadata.js";
import { type Awaitable, chain } from "../oauth/awaitable.js";
import { validateClientAssertion } from "../oauth/client-assertion.js";
import type { ClientCredentials } from "../oauth/client-authentication.js";
import { isEqualInConstantTime } from "../oauth/digest.js";
import { type KeySet, localKeySet } from "../oauth/key-set.js";
import { createRemoteKeySet } from "../oauth/remote-key-set.js";
import type { Server } from "./server.js";
import type { ClientRecord } from "./storage.js";

const MAX_KEY_SETS = 1000;

/** Whether `credentials` prove that they come from `client`, by exactly the kind of proof that it registered. */
export function proveClient(server: Server, client: ClientRecord, credentials: ClientCredentials): Awaitable<boolean> {
  const registered = client.metadata.token_endpoint_auth_method;
  switch (credentials.method) {
    case "none":
      return registered === "none";
    case "private_key_jwt":
      return registered === "private_key_jwt" && proveKey(server, client.metadata, credentials.assertion);
    default:
      // Both ways of sending a secret prove the same, and clients mix them up; RFC 6749 §2.3.1 wants `basic` supported anyway.
      return registered.startsWith("client_secret_") && isSecret(server, client, credentials.secret);
  }
}

function isSecret({ cryptography }: Server, { secret_hash }: ClientRecord, secret: string): Awaitable<boolean> {
  if (secret_hash === undefined) return false;
  return chain(cryptography.sha256(secret), (digest) => isEqualInConstantTime(digest, secret_hash));
}

/** RFC 7523 §3, with each assertion accepted once in all processes. */
async function proveKey(server: Server, metadata: ClientMetadata, assertion: string): Promise<boolean> {
  const keys = keysOf(server, metadata);
  if (keys === undefined) return false;
  const now = server.system.now();
  const { client_id } = metadata;
  const audience = audiencesOf(server, client_id);
  const { verifySignature } = server.cryptography;
  const expected = { client_id, audience, keys, verifySignature, now };
  const { jti, expires } = await validateClientAssertion(assertion, expected);
  return server.options.storage.replay.record("client_assertion", JSON.stringify([client_id, jti]), expires, now);
}

/** RFC 7523bis §4 wants the issuer; some clients write it with a slash at its end, and older ones the token endpoint. */
function audiencesOf(server: Server, client_id: string): readonly string[] {
  const issuer = server.issuer.replace(/\/$/, "");
  const older = server.options.acceptTokenEndpointAudience?.(client_id) === true;
  return [issuer, `${issuer}/`, ...(older ? [server.endpoint("/token")] : [])];
}

/** Keys at a URL are read through the guarded port: whoever registers may name any URL. */
function keysOf(server: Server, { jwks, jwks_uri }: ClientMetadata): KeySet | undefined {
  if (jwks_uri === undefined) return jwks && localKeySet({ keys: jwks.keys });
  const known = server.keySets.get(jwks_uri);
  if (known !== undefined) return known;
  const [oldest] = server.keySets.keys();
  if (server.keySets.size >= MAX_KEY_SETS && oldest !== undefined) server.keySets.delete(oldest);
  const keys = createRemoteKeySet(jwks_uri, { fetchDocument: server.options.fetchDocument, system: server.system });
  server.keySets.set(jwks_uri, keys);
  return keys;
}
