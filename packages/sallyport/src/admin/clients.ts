import type { ClientStore } from "@sallyport/auth/authorization-server";
import type { ClientDocument, ClientDocumentStore, Page, RegisteredClient, Registry } from "./storage.js";

/** A client of the configuration file. */
export interface ConfiguredClient {
  readonly client_id: string;
  readonly client_name: string;
  readonly redirect_uris: readonly string[];
}

/** A client, whichever way it is known here. Names and URIs are its own word, but for `configured` ones. */
export type KnownClient =
  | (ConfiguredClient & { readonly kind: "configured" })
  | (RegisteredClient & { readonly kind: "registered" })
  | (Partial<ClientDocument> & { readonly client_id: string; readonly kind: "document" });

export interface ClientDirectory {
  /** Configured ones, then registered ones, then documents seen; within these by `client_id`. `next` begins the next page. */
  list(page: Page): Promise<{ readonly clients: readonly KnownClient[]; readonly next: string | undefined }>;
  /** `undefined`: nobody knows it. A document that was never seen is known when something was granted to it. */
  find(client_id: string): Promise<KnownClient | undefined>;
}

export interface ClientDirectoryOptions {
  readonly configured: readonly ConfiguredClient[];
  readonly clients: Pick<ClientStore, "find">;
  readonly registry: Pick<Registry, "clients" | "grants">;
  readonly documents: ClientDocumentStore;
  now(): number;
}

const KINDS = ["configured", "registered", "document"] as const;

export function createClientDirectory(options: ClientDirectoryOptions): ClientDirectory {
  const { configured, registry, documents, now } = options;
  const readers: Readonly<Record<(typeof KINDS)[number], (page: Page) => Promise<readonly KnownClient[]>>> = {
    configured: async ({ limit, after = "" }) =>
      configured
        .filter(({ client_id }) => client_id > after)
        .sort((a, b) => (a.client_id < b.client_id ? -1 : 1))
        .slice(0, limit)
        .map((client) => ({ ...client, kind: "configured" })),
    registered: async (page) =>
      (await registry.clients(page, now())).map((client) => ({ ...client, kind: "registered" })),
    document: async (page) => (await documents.list(page)).map((document) => ({ ...document, kind: "document" })),
  };
  return {
    async list({ limit, after = "" }) {
      const [, from, key] = /^([a-z]+):(.*)$/s.exec(after) ?? [];
      const clients: KnownClient[] = [];
      // A cursor that is none of ours begins at the beginning.
      const start = Math.max(0, (KINDS as readonly (string | undefined)[]).indexOf(from));
      for (const kind of KINDS.slice(start)) {
        const rest = limit - clients.length;
        if (rest > 0) clients.push(...(await readers[kind]({ limit: rest, after: kind === from ? key : undefined })));
      }
      const last = clients.length < limit ? undefined : clients.at(-1);
      return { clients, next: last && `${last.kind}:${last.client_id}` };
    },
    find: (client_id) => findClient(client_id, options),
  };
}

async function findClient(
  client_id: string,
  { configured, clients, registry, documents, now }: ClientDirectoryOptions,
): Promise<KnownClient | undefined> {
  const own = configured.find((client) => client.client_id === client_id);
  if (own !== undefined) return { ...own, kind: "configured" };
  const record = await clients.find(client_id, now());
  if (record !== undefined) {
    const { client_name, redirect_uris, token_endpoint_auth_method } = record.metadata;
    const { created, expires } = record;
    const said = { client_name, redirect_uris, token_endpoint_auth_method };
    return { client_id, ...said, created, expires, kind: "registered" };
  }
  const document = await documents.find(client_id);
  if (document !== undefined) return { ...document, kind: "document" };
  const granted = await registry.grants({ client_id }, { limit: 1 });
  return granted.length === 0 ? undefined : { client_id, kind: "document" };
}
