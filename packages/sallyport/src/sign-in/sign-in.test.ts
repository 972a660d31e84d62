import { describe, expect, it } from "vitest";
import {
  createInstallation,
  type Installation,
  PASSWORD,
  RETURN,
  sentTo,
  signInByPassword,
} from "./testing/installation.js";

async function ownerCode(here: Installation) {
  return (await here.users.createOwnerCode()).code;
}

describe("sign-in by the owner's code", () => {
  it("ends where the authorization waits, once a password is set, and not before", async () => {
    const here = createInstallation();
    const { browser } = here;
    const code = await ownerCode(here);
    const page = await browser.get(sentTo(await here.currentUser(browser)));
    expect(page.html).toContain("One-time code");
    const setUp = await browser.submit(page, "/sign-in/code", { code: ` ${code.toLowerCase().replaceAll("-", " ")} ` });
    expect(setUp.status).toBe(303);
    expect(sentTo(await here.currentUser(browser))).toContain("/sign-in");
    const refused = await browser.submit(await browser.get(setUp.location), "/password", { password: "short" });
    expect(refused).toMatchObject({ status: 422, html: expect.stringContaining("at least 12 characters") });
    const done = await browser.submit(refused, "/password", { password: PASSWORD });
    expect(done.status).toBe(303);
    expect((await browser.get(done.location)).headers.get("refresh")).toBe(`0; url=${RETURN}`);
    expect(await here.currentUser(browser)).toEqual({
      sub: expect.stringMatching(/^[\w-]{22}$/),
      name: "owner",
      auth_time: here.system.now(),
      csrfSecret: expect.stringMatching(/^[\w-]{43}$/),
    });
  });

  it("takes a code once, for ten minutes, and only the newest", async () => {
    const here = createInstallation();
    const attempt = async (code: string) => {
      const browser = here.newBrowser();
      return (await browser.submit(await browser.get("/sign-in"), "/sign-in/code", { code })).status;
    };
    const [older, newer] = [await ownerCode(here), await ownerCode(here)];
    expect(await attempt(older)).toBe(403);
    expect(await attempt(newer)).toBe(303);
    expect(await attempt(newer)).toBe(403);
    const late = await ownerCode(here);
    here.system.advance(600);
    expect(await attempt(late)).toBe(403);
  });

  it("ends the code after five wrong ones, and says the same about both", async () => {
    const here = createInstallation();
    const right = await ownerCode(here);
    const wrong = await Promise.all(Array.from({ length: 5 }, () => ownerCode(createInstallation())));
    const pages = [];
    for (const code of [...wrong, right]) {
      pages.push(await here.browser.submit(await here.browser.get("/sign-in"), "/sign-in/code", { code }));
    }
    expect(pages.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403, 403]);
    expect(new Set(pages.map(({ html }) => html)).size).toBe(1);
  });

  it("does not count what cannot be a code", async () => {
    const here = createInstallation();
    const code = await ownerCode(here);
    for (const typo of ["", "abc", `${code.slice(0, -1)}?`, code.slice(1), `${code}0`]) {
      expect(
        (await here.browser.submit(await here.browser.get("/sign-in"), "/sign-in/code", { code: typo })).status,
      ).toBe(403);
    }
    expect((await here.browser.submit(await here.browser.get("/sign-in"), "/sign-in/code", { code })).status).toBe(303);
  });

  it("lets somebody who can sign in already keep what they have", async () => {
    const here = createInstallation();
    const { browser } = await here.addPerson("owner");
    const { code } = await here.users.resetUser("owner");
    expect((await browser.get("/account/set-up")).status).toBe(303);
    const fresh = here.newBrowser();
    const setUp = await fresh.submit(await fresh.get("/sign-in"), "/sign-in/code", { code });
    expect((await fresh.get(setUp.location)).html).not.toContain("Keep what I have");
    await fresh.submit(await fresh.get(setUp.location), "/password", { password: PASSWORD });
    const again = await here.users.createUserCode((await here.storage.users.list())[0]?.sub ?? "");
    const other = here.newBrowser();
    const page = await other.submit(await other.get("/sign-in"), "/sign-in/code", { code: again.code });
    expect((await other.get(page.location)).html).toContain("Keep what I have");
  });
});

