import type { System } from "@sallyport/auth";
import type { UpstreamError } from "../upstream/upstream.js";

/** How long an answer of the key store is good for, in milliseconds. */
const KEYS_MS = 5_000;

export interface ReadinessOptions {
  readonly system: Pick<System, "monotonicMs">;
  /** How long ago the store last answered, and the age from which calls are refused (milliseconds). */
  readonly store: { silentMs(): number; readonly boundMs: number };
  /** Why the decision log takes nothing, where calls are refused then; else `undefined`. */
  logFailure(): string | undefined;
  /** Opens the key that signs tokens. Rejects where there is none. */
  loadKey(): Promise<unknown>;
  /** Names of servers, as people read them. */
  readonly servers: readonly string[];
}

export interface ServerHealth {
  /** By the last request that went there; `unknown`: none has yet. */
  readonly upstream: "reachable" | "failing" | "unknown";
  readonly error?: UpstreamError["kind"];
  readonly secondsAgo?: number;
}

export interface Health {
  readonly ready: boolean;
  /** In words, and without names of machines. Empty where all is well. */
  readonly reasons: readonly string[];
  readonly servers: Readonly<Record<string, ServerHealth>>;
}

/**
 * Can calls be served? The store must have been heard within its bound, the log must take records, and the signing key must open: without any of
 * them every call is refused. A server behind that does not answer is told, and does not make this process unready: every replica has the same
 * servers behind it, so taking one away would help nobody, and callers get an answer that names the side that failed.
 */
export class Readiness {
  readonly #upstreams = new Map<string, { readonly error: UpstreamError["kind"] | undefined; readonly at: number }>();
  #keys: { problem: string | undefined; at: number; asking: boolean };

  constructor(private readonly options: ReadinessOptions) {
    this.#keys = { problem: "the signing key has not been loaded", at: Number.NEGATIVE_INFINITY, asking: false };
  }

  /** Resolves when it is known whether the key opens. Never rejects. */
  async start(): Promise<void> {
    await this.#askKeys();
  }

  /** What became of a request to the server behind. A full house is reachable. */
  upstreamAnswered(server: string, error: UpstreamError["kind"] | undefined): void {
    const failed = error === "overloaded" ? undefined : error;
    this.#upstreams.set(server, { error: failed, at: this.options.system.monotonicMs() });
  }

  /** At once, from memory: it is asked without credentials, as often as anybody likes. */
  read(): Health {
    const { system, store, logFailure, servers } = this.options;
    const now = system.monotonicMs();
    if (now - this.#keys.at > KEYS_MS) void this.#askKeys();
    const silent = store.silentMs();
    const log = logFailure();
    const reasons = [
      ...(silent <= store.boundMs ? [] : [`the store has not answered for ${secondsOf(silent)}`]),
      ...(log === undefined ? [] : [`the decision log cannot be written: ${log}`]),
      ...(this.#keys.problem === undefined ? [] : [this.#keys.problem]),
    ];
    return {
      ready: reasons.length === 0,
      reasons,
      servers: Object.fromEntries(servers.map((server) => [server, this.#healthOf(server, now)])),
    };
  }

  #healthOf(server: string, now: number): ServerHealth {
    const last = this.#upstreams.get(server);
    if (last === undefined) return { upstream: "unknown" };
    const secondsAgo = Math.round((now - last.at) / 1000);
    if (last.error === undefined) return { upstream: "reachable", secondsAgo };
    return { upstream: "failing", error: last.error, secondsAgo };
  }

  async #askKeys(): Promise<void> {
    const { system, loadKey } = this.options;
    if (this.#keys.asking) return;
    this.#keys = { ...this.#keys, asking: true };
    let problem: string | undefined;
    try {
      await loadKey();
    } catch {
      problem = "the signing key cannot be opened";
    }
    this.#keys = { problem, at: system.monotonicMs(), asking: false };
  }
}

function secondsOf(milliseconds: number): string {
  return Number.isFinite(milliseconds) ? `${Math.round(milliseconds / 1000)} s` : "any time since the start";
}
