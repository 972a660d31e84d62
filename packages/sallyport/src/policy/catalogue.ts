import type { JsonObject, System } from "@sallyport/auth";
import type { CatalogueRow, CatalogueStore } from "./catalogue-store.js";
import { READ, WRITE } from "./default-scopes.js";
import { hashTool } from "./tool-hash.js";

/** One tool as an operator sees it. */
export interface CatalogueEntry {
  readonly tool: string;
  /** What a call needs now: the frozen scope, or `mcp:write` while a changed definition waits to be accepted. */
  readonly scope: string;
  readonly frozenScope: string;
  /** The definition last seen differs from the one that was frozen or accepted. */
  readonly changed: boolean;
  /** As last seen; `undefined` since the start. */
  readonly definition: JsonObject | undefined;
}

/**
 * Tool → scope, frozen at first sight by the server's own annotations (R-131: its word, so it is taken once and held against it later).
 * Answers from memory; what is new is kept in the store, and survives a restart.
 */
export interface Catalogue {
  /** `undefined` for a tool never seen. */
  scopeOf(tool: string): string | undefined;
  inputSchemaOf(tool: string): JsonObject | undefined;
  /** Takes a list that the server answered: freezes what is new, notices what changed. Never throws. */
  observe(tools: readonly JsonObject[]): void;
  /** The definition last seen is the right one now. @throws Error for a tool that has not been seen since the start. */
  accept(tool: string): Promise<void>;
  /** Looks at the store again: another process may have accepted something. @throws what the store throws. */
  reload(): Promise<void>;
  entries(): readonly CatalogueEntry[];
  /** What {@link observe} has to tell the store is told. */
  saved(): Promise<void>;
}

interface Known {
  row: CatalogueRow;
  seen: Seen | undefined;
}

interface Seen {
  readonly hash: string;
  readonly definition: JsonObject;
  /** The definition as JSON: a list that says the same as before costs no hash. */
  readonly text: string;
}

/** Tools of one server. A server that invents names without end gets no further. */
const MAX_TOOLS = 10_000;
/** No hash: two definitions of one name in one list. Which of them a client reads is anyone's guess, so it never equals a frozen one. */
const AMBIGUOUS = "";

/** Loads what is known of `server`. @throws what the store throws: without the rows a restart would be a new first sight. */
export async function createCatalogue(options: {
  readonly server: string;
  readonly store: CatalogueStore;
  readonly system: System;
}): Promise<Catalogue> {
  const { server, store, system } = options;
  const known = new Map<string, Known>();
  const learn = (rows: readonly CatalogueRow[]) => {
    for (const row of rows) known.set(row.tool, { row, seen: known.get(row.tool)?.seen });
  };
  learn(await store.load(server));
  let saving = Promise.resolve();
  const unsaved = new Map<string, CatalogueRow>();
  const save = async () => {
    const rows = [...unsaved.values()];
    try {
      await store.freeze(server, rows);
      for (const { tool } of rows) unsaved.delete(tool);
      // Another process may have frozen the same tool first: its row is the one that holds.
      learn(await store.load(server));
    } catch (error) {
      system.log("error", "tool catalogue not saved; the next list tries again", { server, error: String(error) });
    }
  };
  return {
    scopeOf: (tool) => {
      const one = known.get(tool);
      return one === undefined ? undefined : scopeNow(one);
    },
    inputSchemaOf: (tool) => {
      const schema = known.get(tool)?.seen?.definition.inputSchema;
      return isObject(schema) ? schema : undefined;
    },
    observe: (tools) => {
      for (const [tool, seen] of definitionsOf(tools, (name) => known.get(name)?.seen)) {
        const one = known.get(tool);
        if (one !== undefined) one.seen = seen;
        else if (known.size < MAX_TOOLS) {
          const row = firstSight(tool, seen, system.now());
          known.set(tool, { row, seen });
          unsaved.set(tool, row);
        }
      }
      if (unsaved.size > 0) saving = saving.then(() => (unsaved.size > 0 ? save() : undefined));
    },
    accept: async (tool) => {
      const one = known.get(tool);
      if (one?.seen === undefined || one.seen.hash === AMBIGUOUS) {
        throw new Error(`the tool ${JSON.stringify(tool)} was not seen`);
      }
      await store.accept(server, tool, { hash: one.seen.hash, scope: acceptedScope(one.row, one.seen) });
      learn(await store.load(server));
    },
    reload: async () => learn(await store.load(server)),
    entries: () => [...known].map(([tool, one]) => entryOf(tool, one)),
    saved: () => saving,
  };
}

function definitionsOf(
  tools: readonly JsonObject[],
  seenBefore: (name: string) => Seen | undefined,
): ReadonlyMap<string, Seen> {
  const found = new Map<string, Seen>();
  for (const definition of tools) {
    const { name } = definition;
    if (typeof name !== "string" || name === "") continue;
    const text = JSON.stringify(definition);
    const twin = found.get(name);
    const before = twin ?? seenBefore(name);
    const same = before !== undefined && before.text === text && before.hash !== AMBIGUOUS;
    const hash = same ? before.hash : hashTool(definition);
    found.set(name, { hash: twin === undefined || twin.hash === hash ? hash : AMBIGUOUS, definition, text });
  }
  return found;
}

/** `readOnlyHint: true` and nothing else is reading; a server that says nothing may do anything. */
function readsOnly({ hash, definition: { annotations } }: Seen): boolean {
  return hash !== AMBIGUOUS && isObject(annotations) && annotations.readOnlyHint === true;
}

function firstSight(tool: string, seen: Seen, now: number): CatalogueRow {
  return { tool, scope: readsOnly(seen) ? READ : WRITE, hash: seen.hash, first_seen: now, accepted: undefined };
}

/** What was accepted may need more than before, never less: a server cannot promise to read only later. */
function acceptedScope(row: CatalogueRow, seen: Seen): string {
  return row.scope === READ && readsOnly(seen) ? READ : WRITE;
}

function scopeNow({ row, seen }: Known): string {
  return seen === undefined || seen.hash === row.hash ? row.scope : WRITE;
}

function entryOf(tool: string, one: Known): CatalogueEntry {
  return {
    tool,
    scope: scopeNow(one),
    frozenScope: one.row.scope,
    changed: one.seen !== undefined && one.seen.hash !== one.row.hash,
    definition: one.seen?.definition,
  };
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
