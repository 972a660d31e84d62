/**
 * One tool as it was first seen, or as an operator accepted it later. The scope comes from the server's own annotations, so it
 * is frozen with the definition it was derived from: a definition whose hash differs needs `mcp:write` until it is accepted.
 */
export interface CatalogueRow {
  readonly tool: string;
  readonly scope: string;
  /** SHA-256, base64url, over name, description, schema and annotations. */
  readonly hash: string;
  /** Integer seconds. */
  readonly first_seen: number;
  /** When an operator accepted `hash`, in integer seconds; `undefined`: it still is the hash of first sight. */
  readonly accepted: number | undefined;
  /** Hash of the definition that any process saw last, where it is not `hash`; `""` for one that nobody can tell. */
  readonly seen?: string | undefined;
}

/** The tool catalogue of every server. Whatever changes it is announced in the change feed. Kept across restarts: without it a restart would be a new first sight. */
export interface CatalogueStore {
  /** Every row of that server, in the order of tool names; `[]` for a server never seen. */
  load(server: string): Promise<readonly CatalogueRow[]>;
  /** Adds the rows whose tool is new there and leaves the others exactly as they are; one atomic step. */
  freeze(server: string, rows: readonly CatalogueRow[]): Promise<void>;
  /** Remembers the definition seen last of each tool, by hash. Tools that are not there are passed over. */
  observe(server: string, seen: ReadonlyMap<string, string>): Promise<void>;
  /** Takes `hash` as the definition that was looked at, and the scope it needs from now on. Rejects for a tool never seen. */
  accept(server: string, tool: string, definition: Pick<CatalogueRow, "hash" | "scope">): Promise<void>;
}
