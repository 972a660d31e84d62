import { describe, expect, test } from "vitest";
import { externalKey } from "../federation/external-grants.js";
import type { Identity, SignedIn, User } from "../sign-in/storage.js";
import { type DatabaseUnderTest, type Opened, useStore } from "./opened.contract.js";

const ISSUER = "https://login.example.com";

const newcomer = (sub: string): User => ({
  sub,
  name: `alice~${sub}`,
  roles: [],
  owner: false,
  disabled: false,
  password_hash: undefined,
  created: 1_800_000_000,
});

const identity = (change: Partial<Omit<Identity, "sub">> = {}): Omit<Identity, "sub"> => ({
  issuer: ISSUER,
  subject: "a1",
  name: "alice",
  roles: ["support"],
  roles_at: 1_800_000_000,
  ...change,
});

/** Every sentence of `IdentityStore` and `ExternalGrantStore` as a test. */
export function describeElsewhereStorage(database: DatabaseUnderTest): void {
  describe(`storage contract of people and callers from elsewhere: ${database.name}`, () => {
    const opened = useStore(database);
    describe("identities", () => describeIdentities(opened));
    describe("sessions of a provider", () => describeIdpSessions(opened));
    describe("external grants", () => describeExternalGrants(opened));
  });
}

function describeIdentities({ store, another }: Opened): void {
  test("the first sign-in makes the user, every later one finds it and says anew what is said of them", async () => {
    const { identities, users } = store();
    expect(await identities.signIn(identity(), newcomer("u1"))).toEqual(newcomer("u1"));
    const later = identity({ name: undefined, roles: [], roles_at: 1_800_000_100 });
    expect(await identities.signIn(later, newcomer("u2"))).toEqual(newcomer("u1"));
    expect(await users.list()).toEqual([newcomer("u1")]);
    expect(await identities.list("u1")).toEqual([{ ...later, sub: "u1" }]);
    expect(await identities.list("u2")).toEqual([]);
  });

  test.each([
    ["issuer", identity({ issuer: `${ISSUER}/` })],
    ["subject", identity({ subject: "A1" })],
  ])("another %s, byte for byte, is another person", async (_, other) => {
    const { identities, users } = store();
    await identities.signIn(identity(), newcomer("u1"));
    expect((await identities.signIn(other, newcomer("u2"))).sub).toBe("u2");
    expect(await users.list()).toHaveLength(2);
  });

  test("of two first sign-ins at once, in two processes, one makes the user", async () => {
    const stores = [store(), await another()];
    const signedIn = await Promise.all(
      Array.from({ length: 10 }, (_, index) => stores[index % 2]?.identities.signIn(identity(), newcomer(`u${index}`))),
    );
    expect(new Set(signedIn.map((user) => user?.sub)).size).toBe(1);
    expect(await store().users.list()).toHaveLength(1);
  });

  test("says who is disabled, and announces every sign-in", async () => {
    const { identities, users, feed } = store();
    await identities.signIn(identity(), newcomer("u1"));
    await users.update("u1", { disabled: true });
    expect(await identities.signIn(identity(), newcomer("u2"))).toMatchObject({ sub: "u1", disabled: true });
    const changes = await feed.since(0);
    expect(changes.map(({ kind, key }) => [kind, key])).toEqual([
      ["user", "u1"],
      ["user", "u1"],
      ["user", "u1"],
    ]);
  });
}

function describeIdpSessions({ store, another }: Opened): void {
  const from = (sid_hash: string | undefined, change: Partial<SignedIn> = {}) => ({ ...identity(change), sid_hash });
  const DAY = 86_400;

  test("a session of the provider leads to everybody who signed in from it, at every process", async () => {
    const { identities } = store();
    await identities.signIn(from("s1"), newcomer("u1"));
    await identities.signIn(from("s1"), newcomer("u2"));
    await identities.signIn(from("s2"), newcomer("u3"));
    await identities.signIn(from(undefined), newcomer("u4"));
    await identities.signIn(from("s1", { subject: "b2" }), newcomer("u5"));
    const elsewhere = (await another()).identities;
    const found = ["s1", "s2", "s3", "S1", ""].map((sid_hash) => elsewhere.ofSession(ISSUER, sid_hash));
    expect(await Promise.all(found)).toEqual([["u1", "u5"], ["u1"], [], [], []]);
    expect(await elsewhere.ofSession(`${ISSUER}/`, "s1")).toEqual([]);
  });

  test("who was signed out there, and when last, is known at every process, for an hour", async () => {
    const { identities } = store();
    await identities.signedOut(ISSUER, "h1", 100);
    await identities.signedOut(ISSUER, "h1", 90);
    await identities.signedOut(ISSUER, "h2", 100);
    await identities.signedOut(ISSUER, "h2", 200);
    const elsewhere = await another();
    const last = (issuer: string, who: string) => elsewhere.identities.lastSignOut(issuer, who);
    const asked = [last(ISSUER, "h1"), last(ISSUER, "h2"), last(ISSUER, "h3"), last(`${ISSUER}/`, "h1")];
    expect(await Promise.all(asked)).toEqual([100, 200, undefined, undefined]);
    await store().sweep(100 + 3_600);
    expect([await last(ISSUER, "h1"), await last(ISSUER, "h2")]).toEqual([undefined, 200]);
  });

  test("is forgotten 180 days after somebody last signed in from it", async () => {
    const s = store();
    const first = 1_800_000_000;
    await s.identities.signIn(from("s1"), newcomer("u1"));
    await s.identities.signIn(from("s2"), newcomer("u1"));
    await s.identities.signIn(from("s1", { roles_at: first + DAY }), newcomer("u1"));
    await s.sweep(first + 180 * DAY - 1);
    expect(await s.identities.ofSession(ISSUER, "s2")).toEqual(["u1"]);
    await s.sweep(first + 180 * DAY);
    expect(await s.identities.ofSession(ISSUER, "s2")).toEqual([]);
    expect(await s.identities.ofSession(ISSUER, "s1")).toEqual(["u1"]);
  });
}

