import { beforeEach, describe, expect, it } from "vitest";
import type { BrowserSession, Passkey, SignInStorage, User } from "../storage.js";
import { createMemorySignInStorage } from "./memory-storage.js";

const NOW = 1_800_000_000;

const testUser = (sub: string, change: Partial<User> = {}): User => ({
  sub,
  name: sub,
  roles: [],
  owner: false,
  disabled: false,
  password_hash: undefined,
  created: NOW,
  ...change,
});

const testPasskey = (id: string, change: Partial<Passkey> = {}): Passkey => ({
  id,
  public_key: "cHVibGlj",
  counter: 0,
  transports: ["internal"],
  label: "Phone",
  created: NOW,
  ...change,
});

const testBrowserSession = (change: Partial<BrowserSession> = {}): BrowserSession => ({
  sub: "alice",
  auth_time: NOW,
  purpose: "browser",
  pending_id: undefined,
  csrf_secret: "secret",
  expires: NOW + 600,
  ...change,
});

/* The sentences of `sign-in/storage.ts`, so that what the pages are tested on is what the databases do. */
describe("sign-in storage contract: memory", () => {
  let opened: SignInStorage;
  beforeEach(() => {
    opened = createMemorySignInStorage();
  });
  const store = () => opened;
  describe("users", () => describeUsers(store));
  describe("passkeys", () => describePasskeys(store));
  describe("entitlements", () => describeEntitlements(store));
  describe("browser sessions", () => describeBrowserSessions(store));
  describe("one-time codes", () => describeOneTimeCodes(store));
  describe("ceremonies", () => describeCeremonies(store));
});

