import type { Grant, Session } from "@sallyport/auth/authorization-server";

/*
 * What operators ask of a store: to look through what there is, and to take a client away. Lists come in the order of their keys, at most
 * `limit` rows after `after`, so that a list of any length can be read page by page while it changes.
 */

export interface Page {
  readonly limit: number;
  /** Key of the last row of the page before; absent: from the beginning. */
  readonly after?: string | undefined;
}

/** All members given must match. */
export interface Filter {
  readonly sub?: string | undefined;
  readonly client_id?: string | undefined;
  readonly resource?: string | undefined;
}

/** A client that registered itself (RFC 7591), as far as operators need it: never its secret, nor a hash of it. */
export interface RegisteredClient {
  readonly client_id: string;
  readonly client_name: string | undefined;
  readonly redirect_uris: readonly string[];
  readonly token_endpoint_auth_method: string;
  readonly created: number;
  /** When it goes away unless it is used until then. */
  readonly expires: number | undefined;
}

/** A client that is known by a document at its client_id, as it was fetched last. */
export interface ClientDocument {
  readonly client_id: string;
  readonly host: string;
  /** What it calls itself; proves nothing. */
  readonly client_name: string | undefined;
  /** A list of hosts under `registration.documents` would refuse, or would have refused, it. */
  readonly unlisted: boolean;
  readonly first_seen: number;
  readonly last_seen: number;
}

export interface ClientDocumentStore {
  /** Remembers it with the time. Beyond 1,000 the ones that were seen longest ago go, unless something is granted to them. */
  record(document: Omit<ClientDocument, "first_seen" | "last_seen">, now: number): Promise<void>;
  find(client_id: string): Promise<ClientDocument | undefined>;
  /** By `client_id`. */
  list(page: Page): Promise<readonly ClientDocument[]>;
}

export interface Registry {
  /** Those that registered themselves, expired ones without a grant left out. By `client_id`. */
  clients(page: Page, now: number): Promise<readonly RegisteredClient[]>;
  /** By `id`. */
  grants(filter: Filter, page: Page): Promise<readonly Grant[]>;
  /** Live ones. By `id`. */
  sessions(filter: Filter, page: Page, now: number): Promise<readonly Session[]>;
  /**
   * Ends all that was granted to the client, forgets its registration and what waits for people in its name, and announces it; one atomic
   * step. Nothing keeps it from coming again, if it may register or has a document.
   */
  removeClient(client_id: string, now: number): Promise<{ readonly registered: boolean; readonly sessions: number }>;
}
