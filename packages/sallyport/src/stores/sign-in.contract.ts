import { beforeEach, describe, expect, test } from "vitest";
import type { BrowserSession, OneTimeCodeStore, Passkey, User } from "../sign-in/storage.js";
import { type DatabaseUnderTest, type Opened, useStore } from "./opened.contract.js";

const NOW = 1_800_000_000;

const user = (change: Partial<User> = {}): User => ({
  sub: "u1",
  name: "ada",
  roles: ["support"],
  owner: false,
  disabled: false,
  password_hash: undefined,
  created: NOW,
  ...change,
});

const passkey = (change: Partial<Passkey> = {}): Passkey => ({
  id: "credential",
  public_key: "cose",
  counter: 0,
  transports: ["internal", "hybrid"],
  label: "Laptop",
  created: NOW,
  ...change,
});

/** Every sentence of `sign-in/storage.ts` as a test. */
export function describeSignInStorage(database: DatabaseUnderTest): void {
  describe(`sign-in storage contract: ${database.name}`, () => {
    const opened = useStore(database);
    describe("users", () => describeUsers(opened));
    describe("passkeys", () => describePasskeys(opened));
    describe("entitlements", () => describeEntitlements(opened));
    describe("browser sessions", () => describeBrowserSessions(opened));
    describe("one-time codes", () => describeOneTimeCodes(opened));
    describe("ceremonies", () => describeCeremonies(opened));
  });
}

