/** What is kept of a sign-in at the identity provider lies under this name, which no configured connection can have. */
export const SIGN_IN = "@sign-in";

/**
 * What one person has connected under their own name at another system: the tokens that it gave us for them. Times are integer seconds.
 * The tokens reach the store sealed, and a person's row is theirs alone: (`sub`, `connection`) is the key.
 */
export interface Connection {
  /** Our own subject; never one of the other system. */
  readonly sub: string;
  /** Its name in the configuration. */
  readonly connection: string;
  /** Random, new with every set of tokens: whoever replaces tokens says which. */
  readonly version: string;
  readonly tokens: ConnectionTokens | undefined;
  /** Scopes granted there, as far as it says. */
  readonly scopes: readonly string[];
  /** When the person connected, and when the tokens were last replaced. */
  readonly created: number;
  readonly updated: number;
  /** When it goes whatever the tokens say; `undefined`: it stays until somebody takes it away. */
  readonly ends?: number | undefined;
}

export interface ConnectionTokens {
  readonly access_token: string;
  readonly refresh_token: string | undefined;
  /** When the access token ends; `undefined`: it does not say. */
  readonly expires: number | undefined;
  /** Only of a sign-in. */
  readonly id_token?: { readonly token: string; readonly subject: string; readonly expires: number };
}

/** `tokens: undefined` means that the other system ended it: the row stays, so that the person is told so and not that nothing was there. */
export interface ConnectionStore {
  find(sub: string, connection: string): Promise<Connection | undefined>;
  list(sub: string): Promise<readonly Connection[]>;
  /** Adds or replaces, whatever was there. Durable before it resolves. */
  save(connection: Connection): Promise<void>;
  /**
   * Takes the right to refresh the tokens of `version` until `until`: `true` for one caller at a time, in one atomic step, and only while
   * that version is the current one. A caller that dies holds it no longer than that.
   */
  claim(
    key: { readonly sub: string; readonly connection: string; readonly version: string },
    now: number,
    until: number,
  ): Promise<boolean>;
  /** Gives that right back without new tokens. */
  release(key: { readonly sub: string; readonly connection: string; readonly version: string }): Promise<void>;
  /** Replaces exactly that version; `false`: it is not the current one any more (disconnected, connected anew), and nothing changes. */
  replace(version: string, next: Connection): Promise<boolean>;
  /** Takes it away and returns what it was, so that it can be ended at the other system. With `createdBefore` only what is older. */
  remove(sub: string, connection: string, createdBefore?: number): Promise<Connection | undefined>;
  /**
   * An operator's word: what of that name was connected before `createdBefore`, of `sub` or of everybody, is over from `now` on, under way
   * refreshes included. Announced as a change of those people, in the same transaction. Answers how many there were.
   */
  end(
    connection: string,
    which: { readonly sub?: string; readonly createdBefore?: number },
    now: number,
  ): Promise<number>;
  /** People whose row of that name is over: by its end, or because they are disabled. At most 100. */
  over(connection: string, now: number): Promise<readonly string[]>;
}
