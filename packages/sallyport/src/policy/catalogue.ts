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
  /** It is not listed and cannot be called until somebody accepts it. */
  readonly quarantined: boolean;
  /** Accepting it would change something. */
  readonly waits: boolean;
  /** As last seen; `undefined` since the start. */
  readonly definition: JsonObject | undefined;
}

/**
 * Tool → scope, frozen at first sight by the server's own annotations (R-131: its word, so it is taken once and held against it later).
 * Answers from memory; what is new is kept in the store, and survives a restart.
 */
export interface Catalogue {
  /** `undefined` for a tool never seen, and for one in quarantine. */
  scopeOf(tool: string): string | undefined;
  /** It waits to be accepted and may not be used until then; where new tools have to be accepted, so does one never seen. */
  isQuarantined(tool: string): boolean;
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

/** What becomes of tools that nobody has accepted; `servers.*.tools`. */
export interface ToolHandling {
  /** One that differs from what was frozen or accepted needs `mcp:write`, or cannot be used. */
  readonly changed: "write" | "quarantine";
  /** One that was never accepted counts by its annotations, or cannot be used. */
  readonly new: "annotate" | "quarantine";
}

const DEFAULT_HANDLING: ToolHandling = { changed: "write", new: "annotate" };

/** Tools of one server. A server that invents names without end gets no further. */
const MAX_TOOLS = 10_000;
/** No hash: two definitions of one name in one list. Which of them a client reads is anyone's guess, so it never equals a frozen one. */
const AMBIGUOUS = "";

/** Loads what is known of `server`. @throws what the store throws: without the rows a restart would be a new first sight. */
export async function createCatalogue(options: {
  readonly server: string;
  readonly store: CatalogueStore;
  readonly system: System;
  /** Default: changed tools need `mcp:write`, new ones what their annotations say. */
  readonly handling?: ToolHandling;
}): Promise<Catalogue> {
  const { server, store, system, handling = DEFAULT_HANDLING } = options;
  const known = new Map<string, Known>();
  const learn = (rows: readonly CatalogueRow[]) => {
    for (const row of rows) known.set(row.tool, { row, seen: stillSeen(known.get(row.tool), row) });
  };
  learn(await store.load(server));
  let saving = Promise.resolve();
  const unsaved = new Map<string, CatalogueRow>();
  const unsavedSeen = new Map<string, string>();
  const brake = createBrake(system);
  const isUnsaved = () => unsaved.size > 0 || unsavedSeen.size > 0;
  const save = async () => {
    const rows = [...unsaved.values()];
    const seen = new Map(unsavedSeen);
    try {
      if (rows.length > 0) await store.freeze(server, rows);
      for (const { tool } of rows) unsaved.delete(tool);
      if (seen.size > 0) await store.observe(server, seen);
      for (const [tool, hash] of seen) if (unsavedSeen.get(tool) === hash) unsavedSeen.delete(tool);
      // Another process may have frozen the same tool first: its row is the one that holds.
      learn(await store.load(server));
    } catch (error) {
      system.log("error", "tool catalogue not saved; the next list tries again", { server, error: String(error) });
    }
  };
  return {
    scopeOf: (tool) => {
      const one = known.get(tool);
      return one === undefined || isQuarantined(one, handling) ? undefined : scopeNow(one);
    },
    isQuarantined: (tool) => {
      const one = known.get(tool);
      return one === undefined ? handling.new === "quarantine" : isQuarantined(one, handling);
    },
    inputSchemaOf: (tool) => {
      const schema = known.get(tool)?.seen?.definition.inputSchema;
      return isObject(schema) ? schema : undefined;
    },
    observe: (tools) => {
      for (const [tool, seen] of definitionsOf(tools, (name) => known.get(name)?.seen)) {
        const one = known.get(tool);
        if (one !== undefined) {
          one.seen = seen;
          if (seen.hash !== (one.row.seen ?? one.row.hash)) unsavedSeen.set(tool, seen.hash);
        } else if (known.size < MAX_TOOLS) {
          const row = firstSight(tool, seen, system.now());
          known.set(tool, { row, seen });
          unsaved.set(tool, row);
        }
      }
      if (isUnsaved())
        saving = saving.then(async () => {
          if (!isUnsaved()) return;
          await brake();
          await save();
        });
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
    entries: () => [...known].map(([tool, one]) => entryOf(tool, one, handling)),
    saved: () => saving,
  };
}

/** Saves of one server in a minute; after that one each second. */
const SAVES = 60;
const SAVES_MS = 60_000;
const BRAKE_MS = 1_000;

/** A server that says something else in every list must not keep the store busy with it. */
function createBrake(system: Pick<System, "monotonicMs">): () => Promise<void> {
  let since = system.monotonicMs();
  let saves = 0;
  return async () => {
    const now = system.monotonicMs();
    if (now - since >= SAVES_MS) [since, saves] = [now, 0];
    saves += 1;
    if (saves > SAVES) await new Promise((resolve) => setTimeout(resolve, BRAKE_MS).unref());
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

/** What was seen here says nothing any more once somebody, somewhere, has seen and accepted another definition. */
function stillSeen(before: Known | undefined, row: CatalogueRow): Seen | undefined {
  if (before === undefined || before.row.hash === row.hash || before.seen?.hash === row.hash) return before?.seen;
  return undefined;
}

function scopeNow(one: Known): string {
  return isChanged(one) ? WRITE : one.row.scope;
}

/** Here, or in another process that saw its list. */
function isChanged({ row, seen }: Known): boolean {
  return (seen !== undefined && seen.hash !== row.hash) || (row.seen !== undefined && row.seen !== row.hash);
}

function isQuarantined(one: Known, handling: ToolHandling): boolean {
  if (handling.new === "quarantine" && one.row.accepted === undefined) return true;
  return handling.changed === "quarantine" && isChanged(one);
}

function entryOf(tool: string, one: Known, handling: ToolHandling): CatalogueEntry {
  const changed = isChanged(one);
  const quarantined = isQuarantined(one, handling);
  return {
    tool,
    scope: scopeNow(one),
    frozenScope: one.row.scope,
    changed,
    quarantined,
    waits: changed || quarantined,
    definition: one.seen?.definition,
  };
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
