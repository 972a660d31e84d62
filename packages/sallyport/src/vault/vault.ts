import { setTimeout as delay } from "node:timers/promises";
import { type Principal, parseChallenges, randomToken, type System } from "@sallyport/auth";
import type { UpstreamRefusal } from "../upstream/credentials/contract.js";
import { CredentialError, type CredentialReason } from "../upstream/credentials/credential-error.js";
import type { ConnectNeeded, UserCredentialSource, UserToken } from "../upstream/credentials/user-credentials.js";
import { ConnectionError, type ConnectionReason } from "./connection-error.js";
import type { Connection, ConnectionStore, ConnectionTokens } from "./contract.js";
import { HeldTokens } from "./held-tokens.js";
import type { Granted, TokenGiver } from "./provider.js";

export interface VaultOptions {
  readonly store: ConnectionStore;
  /** By name of the connection. */
  readonly providers: ReadonlyMap<string, TokenGiver>;
  /** The page of ours on which a person connects, without the scopes. */
  connectUrl(connection: string): string;
  /** Our own subject for a caller; `undefined` for one whom no account here belongs to. */
  personOf(principal: Principal): string | undefined | Promise<string | undefined>;
  readonly system: System;
  readonly limits?: Partial<VaultLimits>;
}

export interface VaultLimits {
  /** Milliseconds for which an opened token is used without a look at the store: so soon a disconnecting bites. Default 1,000. */
  readonly heldMs: number;
  /** Seconds before its end at which a token is refreshed. Default 60. */
  readonly aheadSeconds: number;
  /** Seconds for which one process may hold the right to refresh. Default 15. */
  readonly claimSeconds: number;
  /** Milliseconds between looks at the store while another process refreshes. Default 50. */
  readonly lookMs: number;
  /** People and connections whose opened tokens are held. Default 10,000. */
  readonly held: number;
}

const LIMITS: VaultLimits = { heldMs: 1_000, aheadSeconds: 60, claimSeconds: 15, lookMs: 50, held: 10_000 };

/** A token that lives no longer than this is not sent any more, in seconds: the call has to arrive. */
const LEAST_LIFE = 5;

/** How a failure at the other system is answered to the caller. */
const FAILURES: Readonly<Record<ConnectionReason, CredentialReason>> = {
  connection_unreachable: "credential_unreachable",
  connection_garbage: "credential_garbage",
  connection_answer_refused: "credential_garbage",
  connection_denied: "credential_refused",
  connection_client_refused: "credential_refused",
  connection_ended: "credential_refused",
};

/** One question of one person about one connection. */
interface Asked {
  readonly sub: string;
  readonly connection: string;
  readonly provider: TokenGiver;
  /** A token that the other system does not take any more, though it has not ended. */
  readonly refused?: string;
}

type Answer = UserToken | ConnectNeeded;

/**
 * What people have connected, as credentials: opened for one person's calls, refreshed ahead of their end, by one process at a time. A
 * token is answered from memory for {@link VaultLimits.heldMs}; then the store is asked whether it is still there.
 */
export class Vault implements UserCredentialSource {
  readonly #limits: VaultLimits;
  readonly #held: HeldTokens;
  readonly #running = new Map<string, Promise<Answer>>();

  constructor(private readonly options: VaultOptions) {
    this.#limits = { ...LIMITS, ...options.limits };
    this.#held = new HeldTokens(options.system, this.#limits);
  }