function describeExternalGrants({ store, another }: Opened): void {
  const caller = { issuer: ISSUER, sub: "s1", client_id: "c1" };
  const fresh = (roles: readonly string[], roles_at: number, revoked_at?: number) => ({
    ...caller,
    roles,
    roles_at,
    revoked_at,
  });

  test("roles are those of the newest token, whatever the order in which tokens come", async () => {
    const { externalGrants } = store();
    expect(await externalGrants.observe({ ...caller, roles: ["a"], issued: 20 })).toEqual(fresh(["a"], 20));
    expect(await externalGrants.observe({ ...caller, roles: ["old"], issued: 10 })).toEqual(fresh(["a"], 20));
    expect(await externalGrants.observe({ ...caller, roles: ["same"], issued: 20 })).toEqual(fresh(["a"], 20));
    expect(await externalGrants.observe({ ...caller, roles: [], issued: 30 })).toEqual(fresh([], 30));
  });

  test("of many tokens seen at once in two processes the newest stays", async () => {
    const stores = [store(), await another()];
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        stores[index % 2]?.externalGrants.observe({ ...caller, roles: [`r${index}`], issued: index + 1 }),
      ),
    );
    expect(await store().externalGrants.observe({ ...caller, roles: [], issued: 0 })).toEqual(fresh(["r19"], 20));
  });

  test.each([
    ["this subject through this client", { sub: "s1", client_id: "c1" }, [100, undefined, undefined]],
    ["this subject", { sub: "s1" }, [100, 100, undefined]],
    ["this client", { client_id: "c1" }, [100, undefined, 100]],
    ["everybody of the issuer", {}, [100, 100, 100]],
  ])("ending %s ends no other, seen before or not", async (_, selector, ends) => {
    const { externalGrants } = store();
    const callers = [caller, { ...caller, client_id: "c2" }, { ...caller, sub: "s2" }];
    await externalGrants.observe({ ...caller, roles: [], issued: 50 });
    await externalGrants.revoke({ issuer: ISSUER, ...selector }, 100);
    const found = await Promise.all(callers.map((one) => externalGrants.observe({ ...one, roles: [], issued: 200 })));
    expect(found.map(({ revoked_at }) => revoked_at)).toEqual(ends);
    const foreign = { ...caller, issuer: "https://other.example" };
    expect((await externalGrants.observe({ ...foreign, roles: [], issued: 1 })).revoked_at).toBeUndefined();
  });

  test("ending counts the callers known, and is announced", async () => {
    const { externalGrants, feed } = store();
    expect(await externalGrants.revoke({ issuer: ISSUER, sub: "s1", client_id: "c1" }, 100)).toBe(0);
    await externalGrants.observe({ ...caller, roles: [], issued: 50 });
    await externalGrants.observe({ ...caller, client_id: "c2", roles: [], issued: 50 });
    expect(await externalGrants.revoke({ issuer: ISSUER, sub: "s1" }, 100)).toBe(2);
    expect((await feed.since(0)).map(({ kind, key }) => [kind, key])).toEqual([
      ["grant", externalKey(caller)],
      ["grant", externalKey({ issuer: ISSUER, sub: "s1" })],
    ]);
  });

  test("what was ended stays ended: an earlier end changes nothing", async () => {
    const { externalGrants } = store();
    await externalGrants.revoke(caller, 100);
    await externalGrants.revoke(caller, 50);
    expect((await externalGrants.observe({ ...caller, roles: [], issued: 200 })).revoked_at).toBe(100);
  });
}