function describeUsers(store: () => SignInStorage): void {
  it("are found by sub, and by name in NFKC and lower case", async () => {
    const zoe = testUser("u1", { name: "zoë", roles: ["support"], password_hash: "hash" });
    await store().users.add(zoe);
    expect(await store().users.find("u1")).toEqual(zoe);
    for (const name of ["zoë", "ZOË", "zoe\u0308"]) expect(await store().users.findByName(name)).toEqual(zoe);
    expect(await store().users.findByName("zoe")).toBeUndefined();
    expect(await store().users.find("zoë")).toBeUndefined();
    expect(await store().users.list()).toEqual([zoe]);
  });

  it("have names of their own, also when two are added at once", async () => {
    const added = await Promise.allSettled(
      ["u1", "u2"].map((sub) => store().users.add(testUser(sub, { name: "alice" }))),
    );
    expect(added.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(await store().users.list()).toHaveLength(1);
  });

  it("change only in what is named; undefined takes a password away", async () => {
    await store().users.add(testUser("u1", { roles: ["a"], password_hash: "hash", owner: true }));
    await store().users.update("u1", { disabled: true });
    expect(await store().users.find("u1")).toMatchObject({
      roles: ["a"],
      password_hash: "hash",
      disabled: true,
      owner: true,
    });
    await store().users.update("u1", { password_hash: undefined, roles: [] });
    expect(await store().users.find("u1")).toMatchObject({ roles: [], password_hash: undefined, disabled: true });
  });
}

function describePasskeys(store: () => SignInStorage): void {
  beforeEach(async () => {
    await store().users.add(testUser("alice"));
    await store().users.add(testUser("bob"));
  });

  it("belong to one person, and say whose they are", async () => {
    await store().users.addPasskey("alice", testPasskey("p1"));
    await expect(store().users.addPasskey("bob", testPasskey("p1"))).rejects.toThrow();
    expect(await store().users.findByPasskey("p1")).toEqual({ user: testUser("alice"), passkey: testPasskey("p1") });
    expect(await store().users.findByPasskey("p2")).toBeUndefined();
    expect(await store().users.passkeys("bob")).toEqual([]);
  });

  it("are removed by their own person only", async () => {
    await store().users.addPasskey("alice", testPasskey("p1"));
    await store().users.removePasskey("bob", "p1");
    expect(await store().users.passkeys("alice")).toEqual([testPasskey("p1")]);
    await store().users.removePasskey("alice", "p1");
    expect(await store().users.passkeys("alice")).toEqual([]);
  });

  it.each([
    [0, 0, true],
    [0, 1, true],
    [5, 6, true],
    [5, 5, false],
    [5, 4, false],
    [5, 0, false],
  ])("with the counter at %i that claim %i are used: %s", async (stored, claimed, used) => {
    await store().users.addPasskey("alice", testPasskey("p1", { counter: stored }));
    expect(await store().users.usePasskey("p1", claimed)).toBe(used);
    expect(await store().users.passkeys("alice")).toMatchObject([{ counter: used ? claimed : stored }]);
    expect(await store().users.usePasskey("p2", 9)).toBe(false);
  });

  it("that claim the same counter twice at once are used once", async () => {
    await store().users.addPasskey("alice", testPasskey("p1", { counter: 5 }));
    const used = await Promise.all([store().users.usePasskey("p1", 6), store().users.usePasskey("p1", 6)]);
    expect(used.sort()).toEqual([false, true]);
  });
}

function describeEntitlements(store: () => SignInStorage): void {
  it("are replaced per server, and nothing takes them away", async () => {
    await store().users.add(testUser("alice"));
    await store().entitlements.set("alice", "crm", ["mcp:read"]);
    await store().entitlements.set("alice", "wiki", ["mcp:read"]);
    await store().entitlements.set("alice", "crm", ["mcp:read", "mcp:write"]);
    expect(await store().entitlements.list("alice")).toEqual([
      { server: "crm", scopes: ["mcp:read", "mcp:write"] },
      { server: "wiki", scopes: ["mcp:read"] },
    ]);
    await store().entitlements.set("alice", "crm", []);
    expect(await store().entitlements.list("alice")).toEqual([{ server: "wiki", scopes: ["mcp:read"] }]);
    expect(await store().entitlements.list("bob")).toEqual([]);
  });
}

function describeBrowserSessions(store: () => SignInStorage): void {
  beforeEach(async () => {
    await store().users.add(testUser("alice"));
    await store().users.add(testUser("bob"));
  });

  it("are found until they expire", async () => {
    const session = testBrowserSession({ purpose: "flow", pending_id: "pending" });
    await store().browserSessions.save("h1", session);
    expect(await store().browserSessions.find("h1", NOW + 599)).toEqual(session);
    expect(await store().browserSessions.find("h1", NOW + 600)).toBeUndefined();
    expect(await store().browserSessions.find("h2", NOW)).toBeUndefined();
  });

  it("end one by one, and all of a person at once", async () => {
    for (const hash of ["h1", "h2", "h3"]) await store().browserSessions.save(hash, testBrowserSession());
    await store().browserSessions.save("h4", testBrowserSession({ sub: "bob" }));
    await store().browserSessions.end("h1");
    expect(await store().browserSessions.find("h1", NOW)).toBeUndefined();
    expect(await store().browserSessions.find("h2", NOW)).toBeDefined();
    await store().browserSessions.endAll("alice");
    expect(await store().browserSessions.find("h3", NOW)).toBeUndefined();
    expect(await store().browserSessions.find("h4", NOW)).toBeDefined();
  });
}

function describeOneTimeCodes(store: () => SignInStorage): void {
  const issue = (sub: string, code_hash: string, purpose: "owner" | "user" = "user") =>
    store().oneTimeCodes.issue({ purpose, sub, code_hash, expires: NOW + 600 });
  const redeem = (code_hash: string, now = NOW, purpose: "owner" | "user" = "user") =>
    store().oneTimeCodes.redeem(purpose, code_hash, now);
  beforeEach(async () => {
    await store().users.add(testUser("alice"));
    await store().users.add(testUser("bob"));
  });

  it("are right once, also when two redeem at once", async () => {
    await issue("alice", "h1");
    const results = await Promise.all([redeem("h1"), redeem("h1")]);
    expect(results.filter(({ status }) => status === "right")).toEqual([{ status: "right", sub: "alice" }]);
    expect(await redeem("h1")).toEqual({ status: "none" });
  });

  it("are good until they expire, for their purpose, and until replaced", async () => {
    await issue("alice", "h1");
    await issue("bob", "h2");
    expect((await redeem("h1", NOW + 600)).status).toBe("none");
    expect((await redeem("h1", NOW, "owner")).status).toBe("none");
    await issue("alice", "h3");
    expect((await redeem("h1")).status).toBe("wrong");
    expect(await redeem("h2")).toEqual({ status: "right", sub: "bob" });
    expect(await redeem("h3")).toEqual({ status: "right", sub: "alice" });
  });

  it("end after five wrong tries, also at once, and a new one begins again", async () => {
    await issue("alice", "h1", "owner");
    await Promise.all(Array.from({ length: 5 }, () => redeem("wrong", NOW, "owner")));
    expect((await redeem("h1", NOW, "owner")).status).toBe("locked");
    await issue("alice", "h2", "owner");
    expect((await redeem("h2", NOW, "owner")).status).toBe("right");
  });

  it("survive four wrong tries", async () => {
    await issue("alice", "h1", "owner");
    for (let count = 0; count < 4; count++) expect((await redeem("wrong", NOW, "owner")).status).toBe("wrong");
    expect((await redeem("h1", NOW, "owner")).status).toBe("right");
  });
}

function describeCeremonies(store: () => SignInStorage): void {
  it("are consumed once, also by two at once, and not when they are late", async () => {
    await store().users.add(testUser("alice"));
    await store().ceremonies.save("c1", { challenge: "challenge", sub: "alice", expires: NOW + 600 });
    await store().ceremonies.save("c2", { challenge: "challenge", sub: undefined, expires: NOW + 600 });
    await store().ceremonies.save("c3", { challenge: "challenge", sub: undefined, expires: NOW + 600 });
    const both = await Promise.all([store().ceremonies.consume("c1", NOW), store().ceremonies.consume("c1", NOW)]);
    expect(both.filter((found) => found !== undefined)).toEqual([{ challenge: "challenge", sub: "alice" }]);
    expect(await store().ceremonies.consume("c2", NOW + 599)).toEqual({ challenge: "challenge", sub: undefined });
    expect(await store().ceremonies.consume("c3", NOW + 600)).toBeUndefined();
    expect(await store().ceremonies.consume("c4", NOW)).toBeUndefined();
  });
}
