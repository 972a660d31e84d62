import { randomToken, type System } from "@sallyport/auth";
import { createCode, hashCode } from "./code.js";
import type { SignInStorage, User } from "./storage.js";
import { normaliseUserName, userNameProblem } from "./user-name.js";

/** Seconds. The owner's code is used at once; an invitation has to reach somebody. */
const CODE_LIFETIMES = { owner: 600, user: 24 * 3600 } as const;

/** A one-time code to show once, to one person. */
export interface IssuedCode {
  readonly code: string;
  readonly expires: number;
}

export interface UserSummary extends Omit<User, "password_hash"> {
  readonly password: boolean;
  readonly passkeys: number;
  readonly entitlements: readonly { readonly server: string; readonly scopes: readonly string[] }[];
}

/** What the operator does with people. Names that do not exist are errors; every change is durable before it resolves. */
export interface Users {
  /** Makes the owner when there is none. An earlier owner's code stops working. */
  createOwnerCode(): Promise<IssuedCode>;
  /** Invitation or reset; an earlier code of that person stops working. */
  createUserCode(sub: string): Promise<IssuedCode>;
  addUser(name: string, roles?: readonly string[]): Promise<{ readonly user: User; readonly code: IssuedCode }>;
  /** Ends their browser sessions; the change feed ends their tokens. */
  disableUser(name: string): Promise<void>;
  enableUser(name: string): Promise<void>;
  /** Replaces the roles given here; those from an identity provider are theirs. */
  setRoles(name: string, roles: readonly string[]): Promise<void>;
  /** Takes password and passkeys away, ends browser sessions, makes a new code. */
  resetUser(name: string): Promise<IssuedCode>;
  /** Replaces what the person may be granted on `server` beyond the configuration; `[]` takes it away. */
  allow(name: string, server: string, scopes: readonly string[]): Promise<void>;
  listUsers(): Promise<readonly UserSummary[]>;
  /** By name; `undefined`: there is none. */
  findUser(name: string): Promise<UserSummary | undefined>;
}

export function createUsers(storage: SignInStorage, system: System): Users {
  const issue = (purpose: "owner" | "user", sub: string) => issueCode({ storage, system }, purpose, sub);
  const named = (name: string) => findNamed(storage, name);
  return {
    createOwnerCode: async () => issue("owner", (await findOrAddOwner(storage, system)).sub),
    createUserCode: (sub) => issue("user", sub),
    addUser: async (name, roles = []) => {
      const problem = userNameProblem(name);
      if (problem !== undefined) throw new TypeError(`${problem} Got ${JSON.stringify(name)}.`);
      const user = newUser(system, { name, roles, owner: false });
      const taken = await storage.users.findByName(user.name);
      if (taken !== undefined) throw new TypeError(`There is a user ${JSON.stringify(user.name)} already.`);
      await storage.users.add(user);
      return { user, code: await issue("user", user.sub) };
    },
    disableUser: async (name) => {
      const { sub } = await named(name);
      await storage.users.update(sub, { disabled: true });
      await storage.browserSessions.endAll(sub);
    },
    enableUser: async (name) => {
      await storage.users.update((await named(name)).sub, { disabled: false });
    },
    setRoles: async (name, roles) => {
      const empty = roles.find((role) => role.trim() === "");
      if (empty !== undefined) throw new TypeError("A role has a name.");
      await storage.users.update((await named(name)).sub, { roles: [...new Set(roles)] });
    },
    resetUser: async (name) => {
      const { sub, owner } = await named(name);
      await storage.users.update(sub, { password_hash: undefined });
      for (const { id } of await storage.users.passkeys(sub)) await storage.users.removePasskey(sub, id);
      await storage.browserSessions.endAll(sub);
      return issue(owner ? "owner" : "user", sub);
    },
    allow: async (name, server, scopes) => {
      await storage.entitlements.set((await named(name)).sub, server, scopes);
    },
    findUser: async (name) => {
      const user = await storage.users.findByName(normaliseUserName(name));
      return user && summarise(storage, user);
    },
    listUsers: async () => Promise.all((await storage.users.list()).map((user) => summarise(storage, user))),
  };
}

async function issueCode(
  { storage, system }: { readonly storage: SignInStorage; readonly system: System },
  purpose: "owner" | "user",
  sub: string,
): Promise<IssuedCode> {
  const code = createCode(purpose, system);
  const expires = system.now() + CODE_LIFETIMES[purpose];
  await storage.oneTimeCodes.issue({ purpose, sub, code_hash: hashCode(code), expires });
  return { code, expires };
}

async function findOrAddOwner(storage: SignInStorage, system: System): Promise<User> {
  const owner = (await storage.users.list()).find((user) => user.owner);
  if (owner !== undefined) return owner;
  const added = newUser(system, { name: "owner", roles: [], owner: true });
  await storage.users.add(added);
  return added;
}

/** A user record as it begins. Does NOT check the name. */
export function newUser(system: System, { name, roles, owner }: Pick<User, "name" | "roles" | "owner">): User {
  return {
    sub: randomToken(system, 16),
    name: normaliseUserName(name),
    roles,
    owner,
    disabled: false,
    password_hash: undefined,
    created: system.now(),
  };
}

async function findNamed(storage: SignInStorage, name: string): Promise<User> {
  const user = await storage.users.findByName(normaliseUserName(name));
  if (user === undefined) throw new TypeError(`There is no user ${JSON.stringify(name)}.`);
  return user;
}

async function summarise(storage: SignInStorage, user: User): Promise<UserSummary> {
  const { password_hash, ...rest } = user;
  return {
    ...rest,
    password: password_hash !== undefined,
    passkeys: (await storage.users.passkeys(user.sub)).length,
    entitlements: await storage.entitlements.list(user.sub),
  };
}
