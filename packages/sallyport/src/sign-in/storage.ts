/*
 * What sign-in, the account page and the operator's `user` commands ask of a store. Times are integer seconds, hashes base64url SHA-256.
 * Consuming methods are one atomic step. Everything is durable before it resolves.
 */

export interface Passkey {
  /** base64url credential id. */
  readonly id: string;
  /** base64url COSE public key. */
  readonly public_key: string;
  readonly counter: number;
  readonly transports: readonly string[];
  readonly label: string;
  readonly created: number;
}

export interface User {
  /** Random, stable, never reused: the `sub` of tokens. */
  readonly sub: string;
  /** What the person types to sign in; unique, compared in NFKC and lower case. */
  readonly name: string;
  readonly roles: readonly string[];
  /** The owner of a `protect` installation is entitled to everything. */
  readonly owner: boolean;
  readonly disabled: boolean;
  /** argon2id in PHC form; `undefined`: no password yet. */
  readonly password_hash: string | undefined;
  readonly created: number;
}

export interface UserStore {
  find(sub: string): Promise<User | undefined>;
  findByName(name: string): Promise<User | undefined>;
  findByPasskey(id: string): Promise<{ readonly user: User; readonly passkey: Passkey } | undefined>;
  list(): Promise<readonly User[]>;
  /** Refuses a name that exists. */
  add(user: User): Promise<void>;
  /** Disabling a user and changing roles are announced through the revocation feed. */
  update(sub: string, change: Partial<Pick<User, "roles" | "disabled" | "password_hash" | "name">>): Promise<void>;
  passkeys(sub: string): Promise<readonly Passkey[]>;
  addPasskey(sub: string, passkey: Passkey): Promise<void>;
  removePasskey(sub: string, id: string): Promise<void>;
  /** Atomic: stores the new counter only if it is greater, or both are 0; `false` = a cloned key. */
  usePasskey(id: string, counter: number): Promise<boolean>;
}

/** Who a user is at an identity provider. (`issuer`, `subject`) is the key, byte for byte; names and mail addresses never are. */
export interface Identity {
  readonly issuer: string;
  readonly subject: string;
  readonly sub: string;
  /** What the provider calls them, for people to read. */
  readonly name: string | undefined;
  /** Roles here, as of the last sign-in. */
  readonly roles: readonly string[];
  /** When that was; older ones than the configured age do not count. */
  readonly roles_at: number;
}

export interface IdentityStore {
  /**
   * Somebody has signed in elsewhere. Known: stores name, roles and time. Unknown: adds `newcomer` and the identity, in one atomic step, so that
   * two first sign-ins at once make one user. From which session of the provider is remembered for 180 days. Always announced through the revocation feed. Answers the user, who may be disabled.
   */
  signIn(identity: SignedIn, newcomer: User): Promise<User>;
  /** The user behind (issuer, subject); `undefined`: never seen. */
  find(issuer: string, subject: string): Promise<string | undefined>;
  /** Everybody who signed in from that session of the provider; mostly one. Empty: it is not known. */
  ofSession(issuer: string, sid_hash: string): Promise<readonly string[]>;
  /** The provider says that the session or the person behind `who_hash` was signed out at `at`. The latest counts, and is kept for an hour at least. */
  signedOut(issuer: string, who_hash: string, at: number): Promise<void>;
  /** When it said so last; `undefined`: not within the last hour. */
  lastSignOut(issuer: string, who_hash: string): Promise<number | undefined>;
  /** Of one user. */
  list(sub: string): Promise<readonly Identity[]>;
}

/** What a provider says at one sign-in. */
export interface SignedIn extends Omit<Identity, "sub"> {
  /** SHA-256 of the provider's own session (`sid`), where it names one. */
  readonly sid_hash?: string | undefined;
}

/** Scopes that a user may be granted on a server beyond what the configuration says (`sallyport user allow`). */
export interface EntitlementStore {
  list(sub: string): Promise<readonly { readonly server: string; readonly scopes: readonly string[] }[]>;
  /** Replaces what the user may have on that server; `[]` removes. Announced through the revocation feed. */
  set(sub: string, server: string, scopes: readonly string[]): Promise<void>;
}

export interface BrowserSession {
  readonly sub: string;
  readonly auth_time: number;
  /** `flow`: ends with its authorization (loopback issuer); `account`: for /account; `browser`: ordinary, https issuer. */
  readonly purpose: "flow" | "account" | "browser";
  /** Only for `flow`: the pending authorization it serves. */
  readonly pending_id: string | undefined;
  readonly csrf_secret: string;
  readonly expires: number;
}

export interface BrowserSessionStore {
  save(token_hash: string, session: BrowserSession): Promise<void>;
  find(token_hash: string, now: number): Promise<BrowserSession | undefined>;
  end(token_hash: string): Promise<void>;
  /** All of the person, or those whose person proved who they are (`auth_time`) before that moment. */
  endAll(sub: string, signedInBefore?: number): Promise<void>;
}

export interface OneTimeCodeStore {
  /** Replaces an earlier code of the same purpose and subject (`owner`, or an invitation or reset of one user). */
  issue(code: {
    readonly purpose: "owner" | "user";
    readonly sub: string;
    readonly code_hash: string;
    readonly expires: number;
  }): Promise<void>;
  /**
   * Atomic: counts the try, and takes the code away when it is right. Five wrong tries end every live code of the purpose.
   * `locked` and `none` look the same to the person.
   */
  redeem(
    purpose: "owner" | "user",
    code_hash: string,
    now: number,
  ): Promise<{ readonly status: "right"; readonly sub: string } | { readonly status: "wrong" | "locked" | "none" }>;
}

/** State of a WebAuthn ceremony between its two requests, and the tickets of `sign-in/tickets.ts`; consumed once. */
export interface CeremonyStore {
  save(
    id: string,
    ceremony: { readonly challenge: string; readonly sub: string | undefined; readonly expires: number },
  ): Promise<void>;
  consume(
    id: string,
    now: number,
  ): Promise<{ readonly challenge: string; readonly sub: string | undefined } | undefined>;
}

export interface SignInStorage {
  readonly users: UserStore;
  readonly identities: IdentityStore;
  readonly entitlements: EntitlementStore;
  readonly browserSessions: BrowserSessionStore;
  readonly oneTimeCodes: OneTimeCodeStore;
  readonly ceremonies: CeremonyStore;
}