describe("sign-in by password", () => {
  it("says the same, at the same length, to an unknown user, a wrong password and a disabled user", async () => {
    const here = createInstallation();
    await here.addPerson("alice");
    await here.addPerson("carol");
    await here.users.disableUser("carol");
    const answers = [];
    for (const [name, password] of [
      ["alice", "wrong password"],
      ["bob", PASSWORD],
      ["carol", PASSWORD],
    ] as const) {
      const { status, html } = await signInByPassword(here.browser, name, { password });
      answers.push({
        status,
        html: html
          .replaceAll(`value="${name}"`, 'value="X"')
          .replaceAll(/&quot;challenge&quot;:&quot;[\w-]+|name="nonce" value="[\w-]+/g, ""),
      });
    }
    expect(answers[0]?.status).toBe(403);
    expect(answers[0]?.html).toContain("User name and password do not match.");
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
  });

  it("compares names in NFKC and lower case", async () => {
    const here = createInstallation();
    await here.addPerson("zoë");
    expect((await signInByPassword(here.browser, " ZOE\u0308 ")).status).toBe(303);
  });

  it("stores a better hash when the old one was cheap", async () => {
    const here = createInstallation();
    const { user } = await here.addPerson("alice");
    const cheap = "$argon2id$v=19$m=8192,t=1,p=1$";
    const { hash } = await import("@node-rs/argon2");
    await here.storage.users.update(user.sub, {
      password_hash: await hash(PASSWORD, { memoryCost: 8192, timeCost: 1, parallelism: 1 }),
    });
    expect((await here.storage.users.find(user.sub))?.password_hash).toContain(cheap);
    await signInByPassword(here.browser, "alice");
    expect((await here.storage.users.find(user.sub))?.password_hash).not.toContain(cheap);
  });

  it("stops guessing at a name after ten tries, and from an address after thirty (audit check ratelimit-none)", async () => {
    let address = 0;
    const here = createInstallation({ remoteAddress: () => `192.0.2.${address}` });
    await here.addPerson("alice");
    for (address = 1; address <= 10; address++) {
      expect((await signInByPassword(here.newBrowser(), "alice", { password: "wrong password" })).status).toBe(403);
    }
    const stopped = await signInByPassword(here.newBrowser(), "alice");
    expect(stopped).toMatchObject({ status: 429, html: expect.stringContaining("Too many tries") });
    expect(Number(stopped.headers.get("retry-after"))).toBeGreaterThan(800);
    address = 99;
    for (let count = 0; count < 30; count++) {
      expect((await signInByPassword(here.browser, `user${count}`, { password: "wrong password" })).status).toBe(403);
    }
    expect((await signInByPassword(here.browser, "somebody")).status).toBe(429);
  });

  it("never logs what was typed", async () => {
    const here = createInstallation();
    await here.addPerson("alice");
    await signInByPassword(here.browser, "name-typed", { password: "password-typed" });
    expect(JSON.stringify(here.system.lines)).not.toMatch(/name-typed|password-typed|violet/);
    expect(here.system.lines.at(-1)).toMatchObject({ level: "warn", message: "sign-in refused" });
  });
});

describe("a browser session", () => {
  it("gets a new token at every sign-in, and the one shown before ends (session fixation)", async () => {
    const here = createInstallation({ publicUrl: "https://example.com" });
    const { browser } = await here.addPerson("alice");
    const before = browser.cookies.get("__Host-sallyport");
    await signInByPassword(browser, "alice");
    expect(browser.cookies.get("__Host-sallyport")?.value).not.toBe(before?.value);
    expect(await here.currentUser(browser)).toMatchObject({ name: "alice" });
    browser.cookies.set("__Host-sallyport", before ?? { value: "", path: "/", line: "" });
    expect(await here.currentUser(browser)).toBeInstanceOf(Response);
  });

  it("serves on http only the authorization it was made for, and ends with its consent (design §5.12)", async () => {
    const here = createInstallation();
    await here.addPerson("alice");
    const { browser } = here;
    await signInByPassword(browser, "alice", { from: sentTo(await here.currentUser(browser, "p1")) });
    expect(await here.currentUser(browser, "p1")).toMatchObject({ name: "alice" });
    expect(await here.currentUser(browser, "p2")).toBeInstanceOf(Response);
    expect((await browser.get("/account/set-up")).status).toBe(303);
    const stolen = browser.request("/consent");
    const [cleared] = await here.signIn.afterConsent(browser.request("/consent"));
    expect(cleared).toMatch(/^sallyport-4000-flow=; Path=\/; Max-Age=0; HttpOnly; SameSite=Lax$/);
    const pending = { id: "p1", created: 0 } as never;
    expect(await here.signIn.currentUser(stolen, { returnTo: RETURN, pending, client: {} as never })).toBeInstanceOf(
      Response,
    );
  });

  it("lasts ten minutes for an authorization and five for the account page on http, twelve hours on https", async () => {
    const here = createInstallation();
    await here.addPerson("alice");
    const { browser } = here;
    await signInByPassword(browser, "alice", { from: sentTo(await here.currentUser(browser)) });
    await signInByPassword(browser, "alice");
    const who = () => here.signIn.accountUser(browser.request("/account"));
    expect(await who()).toMatchObject({ name: "alice" });
    here.system.advance(300);
    expect(sentTo(await who())).toBe("/sign-in?return_to=%2Faccount");
    expect(await here.currentUser(browser)).toMatchObject({ name: "alice" });
    here.system.advance(300);
    expect(await here.currentUser(browser)).toBeInstanceOf(Response);

    const secure = createInstallation({ publicUrl: "https://example.com" });
    const person = await secure.addPerson("alice");
    secure.system.advance(12 * 3600 - 1);
    expect(await secure.currentUser(person.browser)).toMatchObject({ name: "alice" });
    expect(await secure.signIn.accountUser(person.browser.request("/account"))).toMatchObject({ name: "alice" });
    expect(await secure.signIn.afterConsent(person.browser.request("/consent"))).toEqual([]);
    secure.system.advance(1);
    expect(await secure.currentUser(person.browser)).toBeInstanceOf(Response);
  });

  it("for the account page opens no consent page, and the other way round", async () => {
    const here = createInstallation();
    await here.addPerson("alice");
    const { browser } = here;
    await signInByPassword(browser, "alice");
    const account = browser.cookies.get("sallyport-4000-account");
    browser.cookies.set("sallyport-4000-flow", { value: account?.value ?? "", path: "/", line: "" });
    expect(await here.currentUser(browser)).toBeInstanceOf(Response);
  });

  it("made before the authorization does not do for prompt=login", async () => {
    const here = createInstallation({ publicUrl: "https://example.com" });
    const { browser } = await here.addPerson("alice");
    here.system.advance(60);
    const login = { prompt: "login", created: here.system.now() };
    expect(await here.currentUser(browser, "p1", login)).toBeInstanceOf(Response);
    expect(await here.currentUser(browser, "p1", { prompt: "consent" })).toMatchObject({ name: "alice" });
    await signInByPassword(browser, "alice");
    expect(await here.currentUser(browser, "p1", login)).toMatchObject({ name: "alice" });
  });

  it("ends at once when the person is disabled, and a new one cannot be had", async () => {
    const here = createInstallation({ publicUrl: "https://example.com" });
    const { browser } = await here.addPerson("alice");
    await here.users.disableUser("alice");
    expect(await here.currentUser(browser)).toBeInstanceOf(Response);
    const { code } = await here.users.createUserCode((await here.storage.users.findByName("alice"))?.sub ?? "");
    const page = await here.browser.submit(await here.browser.get("/sign-in"), "/sign-in/code", { code });
    expect(page.status).toBe(403);
    await here.users.enableUser("alice");
    expect(await here.currentUser(browser)).toBeInstanceOf(Response);
    expect((await signInByPassword(browser, "alice")).status).toBe(303);
  });

  it("leaves only hashes in the store", async () => {
    const here = createInstallation();
    const code = await ownerCode(here);
    const seen: string[] = [];
    const watched = here.storage.browserSessions.save;
    Object.assign(here.storage.browserSessions, {
      save: (hash: string, session: object) => {
        seen.push(hash, JSON.stringify(session));
        return watched(hash, session as never);
      },
    });
    await here.browser.submit(await here.browser.get("/sign-in"), "/sign-in/code", { code });
    const token = here.browser.cookies.get("sallyport-4000-account")?.value ?? "missing";
    expect(seen).toHaveLength(2);
    expect(seen.join()).not.toContain(token);
  });
});
