import { createMemoryStorage } from "@sallyport/auth/testing";
import { describe, expect, it } from "vitest";
import { createAuthenticator } from "../sign-in/testing/authenticator.js";
import type { Page, TestBrowser } from "../sign-in/testing/browser.js";
import { createInstallation, PASSWORD, signInByPassword } from "../sign-in/testing/installation.js";
import { accountPages } from "./account.js";

const RESOURCE = "https://example.com/mcp";
const SCOPES = [
  { scope: "mcp:read", title: "Look at things", includes: [], tools: [] },
  { scope: "mcp:write", title: "Change things", includes: [], tools: [] },
];

function createAccounts(publicUrl = "https://example.com") {
  const grants = createMemoryStorage();
  const describeResource = async (resource: string) =>
    resource === RESOURCE ? { resource, name: "Everything", scopes: SCOPES, baseline: [] } : undefined;
  const here = createInstallation({ publicUrl }, accountPages({ storage: grants, describeResource }));
  const now = here.system.now();
  const addClient = (client_id: string, client_name: string, origin: "registered" | "configured" = "registered") =>
    grants.clients.add({
      metadata: { client_id, client_name } as never,
      origin,
      secret_hash: undefined,
      created: now,
      expires: undefined,
    });
  const addSession = async (
    id: string,
    sub: string,
    { client_id = "c1", resource = RESOURCE, scopes = ["mcp:read"] } = {},
  ) => {
    const grant = await grants.grants.widen({
      id: `g-${id}`,
      sub,
      client_id,
      resource,
      scopes,
      created: now,
      updated: now,
    });
    const session = {
      id,
      grant_id: grant.id,
      sub,
      client_id,
      resource,
      scopes,
      dpop_jkt: undefined,
      label: `Laptop ${id}`,
    };
    const times = { auth_time: now, created: now, last_used: now, idle_expires: now + 86_400, expires: now + 864_000 };
    await grants.sessions.create({ ...session, ...times, revoked: undefined }, `r-${id}`);
  };
  const live = async (sub: string) => (await grants.sessions.list(sub, here.system.now())).map(({ id }) => id).sort();
  return { ...here, grants, addClient, addSession, live };
}

/** The account page as it opens after signing in, when credentials may be changed. */
async function freshly(browser: TestBrowser): Promise<Page> {
  return browser.get((await signInByPassword(browser, "alice")).location);
}

/** Follows the redirect of a form and says what the page says. */
async function notice(browser: TestBrowser, sent: Page): Promise<string> {
  expect(sent.status).toBe(303);
  return /<p class="note" role="status">([^<]*)/.exec((await browser.get(sent.location)).html)?.[1] ?? "";
}

