import { type McpBody, McpError, type Principal, principalKey } from "@sallyport/auth";
import { RequestReader } from "./request-reader.js";

/** Sessions of one server whose requests are remembered; beyond it the one that was asked longest ago is forgotten. */
const MAX_SESSIONS = 10_000;

/** Requests remembered of one session, answered ones included; beyond it the oldest is forgotten. */
const MAX_IDS = 256;

/** A longer id is not remembered, so that a server cannot fill the memory with names. */
const MAX_ID_LENGTH = 256;

type State = "outstanding" | "answered";

/**
 * Which requests a server has sent to the client of a session, in the revisions in which servers send any (2025-03-26 to 2025-11-25): a client
 * may answer what it was asked, once, and nothing else. Ids of strings and of numbers are different (JSON-RPC 2.0 §5).
 *
 * An id that was answered stays answered: MCP (basic, "Requests") uses no id twice in a session, so when it comes again a stream is being
 * replayed. In memory: after a restart, in another process, and for what was forgotten, ids are unknown, which refuses.
 */
export class Outstanding {
  /** In the order in which they were last asked something. */
  readonly #sessions = new Map<string, Map<string | number, State>>();

  constructor(
    private readonly maxBytes: number,
    private readonly maxSessions = MAX_SESSIONS,
  ) {}

  /**
   * Reads one answer of the upstream to what was asked in the session `asked`, or which made the session `made`. `initialize` is answered before the client knows a session, and the session it makes may be asked
   * something (`ping`) at once. `undefined`: without a session nothing can be answered.
   */
  readerOf(
    principal: Principal,
    asked: string | undefined,
    { made, events }: { readonly made: unknown; readonly events: boolean },
  ): RequestReader | undefined {
    const session = asked ?? made;
    if (typeof session !== "string") return undefined;
    const key = keyOf(principal, session);
    return new RequestReader((id) => this.#note(key, id), { events, maxBytes: this.maxBytes });
  }

  /** Takes the responses of a body for the answers they are; all of them or none. @throws McpError 400 for one that nobody waits for. */
  answer(principal: Principal, session: string, { messages }: McpBody): void {
    const ids = messages.flatMap((message) => (message.type === "response" ? [message.id] : []));
    if (ids.length === 0) return;
    const states = this.#sessions.get(keyOf(principal, session));
    const awaited = new Set(ids).size === ids.length && ids.every((id) => states?.get(id) === "outstanding");
    if (!awaited) throw new McpError(400, -32600, "no such request is outstanding", { reason: "not_outstanding" });
    for (const id of ids) states?.set(id, "answered");
  }

  /** The gateway answers this request itself, and nobody else may. `false`: it was answered before, and is only told again. */
  settle(principal: Principal, session: string, id: string | number): boolean {
    const key = keyOf(principal, session);
    if (this.#sessions.get(key)?.get(id) === "answered") return false;
    this.#note(key, id);
    const states = this.#sessions.get(key);
    if (states?.has(id)) states.set(id, "answered");
    return true;
  }

  #note(key: string, id: string | number): void {
    if (typeof id === "string" && id.length > MAX_ID_LENGTH) return;
    const states = this.#sessions.get(key) ?? new Map<string | number, State>();
    this.#sessions.delete(key);
    this.#sessions.set(key, states);
    dropOldest(this.#sessions, this.maxSessions);
    if (states.has(id)) return;
    states.set(id, "outstanding");
    dropOldest(states, MAX_IDS);
  }
}

function keyOf(principal: Principal, session: string): string {
  return JSON.stringify([principalKey(principal), session]);
}

function dropOldest<K>(map: Map<K, unknown>, max: number): void {
  if (map.size <= max) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