  tokenFor(principal: Principal, connection: string): Answer | Promise<Answer> {
    const sub = this.options.personOf(principal);
    return sub instanceof Promise ? sub.then((late) => this.#of(late, connection)) : this.#of(sub, connection);
  }

  async refused(
    principal: Principal,
    connection: string,
    { token, ...refusal }: { readonly token: UserToken } & UpstreamRefusal,
  ): Promise<Answer | undefined> {
    const sub = await this.options.personOf(principal);
    const provider = this.options.providers.get(connection);
    if (sub === undefined || provider === undefined) return undefined;
    const wanted = wantedScopes(refusal, provider);
    if (wanted !== undefined) return wanted.length === 0 ? undefined : this.#needed(connection, "scope", wanted);
    if (refusal.status !== 401) return undefined;
    this.#held.forget({ sub, connection });
    // Who asks at the same time about the same refused token waits for the same refresh.
    await this.#running.get(keyOf(sub, connection))?.catch(() => {});
    return this.#once({ sub, connection, provider, refused: token.token });
  }

  /** Keeps what a person has just connected, in place of what was there; until `ends` at the most. */
  async connect(
    sub: string,
    connection: string,
    { tokens, scopes, ends }: Granted & { readonly ends?: number },
  ): Promise<void> {
    const { store, providers, system } = this.options;
    const now = system.now();
    const asked = providers.get(connection)?.scopes ?? [];
    const version = randomToken(system, 12);
    const row = { sub, connection, version, tokens, scopes: scopes ?? asked, created: now, updated: now };
    await store.save(ends === undefined ? row : { ...row, ends });
    this.#held.forget({ sub, connection });
  }

  /**
   * Takes it away first, then ends it at the other system as far as that lets us. `false`: nothing was connected, or nothing before
   * `createdBefore`.
   */
  async disconnect(sub: string, connection: string, createdBefore?: number): Promise<boolean> {
    const { store, providers } = this.options;
    const gone = await store.remove(sub, connection, createdBefore);
    this.#held.forget({ sub, connection });
    if (gone?.tokens !== undefined) {
      await providers
        .get(connection)
        ?.revoke(gone.tokens)
        .catch((error: unknown) => this.#warn("ended", connection, error));
    }
    return gone !== undefined;
  }

  /** Ends what of that name is over, for everybody: see `ConnectionStore.over`. */
  async endOver(connection: string): Promise<void> {
    const { store, system } = this.options;
    for (const sub of await store.over(connection, system.now())) await this.disconnect(sub, connection);
  }

  #of(sub: string | undefined, connection: string): Answer | Promise<Answer> {
    const provider = this.options.providers.get(connection);
    if (provider === undefined) throw new CredentialError("credential_refused", "no such connection is configured");
    if (sub === undefined) return this.#needed(connection, "missing");
    return this.#held.find({ sub, connection }) ?? this.#once({ sub, connection, provider });
  }

  #once(asked: Asked): Promise<Answer> {
    const key = keyOf(asked.sub, asked.connection);
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const looking = this.#look(asked).finally(() => this.#running.delete(key));
    this.#running.set(key, looking);
    return looking;
  }

