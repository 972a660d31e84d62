import type { ClientMetadata } from "../core/client-metadata.js";
import { OAuthError } from "../core/oauth-error.js";
import { quote } from "../core/quote.js";
import { JWT_BEARER_GRANT } from "../oauth/assertion.js";
import type { ClientMetadataRules } from "../oauth/client-metadata.js";
import { fetchClientMetadataDocument, validateClientIdUrl } from "../oauth/client-metadata-document.js";
import type { System } from "../system.js";
import type { AuthorizationServerOptions } from "./contract.js";

/** Clients that are known by a document at their client_id (R-72…R-78). */
export interface ClientDocuments {
  /** @throws OAuthError `client_document` or `client_document_refused` */
  find(client_id: string): Promise<ClientMetadata>;
}

interface CacheEntry {
  readonly metadata: ClientMetadata;
  readonly expires: number;
}

/** Seconds a document is kept: what its headers say, between these; without headers `fallback`. Draft-02 §6.7 allows bounds of our own. */
const CACHE = { least: 30, most: 86_400, fallback: 300, entries: 1000 } as const;

/** `undefined` when the installation does not take documents. */
export function createClientDocuments(
  { registration, fetchDocument, documentSeen }: AuthorizationServerOptions,
  system: System,
): ClientDocuments | undefined {
  const { documents: admission } = registration;
  if (admission === "off") return undefined;
  const rules: ClientMetadataRules = {
    knownSchemes: registration.knownSchemes ?? [],
    authMethods: ["none", "private_key_jwt"],
    defaultAuthMethod: "none",
    grantTypes: ["authorization_code", "refresh_token", JWT_BEARER_GRANT],
  };
  const cache = new Map<string, CacheEntry>();
  const flights = new Map<string, Promise<ClientMetadata>>();

  const report = async ({ client_id, client_name }: ClientMetadata): Promise<void> => {
    const { hostname: host } = new URL(client_id);
    const unlisted = typeof admission === "object" && "report" in admission && !admission.report.includes(host);
    if (unlisted) system.log("warn", "client document of a host that is not listed", { client_id, host });
    try {
      await documentSeen?.({ client_id, host, client_name, unlisted });
    } catch (error) {
      system.log("warn", "client document not recorded", { client_id, error: String(error) });
    }
  };

  const fetchAndKeep = async (client_id: string): Promise<ClientMetadata> => {
    const { metadata, headers } = await fetchClientMetadataDocument(client_id, fetchDocument, rules);
    await report(metadata);
    // Only what was read in full gets here: errors and invalid documents are never cached.
    cache.delete(client_id);
    const [oldest] = cache.keys();
    if (cache.size >= CACHE.entries && oldest !== undefined) cache.delete(oldest);
    cache.set(client_id, { metadata, expires: system.now() + freshness(headers) });
    return metadata;
  };

  return {
    async find(client_id) {
      const { hostname } = validateClientIdUrl(client_id);
      if (typeof admission === "object" && "hosts" in admission && !admission.hosts.includes(hostname)) {
        throw new OAuthError("client_document_refused", { detail: quote(client_id) });
      }
      const cached = cache.get(client_id);
      if (cached !== undefined && system.now() < cached.expires) return cached.metadata;
      // One request at a time for one document, however many people come at once.
      const flight = flights.get(client_id) ?? fetchAndKeep(client_id).finally(() => flights.delete(client_id));
      flights.set(client_id, flight);
      return flight;
    },
  };
}

/** RFC 9111 §4.2.1 for a private cache: `no-store`, `no-cache`, `max-age` less `Age`, else `Expires` less `Date`; in seconds, within bounds. */
export function freshness(headers: Headers): number {
  return Math.min(CACHE.most, Math.max(CACHE.least, statedFreshness(headers) ?? CACHE.fallback));
}

function statedFreshness(headers: Headers): number | undefined {
  const control = (headers.get("cache-control") ?? "").toLowerCase();
  if (/(?:^|[\s,])no-(?:store|cache)(?:$|[\s,=])/.test(control)) return 0;
  const age = Number.parseInt(headers.get("age") ?? "0", 10) || 0;
  const maxAge = /(?:^|[\s,])max-age="?(\d{1,10})/.exec(control)?.[1];
  if (maxAge !== undefined) return Number(maxAge) - age;
  const lifetime = Date.parse(headers.get("expires") ?? "") - Date.parse(headers.get("date") ?? "");
  return Number.isNaN(lifetime) ? undefined : Math.floor(lifetime / 1000) - age;
}
