import type { ClientIdentity } from "@sallyport/auth/client";
import { type CryptoKey, importJWK, importPKCS8, type JWK } from "jose";
import type { TokenClientConfig, TokenServerConfig } from "../config/credential-settings.js";
import type { TokenServer } from "../upstream/credentials/token-sources.js";
import { UpstreamError } from "../upstream/upstream.js";
import { CliError } from "./exit.js";
import { type SealedAt, secretReader } from "./secrets.js";

/**
 * A server of the configuration that issues tokens. @throws CliError for a secret or key that is not there, or is none; later, for one in the
 * store that was changed or removed meanwhile, UpstreamError.
 */
export async function readTokenServer(
  { issuer, tokenEndpoint, client }: TokenServerConfig,
  at: SealedAt,
): Promise<TokenServer> {
  const identity = await identityReader(client, { ...at, setting: `${at.setting}.client` });
  return { issuer, tokenEndpoint, client: identity };
}

/** The same object until a secret changes. */
async function identityReader(
  { id: client_id, secret, key, method = "basic" }: TokenClientConfig,
  at: SealedAt,
): Promise<() => Promise<ClientIdentity>> {
  const { setting } = at;
  const shared = method === "basic" ? "client_secret_basic" : "client_secret_post";
  const [name, source] = secret === undefined ? ["key", key] : ["secret", secret];
  if (source === undefined) return async () => ({ method: "none", client_id });
  const read = secretReader(source, { ...at, setting: `${setting}.${name}` });
  const make = async (text: string): Promise<ClientIdentity> =>
    secret === undefined
      ? { method: "private_key_jwt", client_id, ...(await readKey(text, setting)) }
      : { method: shared, client_id, client_secret: text };
  const first = read();
  let held = { text: first, identity: await make(first) };
  return async () => {
    const text = read();
    if (text !== held.text) held = { text, identity: await make(text).catch(refuseLater) };
    return held.identity;
  };
}

/** What ends a start costs only the calls that need it, once the program runs. */
function refuseLater(error: unknown): never {
  throw error instanceof CliError ? new UpstreamError("protocol", error.message) : error;
}

/** A private key as JWK with `alg`, or as PKCS #8 in PEM of an EC key on P-256. Never part of a message. */
async function readKey(
  text: string,
  setting: string,
): Promise<{ readonly key: CryptoKey; readonly alg: string; readonly kid?: string }> {
  try {
    if (text.trimStart().startsWith("-----BEGIN")) return { key: await importPKCS8(text, "ES256"), alg: "ES256" };
    const { alg, kid, ...jwk } = JSON.parse(text) as JWK;
    const key = alg === undefined || jwk.d === undefined ? undefined : await importJWK(jwk, alg);
    if (alg !== undefined && key !== undefined && !(key instanceof Uint8Array)) {
      return { key, alg, ...(kid !== undefined && { kid }) };
    }
  } catch {
    // What the parser says may quote the key.
  }
  throw new CliError(`${setting}.key: not a private key: give a JWK with \`alg\`, or PKCS #8 (PEM) of a P-256 key`);
}