describe("/account", () => {
  it("is for who is signed in", async () => {
    const { browser } = createAccounts();
    expect((await browser.get("/account")).location).toBe("/sign-in?return_to=%2Faccount");
    for (const path of [
      "sessions/end",
      "clients/revoke",
      "revoke-all",
      "passkeys/add",
      "passkeys/remove",
      "password",
    ]) {
      expect((await browser.post(`/account/${path}`, {})).location).toBe("/sign-in?return_to=%2Faccount");
    }
  });

  it("says who may do what, where, and what is known about their names (R-80)", async () => {
    const here = createAccounts();
    const { user, browser } = await here.addPerson("alice");
    const domain = "https://client.example/oauth/metadata.json";
    await here.addClient("c1", "Totally <b>Claude</b>\u202e");
    await here.addClient("c2", "Company bot", "configured");
    await here.addSession("s1", user.sub, { scopes: ["mcp:read", "mcp:write", "odd:scope"] });
    await here.addSession("s2", user.sub, { client_id: "c2" });
    await here.addSession("s3", user.sub, { client_id: domain, resource: "https://example.com/gone" });
    await here.addSession("s4", user.sub, { client_id: "c4" });
    const call = { type: "mcp_call", tools: ["refund\u202e"], arguments: { note: "<i>\u200b" }, once: true } as const;
    const place = { locations: [RESOURCE], scope: "mcp:write" } as const;
    const [now, whose] = [here.system.now(), { sub: user.sub, client_id: "c1", resource: RESOURCE, scopes: [] }];
    const details = [
      { ...call, ...place, id: "d1", exp: now + 60 },
      { ...call, ...place, id: "d2", tools: ["over"], exp: now },
    ];
    await here.grants.grants.widen({ id: "any", ...whose, details, created: now, updated: now - 1 });
    const { html } = await browser.get("/account");
    expect(html).not.toContain("<code>over</code>");
    for (const text of [
      "Call <code>refund\\u202e</code> once",
      "<code>note &quot;&lt;i&gt;\\u200b&quot;</code> and no other arguments",
      "Totally &lt;b&gt;Claude&lt;/b&gt; ",
      "name not verified",
      "set up by the operator",
      "verified: client.example",
      "not registered any more",
      "Look at things",
      "Change things",
      "<li>odd:scope</li>",
      "https://example.com/gone",
      "Laptop s1",
    ]) {
      expect(html).toContain(text);
    }
    expect(html).not.toContain("\u202e");
  });

  it("says for whom a program acts that nobody agreed to, after those that somebody did, and when its session ends", async () => {
    const { addPerson, grants, addClient, addSession, system } = createAccounts();
    const { user, browser } = await addPerson("alice");
    const { sub } = user;
    await addClient("c1", "Editor");
    await addClient("agent", "Summarizer", "configured");
    await addSession("s1", sub);
    const now = system.now() + 5;
    const of = { grant_id: "g-s1", parent_id: "s1", sub, client_id: "agent", resource: RESOURCE, scopes: ["mcp:read"] };
    const times = { auth_time: now, created: now, last_used: now, idle_expires: now + 180, expires: now + 180 };
    const rest = { id: "s2", dpop_jkt: undefined, label: "Summarizer", revoked: undefined };
    await grants.sessions.create({ ...of, ...times, ...rest }, undefined);
    const { html } = await browser.get("/account");
    expect(html.replace(/\s+/g, " ")).toContain("It acts for “Editor”, with a part of what that may do.");
    expect(html.indexOf("Editor")).toBeLessThan(html.indexOf("Summarizer"));
    expect(html.match(/ unless it is used/g)).toHaveLength(1);
  });

  it("ends one session, one program, everything: before it says so", async () => {
    const here = createAccounts();
    const { user, browser } = await here.addPerson("alice");
    for (const id of ["s1", "s2", "s3", "s4"]) {
      await here.addSession(id, user.sub, { client_id: id === "s4" ? "c2" : id === "s3" ? "c3" : "c1" });
    }
    const ended = await browser.submit(await browser.get("/account"), "/sessions/end", { session_id: "s1" });
    expect(await here.live(user.sub)).toEqual(["s2", "s3", "s4"]);
    expect(await notice(browser, ended)).toBe("The session has ended.");
    const revoked = await browser.submit(await browser.get("/account"), "/clients/revoke", { client_id: "c1" });
    expect(await here.live(user.sub)).toEqual(["s3", "s4"]);
    expect((await here.grants.grants.list(user.sub)).map(({ client_id }) => client_id)).toEqual(["c3", "c2"]);
    expect(await notice(browser, revoked)).toBe("The program has no access any more.");
    await notice(browser, await browser.submit(await browser.get("/account"), "/revoke-all"));
    expect(await here.live(user.sub)).toEqual([]);
    expect(await here.grants.grants.list(user.sub)).toEqual([]);
  });

  it("says nothing of success when the store failed", async () => {
    const here = createAccounts();
    const { user, browser } = await here.addPerson("alice");
    await here.addSession("s1", user.sub);
    Object.assign(here.grants.sessions, { revoke: () => Promise.reject(new Error("disk is full")) });
    expect((await browser.submit(await browser.get("/account"), "/sessions/end", { session_id: "s1" })).status).toBe(
      500,
    );
  });

  it("ends nothing of other people, whatever id is sent (audit check resource-read-idor)", async () => {
    const here = createAccounts();
    const alice = await here.addPerson("alice");
    const bob = await here.addPerson("bob");
    await here.addSession("a1", alice.user.sub);
    await here.addSession("b1", bob.user.sub);
    await here.addSession("b2", bob.user.sub, { client_id: "c2" });
    const page = await bob.browser.get("/account");
    await bob.browser.submit(page, "/sessions/end", { session_id: "a1" });
    await bob.browser.submit(page, "/clients/revoke", { client_id: "c1" });
    await bob.browser.submit(page, "/revoke-all");
    expect(await here.live(alice.user.sub)).toEqual(["a1"]);
    expect(page.html).not.toContain("Laptop a1");
  });

  it.each(["sessions/end", "clients/revoke", "revoke-all", "passkeys/add", "passkeys/remove", "password"])(
    "POST %s wants the token of the page and its origin",
    async (path) => {
      const here = createAccounts();
      const { user, browser } = await here.addPerson("alice");
      await here.addSession("s1", user.sub);
      const csrf = /name="csrf" value="([^"]+)"/.exec((await browser.get("/account")).html)?.[1] ?? "";
      const fields = { session_id: "s1", client_id: "c1", password: PASSWORD };
      expect((await browser.post(`/account/${path}`, { ...fields, csrf: "x" })).status).toBe(403);
      expect(
        (await browser.post(`/account/${path}`, { ...fields, csrf }, { "sec-fetch-site": "same-site" })).status,
      ).toBe(403);
      expect(await here.live(user.sub)).toEqual(["s1"]);
    },
  );
});