  async #look(asked: Asked): Promise<Answer> {
    const { sub, connection, refused } = asked;
    const { system, store } = this.options;
    const giveUpMs = system.monotonicMs() + this.#limits.claimSeconds * 1_000;
    for (;;) {
      const found = await answered(store.find(sub, connection));
      if (found?.tokens === undefined) return this.#needed(connection, found === undefined ? "missing" : "ended");
      if (found.ends !== undefined && found.ends <= system.now()) {
        await this.disconnect(sub, connection, found.created + 1);
        return this.#needed(connection, "ended");
      }
      const { access_token, refresh_token } = found.tokens;
      const left = access_token === refused ? 0 : dueOf(found.tokens) - system.now();
      const lives = left > LEAST_LIFE;
      if (left > this.#limits.aheadSeconds || (lives && refresh_token === undefined)) return this.#keep(asked, found);
      if (refresh_token === undefined) return this.#end(found);
      const now = system.now();
      if (await answered(store.claim(found, now, now + this.#limits.claimSeconds))) {
        return this.#refresh(asked, { found, tokens: { ...found.tokens, refresh_token }, lives });
      }
      // Another process is at it. What still lives is good enough meanwhile.
      if (lives) return this.#keep(asked, found);
      if (system.monotonicMs() >= giveUpMs)
        throw new CredentialError("credential_timeout", "another process refreshes");
      await delay(this.#limits.lookMs);
    }
  }

  async #refresh(
    asked: Asked,
    {
      found,
      tokens: held,
      lives,
    }: {
      readonly found: Connection;
      readonly tokens: Parameters<TokenGiver["refresh"]>[0];
      readonly lives: boolean;
    },
  ): Promise<Answer> {
    const { connection, provider } = asked;
    const { store } = this.options;
    try {
      const { tokens, scopes = found.scopes } = await provider.refresh(held);
      const next = { ...found, ...this.#renewed(), tokens, scopes };
      if (await store.replace(found.version, next)) return this.#keep(asked, next);
      // Disconnected meanwhile: the new tokens are nobody's, and are ended where they came from.
      await provider.revoke(tokens).catch((error: unknown) => this.#warn("ended", connection, error));
      return this.#needed(connection, "missing");
    } catch (error) {
      if (error instanceof ConnectionError && error.reason === "connection_ended") return this.#end(found);
      await store.release(found).catch(() => {});
      this.#warn("refreshed", connection, error);
      if (lives) return this.#keep(asked, found);
      throw failure(error);
    }
  }

  #keep({ provider: { scheme } }: Asked, { sub, connection, version, tokens, ends }: Connection): Answer {
    if (tokens === undefined) return this.#needed(connection, "ended");
    const { access_token, id_token } = tokens;
    const expires = Math.min(dueOf(tokens), ends ?? Number.POSITIVE_INFINITY);
    const opened = { version, token: access_token, scheme, expires, ...(id_token && { id_token }) };
    return this.#held.keep({ sub, connection }, opened);
  }

  /** The row stays, without tokens, so that the person is told what happened. */
  async #end(found: Connection): Promise<ConnectNeeded> {
    this.#held.forget(found);
    await answered(this.options.store.replace(found.version, { ...found, ...this.#renewed(), tokens: undefined }));
    return this.#needed(found.connection, "ended");
  }

  #renewed(): Pick<Connection, "version" | "updated"> {
    const { system } = this.options;
    return { version: randomToken(system, 12), updated: system.now() };
  }

  #needed(connection: string, why: ConnectNeeded["why"], scopes: readonly string[] = []): ConnectNeeded {
    const query = scopes.length === 0 ? "" : `?${new URLSearchParams({ scope: scopes.join(" ") })}`;
    return { connectUrl: this.options.connectUrl(connection) + query, why };
  }

  #warn(what: "ended" | "refreshed", connection: string, error: unknown): void {
    this.options.system.log("warn", `a connection was not ${what}`, { connection, error: String(error) });
  }
}

/** When a refresh is due at the latest: with the first of the tokens that can be renewed. */
function dueOf({ expires = Number.POSITIVE_INFINITY, refresh_token, id_token }: ConnectionTokens): number {
  return refresh_token === undefined ? expires : Math.min(expires, id_token?.expires ?? Number.POSITIVE_INFINITY);
}

function keyOf(sub: string, connection: string): string {
  return `${sub} ${connection}`;
}

/** A store that cannot answer is no reason to send anything, nor to say that nothing is connected. */
async function answered<T>(asking: Promise<T>): Promise<T> {
  try {
    return await asking;
  } catch (error) {
    throw new CredentialError("credential_overloaded", String(error), { retryAfter: 1, cause: error });
  }
}

/** RFC 6750 §3.1: the scopes that the other system misses, as far as they may be asked for; `undefined`: it is not about scopes. */
function wantedScopes({ headers }: UpstreamRefusal, provider: TokenGiver): readonly string[] | undefined {
  const short = challengesOf(headers["www-authenticate"]).find(
    ({ parameters }) => parameters.error === "insufficient_scope",
  );
  if (short === undefined) return undefined;
  const askable = new Set([...provider.scopes, ...provider.moreScopes]);
  const wanted = (short.parameters.scope ?? "").split(" ").filter((scope) => askable.has(scope));
  return wanted.length === 0 ? [] : [...new Set([...provider.scopes, ...wanted])];
}

function challengesOf(field: string | readonly string[] | undefined) {
  try {
    return [field ?? []].flat().flatMap((text) => parseChallenges(text));
  } catch {
    // Not a challenge by the grammar: then it says nothing.
    return [];
  }
}

function failure(error: unknown): CredentialError {
  const reason = error instanceof ConnectionError ? FAILURES[error.reason] : "credential_garbage";
  return new CredentialError(reason, String(error), { cause: error });
}