function describeUsers({ store, another }: Opened): void {
  test.each([user(), user({ owner: true, disabled: true, password_hash: "$argon2id$", roles: [], name: "Ägir" })])(
    "a user comes back as added: %j",
    async (added) => {
      await store().users.add(added);
      expect(await store().users.find("u1")).toEqual(added);
      expect(await store().users.findByName(added.name)).toEqual(added);
      expect(await store().users.list()).toEqual([added]);
      expect(await store().users.find("other")).toBeUndefined();
    },
  );

  test.each([
    ["ada", "ADA"],
    ["Ada", "ada"],
    ["ada", "ａｄａ"],
    ["ÅSA", "Åsa"],
  ])("%j and %j are one name (NFKC, lower case)", async (one, other) => {
    await store().users.add(user({ name: one }));
    expect((await store().users.findByName(other))?.name).toBe(one);
    await expect(store().users.add(user({ sub: "u2", name: other }))).rejects.toThrow(/exists/);
    expect(await store().users.list()).toHaveLength(1);
  });

  test("of several additions of one name at once, in two processes, one succeeds", async () => {
    const second = await another();
    const added = await Promise.allSettled(
      Array.from({ length: 6 }, (_, i) => (i % 2 ? second : store()).users.add(user({ sub: `u${i}` }))),
    );
    expect(added.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  test("an update changes what it names and nothing else", async () => {
    await store().users.add(user());
    await store().users.update("u1", { password_hash: "$argon2id$" });
    await store().users.update("u1", { roles: ["finance"] });
    await store().users.update("u1", { name: "Lovelace" });
    expect(await store().users.find("u1")).toEqual(
      user({ password_hash: "$argon2id$", roles: ["finance"], name: "Lovelace" }),
    );
    expect(await store().users.findByName("ada")).toBeUndefined();
  });

  test("a name that another user has, and a user that is not there, refuse an update", async () => {
    await store().users.add(user());
    await store().users.add(user({ sub: "u2", name: "grace" }));
    await expect(store().users.update("u2", { name: "ADA" })).rejects.toThrow(/exists/);
    await expect(store().users.update("u9", { disabled: true })).rejects.toThrow();
    expect((await store().users.find("u2"))?.name).toBe("grace");
    await store().users.update("u2", { name: "GRACE" });
    expect((await store().users.find("u2"))?.name).toBe("GRACE");
  });

  test("disabling, enabling and a change of roles are announced; a password or a name is not", async () => {
    await store().users.add(user());
    for (const change of [{ password_hash: "x" }, { name: "a" }, { disabled: false }, { roles: ["support"] }]) {
      await store().users.update("u1", change);
    }
    expect(await store().feed.since(0)).toEqual([]);
    for (const change of [{ disabled: true }, { disabled: false }, { roles: ["a", "b"] }]) {
      await store().users.update("u1", change);
    }
    expect((await store().feed.since(0)).map(({ kind, key }) => [kind, key])).toEqual(Array(3).fill(["user", "u1"]));
  });

  test("a disabled user's browser sessions end at once", async () => {
    await store().users.add(user());
    await store().browserSessions.save("t", browserSession());
    await store().users.update("u1", { disabled: true });
    expect(await store().browserSessions.find("t", NOW)).toBeUndefined();
  });
}

function describePasskeys({ store, another }: Opened): void {
  beforeEach(async () => {
    await store().users.add(user());
    await store().users.add(user({ sub: "u2", name: "grace" }));
    await store().users.addPasskey("u1", passkey());
  });

  test("a passkey is found with its user", async () => {
    expect(await store().users.findByPasskey("credential")).toEqual({ user: user(), passkey: passkey() });
    expect(await store().users.findByPasskey("other")).toBeUndefined();
    expect(await store().users.passkeys("u1")).toEqual([passkey()]);
    expect(await store().users.passkeys("u2")).toEqual([]);
  });

  test("a credential id belongs to one user; an unknown user has none", async () => {
    await expect(store().users.addPasskey("u2", passkey())).rejects.toThrow();
    await expect(store().users.addPasskey("u9", passkey({ id: "new" }))).rejects.toThrow();
    expect((await store().users.findByPasskey("credential"))?.user.sub).toBe("u1");
  });

  test("a passkey is removed by its own user only", async () => {
    await store().users.removePasskey("u2", "credential");
    expect(await store().users.passkeys("u1")).toHaveLength(1);
    await store().users.removePasskey("u1", "credential");
    expect(await store().users.findByPasskey("credential")).toBeUndefined();
  });

  test.each([
    [0, 0, true],
    [0, 1, true],
    [7, 8, true],
    [7, 7, false],
    [7, 6, false],
    [7, 0, false],
  ])("a counter at %i that comes with %i: %s (WebAuthn §6.1.1)", async (before, counter, accepted) => {
    await store().users.addPasskey("u1", passkey({ id: "counted", counter: before }));
    expect(await store().users.usePasskey("counted", counter)).toBe(accepted);
    const [counted] = (await store().users.passkeys("u1")).filter(({ id }) => id === "counted");
    expect(counted?.counter).toBe(accepted ? counter : before);
  });

  test("of one counter used several times at once, in two processes, one is accepted", async () => {
    const second = await another();
    const used = await Promise.all(
      [1, 2, 3, 4].map((i) => (i % 2 ? second : store()).users.usePasskey("credential", 5)),
    );
    expect(used.filter(Boolean)).toHaveLength(1);
    expect(await store().users.usePasskey("unknown", 5)).toBe(false);
  });
}

function describeEntitlements({ store, system }: Opened): void {
  test("what is set replaces what was there, per server and user", async () => {
    const { entitlements } = store();
    await entitlements.set("u1", "crm", ["mcp:read"]);
    await entitlements.set("u1", "crm", ["mcp:read", "mcp:write"]);
    await entitlements.set("u1", "erp", ["mcp:read"]);
    await entitlements.set("u2", "crm", ["mcp:read"]);
    expect(await entitlements.list("u1")).toEqual([
      { server: "crm", scopes: ["mcp:read", "mcp:write"] },
      { server: "erp", scopes: ["mcp:read"] },
    ]);
    await entitlements.set("u1", "crm", []);
    expect(await entitlements.list("u1")).toEqual([{ server: "erp", scopes: ["mcp:read"] }]);
    expect(await entitlements.list("nobody")).toEqual([]);
  });

  test("each change is announced, with the time it was made", async () => {
    await store().entitlements.set("u1", "crm", ["mcp:read"]);
    system().advance(5);
    await store().entitlements.set("u1", "crm", []);
    expect(await store().feed.since(0)).toEqual([
      { seq: 1, kind: "user", key: "u1", at: NOW },
      { seq: 2, kind: "user", key: "u1", at: NOW + 5 },
    ]);
  });
}

const browserSession = (change: Partial<BrowserSession> = {}): BrowserSession => ({
  sub: "u1",
  auth_time: NOW - 1,
  purpose: "flow",
  pending_id: "pending",
  csrf_secret: "csrf",
  expires: NOW + 300,
  ...change,
});

function describeBrowserSessions({ store }: Opened): void {
  test.each([browserSession(), browserSession({ purpose: "account", pending_id: undefined })])(
    "one comes back as saved, until it expires: %j",
    async (session) => {
      await store().browserSessions.save("t", session);
      expect(await store().browserSessions.find("t", NOW + 299)).toEqual(session);
      expect(await store().browserSessions.find("t", NOW + 300)).toBeUndefined();
      expect(await store().browserSessions.find("other", NOW)).toBeUndefined();
    },
  );

  test("one ends alone, or all of a user end together", async () => {
    const { browserSessions } = store();
    for (const token of ["t1", "t2", "t3"]) await browserSessions.save(token, browserSession());
    await browserSessions.save("hers", browserSession({ sub: "u2" }));
    const live = async () => {
      const found = await Promise.all(["t1", "t2", "t3", "hers"].map((token) => browserSessions.find(token, NOW)));
      return found.map((session) => session !== undefined);
    };
    await browserSessions.end("t1");
    expect(await live()).toEqual([false, true, true, true]);
    await browserSessions.endAll("u1");
    expect(await live()).toEqual([false, false, false, true]);
  });

  test("those of a user end that were signed in before a moment, and no others", async () => {
    const { browserSessions } = store();
    await browserSessions.save("before", browserSession({ auth_time: NOW - 1 }));
    await browserSessions.save("then", browserSession({ auth_time: NOW }));
    await browserSessions.save("hers", browserSession({ sub: "u2", auth_time: NOW - 1 }));
    await browserSessions.endAll("u1", NOW);
    const found = await Promise.all(["before", "then", "hers"].map((token) => browserSessions.find(token, NOW)));
    expect(found.map((session) => session !== undefined)).toEqual([false, true, true]);
  });
}

function describeOneTimeCodes({ store, another }: Opened): void {
  const codes = () => store().oneTimeCodes;
  const issue = (change: Partial<Parameters<OneTimeCodeStore["issue"]>[0]> = {}) =>
    codes().issue({ purpose: "owner", sub: "u1", code_hash: "right", expires: NOW + 600, ...change });
  const wrong = async (times: number) => {
    for (let i = 0; i < times; i++) await codes().redeem("owner", "wrong", NOW);
  };

  test("the right code is right once", async () => {
    await issue();
    expect(await codes().redeem("owner", "right", NOW)).toEqual({ status: "right", sub: "u1" });
    expect(await codes().redeem("owner", "right", NOW)).toEqual({ status: "none" });
  });

  test("of several redemptions at once, in two processes, one is right", async () => {
    await issue();
    const second = await another();
    const tried = await Promise.all(
      Array.from({ length: 8 }, (_, i) => (i % 2 ? second : store()).oneTimeCodes.redeem("owner", "right", NOW)),
    );
    expect(tried.filter(({ status }) => status === "right")).toHaveLength(1);
  });

  test("a code of another purpose, an expired and an earlier one are not right", async () => {
    await issue({ code_hash: "earlier" });
    await issue();
    await issue({ purpose: "user", code_hash: "invitation" });
    expect(await codes().redeem("owner", "invitation", NOW)).toEqual({ status: "wrong" });
    expect(await codes().redeem("owner", "earlier", NOW)).toEqual({ status: "wrong" });
    expect(await codes().redeem("owner", "right", NOW + 600)).toEqual({ status: "none" });
    expect(await codes().redeem("owner", "right", NOW + 599)).toMatchObject({ status: "right" });
  });

  test("after five wrong tries even the right code is locked, until another is issued", async () => {
    await issue();
    await wrong(4);
    expect(await codes().redeem("owner", "wrong", NOW)).toEqual({ status: "wrong" });
    expect(await codes().redeem("owner", "right", NOW)).toEqual({ status: "locked" });
    await issue({ code_hash: "fresh" });
    expect(await codes().redeem("owner", "fresh", NOW)).toEqual({ status: "right", sub: "u1" });
  });

  test("after four wrong tries the right code still is right", async () => {
    await issue();
    await wrong(4);
    expect(await codes().redeem("owner", "right", NOW)).toMatchObject({ status: "right" });
  });

  test("wrong tries at once are all counted", async () => {
    await issue();
    const second = await another();
    await Promise.all([0, 1, 2, 3, 4].map((i) => (i % 2 ? second : store()).oneTimeCodes.redeem("owner", "x", NOW)));
    expect(await codes().redeem("owner", "right", NOW)).toEqual({ status: "locked" });
  });

  test("wrong tries end every live code of the purpose, and none of the other", async () => {
    await issue({ purpose: "user", sub: "u2", code_hash: "two" });
    await issue({ purpose: "user", sub: "u3", code_hash: "three" });
    await issue();
    for (let i = 0; i < 5; i++) await codes().redeem("user", "wrong", NOW);
    expect(await codes().redeem("user", "two", NOW)).toEqual({ status: "locked" });
    expect(await codes().redeem("user", "three", NOW)).toEqual({ status: "locked" });
    expect(await codes().redeem("owner", "right", NOW)).toMatchObject({ status: "right" });
  });

  test("without a live code there is none", async () => {
    expect(await codes().redeem("owner", "right", NOW)).toEqual({ status: "none" });
  });
}

function describeCeremonies({ store, another }: Opened): void {
  test.each(["u1", undefined])("one is consumed once (sub: %s)", async (sub) => {
    await store().ceremonies.save("c", { challenge: "challenge", sub, expires: NOW + 60 });
    expect(await store().ceremonies.consume("c", NOW + 59)).toEqual({ challenge: "challenge", sub });
    expect(await store().ceremonies.consume("c", NOW + 59)).toBeUndefined();
  });

  test("an expired one is gone", async () => {
    await store().ceremonies.save("c", { challenge: "challenge", sub: "u1", expires: NOW + 60 });
    expect(await store().ceremonies.consume("c", NOW + 60)).toBeUndefined();
  });

  test("of several at once, in two processes, one gets it", async () => {
    const second = await another();
    await store().ceremonies.save("c", { challenge: "challenge", sub: "u1", expires: NOW + 60 });
    const taken = await Promise.all(
      Array.from({ length: 8 }, (_, i) => (i % 2 ? second : store()).ceremonies.consume("c", NOW)),
    );
    expect(taken.filter((ceremony) => ceremony !== undefined)).toHaveLength(1);
  });
}
