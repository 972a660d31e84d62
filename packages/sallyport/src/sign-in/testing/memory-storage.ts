import type {
  BrowserSession,
  BrowserSessionStore,
  CeremonyStore,
  EntitlementStore,
  Identity,
  IdentityStore,
  OneTimeCodeStore,
  Passkey,
  SignInStorage,
  User,
  UserStore,
} from "../storage.js";
import { normaliseUserName } from "../user-name.js";

const TRIES = 5;

/** The contract of {@link SignInStorage} in memory, for tests: no await between looking and changing, so every step is atomic. */
export function createMemorySignInStorage(): SignInStorage {
  const users = createUsers();
  return {
    users,
    identities: createIdentities(users),
    entitlements: createEntitlements(),
    browserSessions: createBrowserSessions(),
    oneTimeCodes: createOneTimeCodes(),
    ceremonies: createCeremonies(),
  };
}

function createUsers(): UserStore {
  const users = new Map<string, User>();
  const passkeys = new Map<string, { readonly sub: string; readonly passkey: Passkey }>();
  const named = (name: string) =>
    [...users.values()].find((user) => normaliseUserName(user.name) === normaliseUserName(name));
  const must = (sub: string): User => {
    const user = users.get(sub);
    if (user === undefined) throw new Error("no such user");
    return user;
  };
  return {
    find: async (sub) => users.get(sub),
    findByName: async (name) => named(name),
    findByPasskey: async (id) => {
      const found = passkeys.get(id);
      return found === undefined ? undefined : { user: must(found.sub), passkey: found.passkey };
    },
    list: async () => [...users.values()],
    add: async (user) => {
      if (users.has(user.sub) || named(user.name) !== undefined) throw new Error("the user exists");
      users.set(user.sub, user);
    },
    update: async (sub, change) => {
      users.set(sub, { ...must(sub), ...change });
    },
    passkeys: async (sub) => [...passkeys.values()].filter((entry) => entry.sub === sub).map((entry) => entry.passkey),
    addPasskey: async (sub, passkey) => {
      if (passkeys.has(passkey.id)) throw new Error("the passkey exists");
      passkeys.set(passkey.id, { sub: must(sub).sub, passkey });
    },
    removePasskey: async (sub, id) => {
      if (passkeys.get(id)?.sub === sub) passkeys.delete(id);
    },
    usePasskey: async (id, counter) => {
      const found = passkeys.get(id);
      if (found === undefined) return false;
      const stored = found.passkey.counter;
      if (!(counter > stored || (counter === 0 && stored === 0))) return false;
      passkeys.set(id, { sub: found.sub, passkey: { ...found.passkey, counter } });
      return true;
    },
  };
}

function createIdentities(users: UserStore): IdentityStore {
  const identities = new Map<string, Identity>();
  const signing = new Map<string, Promise<User>>();
  const sessions = new Map<string, Set<string>>();
  const signOuts = new Map<string, number>();
  const signIn: IdentityStore["signIn"] = async ({ sid_hash, ...identity }, newcomer) => {
    const key = JSON.stringify([identity.issuer, identity.subject]);
    const known = identities.get(key);
    const sub = known?.sub ?? newcomer.sub;
    identities.set(key, { ...identity, sub });
    const session = JSON.stringify([identity.issuer, sid_hash]);
    if (sid_hash !== undefined) sessions.set(session, new Set([...(sessions.get(session) ?? []), sub]));
    if (known === undefined) await users.add(newcomer);
    return (await users.find(sub)) ?? newcomer;
  };
  return {
    signIn: (identity, newcomer) => {
      // One after the other: the second must see the user that the first has made.
      const before = signing.get(identity.subject) ?? Promise.resolve();
      const next = before.then(() => signIn(identity, newcomer));
      signing.set(identity.subject, next);
      return next;
    },
    find: async (issuer, subject) => identities.get(JSON.stringify([issuer, subject]))?.sub,
    ofSession: async (issuer, sid_hash) => [...(sessions.get(JSON.stringify([issuer, sid_hash])) ?? [])].sort(),
    signedOut: async (issuer, who_hash, at) => {
      const key = JSON.stringify([issuer, who_hash]);
      signOuts.set(key, Math.max(at, signOuts.get(key) ?? at));
    },
    lastSignOut: async (issuer, who_hash) => signOuts.get(JSON.stringify([issuer, who_hash])),
    list: async (sub) => [...identities.values()].filter((identity) => identity.sub === sub),
  };
}

function createEntitlements(): EntitlementStore {
  const entries = new Map<
    string,
    { readonly sub: string; readonly server: string; readonly scopes: readonly string[] }
  >();
  return {
    list: async (sub) =>
      [...entries.values()].filter((entry) => entry.sub === sub).map(({ server, scopes }) => ({ server, scopes })),
    set: async (sub, server, scopes) => {
      const key = JSON.stringify([sub, server]);
      if (scopes.length === 0) entries.delete(key);
      else entries.set(key, { sub, server, scopes });
    },
  };
}

function createBrowserSessions(): BrowserSessionStore {
  const sessions = new Map<string, BrowserSession>();
  return {
    save: async (token_hash, session) => {
      sessions.set(token_hash, session);
    },
    find: async (token_hash, now) => {
      const session = sessions.get(token_hash);
      return session !== undefined && session.expires > now ? session : undefined;
    },
    end: async (token_hash) => {
      sessions.delete(token_hash);
    },
    endAll: async (sub, signedInBefore = Number.POSITIVE_INFINITY) => {
      for (const [token_hash, session] of sessions) {
        if (session.sub === sub && session.auth_time < signedInBefore) sessions.delete(token_hash);
      }
    },
  };
}

function createOneTimeCodes(): OneTimeCodeStore {
  interface Code {
    readonly purpose: "owner" | "user";
    readonly sub: string;
    readonly code_hash: string;
    readonly expires: number;
    tries: number;
  }
  const codes = new Map<string, Code>();
  const key = (purpose: string, sub: string) => JSON.stringify([purpose, sub]);
  return {
    issue: async (code) => {
      codes.set(key(code.purpose, code.sub), { ...code, tries: 0 });
    },
    redeem: async (purpose, code_hash, now) => {
      const all = [...codes.values()].filter((code) => code.purpose === purpose && code.expires > now);
      const live = all.filter((code) => code.tries < TRIES);
      if (live.length === 0) return { status: all.length > 0 ? "locked" : "none" };
      const right = live.find((code) => code.code_hash === code_hash);
      if (right !== undefined) {
        codes.delete(key(purpose, right.sub));
        return { status: "right", sub: right.sub };
      }
      for (const code of live) code.tries += 1;
      return { status: "wrong" };
    },
  };
}

function createCeremonies(): CeremonyStore {
  const ceremonies = new Map<
    string,
    { readonly challenge: string; readonly sub: string | undefined; readonly expires: number }
  >();
  return {
    save: async (id, { challenge, sub, expires }) => {
      ceremonies.set(id, { challenge, sub, expires });
    },
    consume: async (id, now) => {
      const found = ceremonies.get(id);
      ceremonies.delete(id);
      return found !== undefined && found.expires > now ? { challenge: found.challenge, sub: found.sub } : undefined;
    },
  };
}