describe("how one signs in", () => {
  const NEW = "another kettle is quiet";

  it("changes by a new password, which signs other browsers out and keeps this one and the programs", async () => {
    const here = createAccounts();
    const { user, browser } = await here.addPerson("alice");
    await here.addSession("s1", user.sub);
    const other = here.newBrowser();
    await signInByPassword(other, "alice");
    const short = await browser.submit(await freshly(browser), "/password", { password: "too short" });
    expect(short).toMatchObject({ status: 422, html: expect.stringContaining("at least 12 characters") });
    const done = await browser.submit(short, "/password", { password: NEW });
    expect(await notice(browser, done)).toContain("The new password is set.");
    expect((await other.get("/account")).status).toBe(303);
    expect((await signInByPassword(other, "alice")).status).toBe(403);
    expect((await signInByPassword(other, "alice", { password: NEW })).status).toBe(303);
    expect(await here.live(user.sub)).toEqual(["s1"]);
  });

  it("adds and removes passkeys, but never the last way in", async () => {
    const here = createAccounts();
    const { user, browser } = await here.addPerson("alice");
    const device = createAuthenticator("https://example.com");
    const page = await freshly(browser);
    const options = /data-options="([^"]*)"/.exec(page.html)?.[1]?.replaceAll("&quot;", '"') ?? "";
    const credential = device.create(options);
    const added = await browser.submit(page, "/passkeys/add", { credential, label: " Work \u202elaptop " });
    expect(await notice(browser, added)).toBe("The passkey was added.");
    expect(await here.storage.users.passkeys(user.sub)).toMatchObject([{ id: device.id, label: "Work laptop" }]);
    const removable = await browser.get(added.location);
    await here.storage.users.update(user.sub, { password_hash: undefined });
    const last = await browser.submit(removable, "/passkeys/remove");
    expect(last).toMatchObject({ status: 422, html: expect.stringContaining("only way to sign in") });
    expect(last.html).not.toContain("/passkeys/remove");
    await here.storage.users.update(user.sub, { password_hash: "x" });
    const ticket = /name="ticket" value="([^"]+)"/.exec(last.html)?.[1] ?? "";
    const again = await browser.get(`/account?ticket=${ticket}`);
    expect(await notice(browser, await browser.submit(again, "/passkeys/remove"))).toBe("The passkey was removed.");
    expect(await here.storage.users.passkeys(user.sub)).toEqual([]);
  });

  it("changes only within ten minutes after signing in", async () => {
    const here = createAccounts();
    const { user, browser } = await here.addPerson("alice");
    await here.addSession("s1", user.sub);
    const page = await freshly(browser);
    const before = (await here.storage.users.find(user.sub))?.password_hash;
    here.system.advance(600);
    const sent = await browser.submit(page, "/account/password", { password: NEW });
    expect(sent.location).toBe("/sign-in?return_to=%2Faccount");
    expect((await here.storage.users.find(user.sub))?.password_hash).toBe(before);
    const later = await browser.get("/account");
    expect(later.html).toContain("Sign in again");
    expect(later.html).not.toContain("/account/password");
    await browser.submit(later, "/sessions/end", { session_id: "s1" });
    expect(await here.live(user.sub)).toEqual([]);
  });

  it("does not count a change as a new sign-in", async () => {
    const here = createAccounts();
    const { browser } = await here.addPerson("alice");
    const page = await freshly(browser);
    here.system.advance(400);
    const done = await browser.submit(page, "/password", { password: NEW });
    expect((await browser.get(done.location)).html).toContain("/account/password");
    here.system.advance(200);
    expect((await browser.get(done.location)).html).toContain("Sign in again");
  });

  it.each(["http://localhost:4000", "https://example.com"])(
    "does not change on %s for who has the cookie, but not the page after signing in (design §5.12)",
    async (publicUrl) => {
      const here = createAccounts(publicUrl);
      const { user, browser } = await here.addPerson("alice");
      const page = await freshly(browser);
      const before = (await here.storage.users.find(user.sub))?.password_hash;
      const csrf = /name="csrf" value="([^"]+)"/.exec(page.html)?.[1] ?? "";
      const bob = (await here.addPerson("bob")).browser;
      const other = /name="ticket" value="([^"]+)"/.exec(
        (await bob.get((await signInByPassword(bob, "bob")).location)).html,
      )?.[1];
      for (const ticket of ["", "x".repeat(43), other ?? ""]) {
        for (const path of ["/account/password", "/account/set-up/password"]) {
          const sent = await browser.post(path, { csrf, ticket, password: NEW });
          expect(sent.location).toContain("/sign-in");
        }
      }
      expect((await here.storage.users.find(user.sub))?.password_hash).toBe(before);
      expect((await browser.submit(page, "/password", { password: NEW })).location).toContain("done=password");
      expect((await browser.submit(page, "/password", { password: NEW })).status).toBe(403);
    },
  );
});
