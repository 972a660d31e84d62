import { describe, expect, it } from "vitest";
import { createInstallation, PASSWORD, signInByPassword } from "./testing/installation.js";

describe("what the operator does with people", () => {
  it("makes one owner, whatever happens, and a new code each time", async () => {
    const { users } = createInstallation();
    const codes = [await users.createOwnerCode(), await users.createOwnerCode()];
    expect(codes[0]?.code).not.toBe(codes[1]?.code);
    expect(await users.listUsers()).toMatchObject([{ name: "owner", owner: true, password: false, passkeys: 0 }]);
  });

  it("adds people who have a day to use their invitation", async () => {
    const here = createInstallation();
    const { user, code } = await here.users.addUser(" Alice ", ["support"]);
    expect(user).toMatchObject({ name: "alice", roles: ["support"], owner: false, disabled: false });
    expect(code.expires).toBe(here.system.now() + 24 * 3600);
    here.system.advance(24 * 3600 - 1);
    const page = await here.browser.submit(await here.browser.get("/sign-in"), "/sign-in/code", { code: code.code });
    expect(page.location).toMatch(/^\/account\/set-up\?ticket=/);
  });

  it.each(["", "  ", "a b", "-a", "a\u202eb", "a/b", "x".repeat(65), "a\u0000", "<b>"])(
    "refuses the name %j",
    async (name) => {
      await expect(createInstallation().users.addUser(name)).rejects.toThrow(/^A user name .* Got "/);
    },
  );

  it.each(["zoë", "alice@example.com", "a.b_c-d+e", "李", "Ａｌｉｃｅ"])("takes the name %s", async (name) => {
    const { users } = createInstallation();
    await users.addUser(name);
    await expect(users.addUser(name.toUpperCase())).rejects.toThrow("already");
  });

  it("resets somebody: no password, no passkey, no browser session, a new code", async () => {
    const here = createInstallation({ publicUrl: "https://example.com" });
    await here.addPerson("bob");
    const { user, browser } = await here.addPerson("alice");
    const passkey = { id: "p", public_key: "x", counter: 0, transports: [], label: "Phone", created: 0 };
    await here.storage.users.addPasskey(user.sub, passkey);
    const { code } = await here.users.resetUser("ALICE");
    expect(await here.users.listUsers()).toMatchObject([
      { name: "bob", password: true },
      { name: "alice", password: false, passkeys: 0 },
    ]);
    expect(await here.currentUser(browser)).toBeInstanceOf(Response);
    expect((await signInByPassword(here.browser, "alice")).status).toBe(403);
    const page = await browser.submit(await browser.get("/sign-in"), "/sign-in/code", { code });
    await browser.submit(await browser.get(page.location), "/password", { password: PASSWORD });
    expect(await here.currentUser(browser)).toMatchObject({ sub: user.sub });
  });

  it("allows scopes per server, and takes them away", async () => {
    const { users } = createInstallation();
    await users.addUser("alice");
    await users.allow("alice", "crm", ["mcp:read", "mcp:write"]);
    expect(await users.listUsers()).toMatchObject([
      { entitlements: [{ server: "crm", scopes: ["mcp:read", "mcp:write"] }] },
    ]);
    await users.allow("alice", "crm", []);
    expect(await users.listUsers()).toMatchObject([{ entitlements: [] }]);
  });

  it("replaces roles, counts each once, and refuses one without a name", async () => {
    const { users } = createInstallation();
    await users.addUser("alice", ["support"]);
    await users.setRoles("Alice", ["finance", "finance"]);
    expect(await users.listUsers()).toMatchObject([{ roles: ["finance"] }]);
    await expect(users.setRoles("alice", ["ok", " "])).rejects.toThrow("A role has a name.");
    await users.setRoles("alice", []);
    expect(await users.listUsers()).toMatchObject([{ roles: [] }]);
    await expect(users.setRoles("bob", [])).rejects.toThrow('There is no user "bob".');
  });

  it("says which name does not exist, JSON-encoded, and lists no hashes", async () => {
    const here = createInstallation();
    await here.addPerson("alice");
    for (const act of [here.users.disableUser, here.users.enableUser, here.users.resetUser]) {
      await expect(act('b"ob')).rejects.toThrow('There is no user "b\\"ob".');
    }
    expect(JSON.stringify(await here.users.listUsers())).not.toContain("argon2");
  });
});
