import {
  createIntrospection,
  createRemoteKeySet,
  type Introspection,
  type KeySet,
  OAuthError,
  type System,
} from "@sallyport/auth";
import {
  type BoundedFetch,
  boundedFetch,
  createHeld,
  discover,
  OPENID_DOCUMENT,
  oauthDocument,
  type ProviderMetadata,
} from "./discovery.js";
import { FederationError } from "./federation-error.js";

export interface ExternalIssuerOptions {
  readonly issuer: string;
  readonly system: System;
  readonly fetch?: BoundedFetch;
}

/** The document of another authorization server, read at the first need and again every hour; OpenID's place first, then RFC 8414's. */
function createMetadata({
  issuer,
  system,
  fetch = boundedFetch,
}: ExternalIssuerOptions): () => Promise<ProviderMetadata> {
  const read = async (): Promise<ProviderMetadata> => {
    try {
      return await discover(issuer, OPENID_DOCUMENT(issuer), fetch);
    } catch (error) {
      // Another issuer in the document is an answer; only where there is no document the other place is asked.
      if (!(error instanceof FederationError) || error.reason !== "idp_garbage") throw error;
      return discover(issuer, oauthDocument(issuer), fetch);
    }
  };
  return createHeld(read, { system });
}

/** Its keys: those at `keysUrl`, or of the `jwks_uri` in its document. `find` rejects with OAuthError `keys_unavailable`. */
export function createIssuerKeys(options: ExternalIssuerOptions & { readonly keysUrl?: string | undefined }): KeySet {
  const { keysUrl, system } = options;
  if (keysUrl !== undefined) return createRemoteKeySet(keysUrl, { system });
  const metadata = createMetadata(options);
  let held: { readonly uri: string; readonly keys: KeySet } | undefined;
  const current = async (): Promise<KeySet> => {
    const { jwks_uri } = await metadata().catch((error: unknown) => {
      throw unavailable("keys_unavailable", error, system);
    });
    if (jwks_uri === undefined) throw unavailable("keys_unavailable", "the document names no jwks_uri", system);
    if (held?.uri !== jwks_uri) held = { uri: jwks_uri, keys: createRemoteKeySet(jwks_uri, { system }) };
    return held.keys;
  };
  return {
    find: (header, now) => {
      // The document is looked at again on the side; what is known answers at once.
      const pending = current();
      if (held === undefined) return pending.then((keys) => keys.find(header, now));
      pending.catch(() => undefined);
      return held.keys.find(header, now);
    },
  };
}

export interface IssuerIntrospectionOptions extends ExternalIssuerOptions {
  /** Absent: the `introspection_endpoint` of its document. */
  readonly endpoint?: string | undefined;
  readonly clientId: string;
  /** As it is now. */
  readonly clientSecret: () => string;
}

/** Its introspection endpoint. `ask` rejects with OAuthError `introspection_unavailable`. */
export function createIssuerIntrospection(options: IssuerIntrospectionOptions): Introspection {
  const { endpoint, clientId, clientSecret, system } = options;
  const at = (url: string) => createIntrospection({ endpoint: url, clientId, clientSecret, system });
  if (endpoint !== undefined) return at(endpoint);
  const metadata = createMetadata(options);
  let held: { readonly url: string; readonly introspection: Introspection } | undefined;
  return {
    ask: async (token) => {
      const { introspection_endpoint: url } = await metadata().catch((error: unknown) => {
        throw unavailable("introspection_unavailable", error, system);
      });
      if (url === undefined) throw unavailable("introspection_unavailable", "no introspection_endpoint", system);
      if (held?.url !== url) held = { url, introspection: at(url) };
      return held.introspection.ask(token);
    },
  };
}

function unavailable(
  reason: "keys_unavailable" | "introspection_unavailable",
  cause: unknown,
  system: System,
): OAuthError {
  const detail = cause instanceof Error ? cause.message : String(cause);
  system.log("warn", "authorization server cannot be used", { error: detail });
  return new OAuthError(reason, { retryAfter: 1, detail, cause });
}
