// Credentials for the bench: what `servers.*.credential` composes, for one token endpoint on loopback.
import { createDpopSignerNode } from "@sallyport/auth/node";
import { createStaticCredentials } from "../../packages/sallyport/dist/upstream/credentials/selected-credentials.js";
import { createTokenCredentials } from "../../packages/sallyport/dist/upstream/credentials/token-credentials.js";
import { createTokenServer, exchange } from "../../packages/sallyport/dist/upstream/credentials/token-sources.js";

const SAME = { authorization: "Bearer the-same-for-everybody" };

/** kind: static, exchange, dpop. */
export function createCredentials({ kind, tokenEndpoint, system, url = "http://127.0.0.1/mcp" }) {
  if (kind === "static") return createStaticCredentials(() => SAME);
  const signer = kind === "dpop" ? createDpopSignerNode() : undefined;
  const client = { method: "client_secret_basic", client_id: "gateway", client_secret: "secret" };
  const ports = signer === undefined ? { system } : { system, dpop: signer };
  return createTokenCredentials({
    server: "bench",
    obtain: exchange({
      server: createTokenServer({ tokenEndpoint, client }, ports),
      target: { resource: "https://crm.example" },
    }),
    scopeOf: () => "crm:read",
    perCaller: true,
    system,
    ...(signer && { dpop: { signer, url } }),
  });
}
