import { OAuthError } from "../../core/oauth-error.js";
import { type DpopProof, validateDpopProof } from "../../oauth/dpop.js";
import type { Start } from "../pipeline.js";

/** `proof`: the key that the token is to be bound to; `undefined`: the request came without one. */
export interface KeyProven extends Start {
  readonly proof: DpopProof | undefined;
}

/**
 * RFC 9449 §5: a token request with a proof asks for a bound token. Looked at before the client authenticates: a client that is sent back
 * for a nonce (§8) repeats its request as it was, and the assertion in it is good once only.
 * @throws OAuthError `dpop_proof`, `dpop_nonce`
 */
export async function proveKey<Flow extends Start>(flow: Flow): Promise<Flow & KeyProven> {
  const { server, request } = flow;
  const header = request.headers.get("dpop");
  if (header === null) return { proof: undefined, ...flow };
  // §4.3 step 1: repeated headers arrive joined by commas, and a proof has none.
  if (header.includes(",")) throw new OAuthError("dpop_proof", { detail: "several DPoP headers" });
  const { nonces } = server.options.dpop ?? {};
  const expected = {
    htm: "POST",
    htu: server.endpoint("/token"),
    now: server.system.now(),
    ...(nonces === undefined ? {} : { nonces }),
  };
  const { replay } = server.options.storage;
  const ports = { verifySignature: server.cryptography.verifySignature, sha256: server.cryptography.sha256, replay };
  return { proof: await validateDpopProof(header, expected, ports), ...flow };
}
