import type { ClientIdentity } from "@sallyport/auth/client";
import { type CryptoKey, importJWK, importPKCS8, type JWK } from "jose";
import type { TokenClientConfig, TokenServerConfig } from "../config/credential-settings.js";
import type { TokenServer } from "../upstream/credentials/token-sources.js";
import { CliError } from "./exit.js";
import { readSecret } from "./secrets.js";

/** A server of the configuration that issues tokens. @throws CliError for a secret or key that is not there, or is none */
export async function readTokenServer(
  { issuer, tokenEndpoint, client }: TokenServerConfig,
  baseFolder: string,
  setting: string,
): Promise<TokenServer> {
  return { issuer, tokenEndpoint, client: await identityOf(client, baseFolder, `${setting}.client`) };
}

async function identityOf(
  { id: client_id, secret, key, method = "basic" }: TokenClientConfig,
  baseFolder: string,
  setting: string,
): Promise<ClientIdentity> {
  if (secret !== undefined) {
    const client_secret = readSecret(secret, baseFolder, `${setting}.secret`);
    return { method: method === "basic" ? "client_secret_basic" : "client_secret_post", client_id, client_secret };
  }
  if (key === undefined) return { method: "none", client_id };
  return {
    method: "private_key_jwt",
    client_id,
    ...(await readKey(readSecret(key, baseFolder, `${setting}.key`), setting)),
  };
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
