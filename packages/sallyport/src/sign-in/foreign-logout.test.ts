import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type CrookedIdp, startCrookedIdp } from "../federation/testing/crooked-idp.js";
import { CLIENT } from "../federation/testing/foreign-idp.js";
import type { SignInStorage } from "./storage.js";
import { createSiteWith, PUBLIC_URL, press, refreshOf } from "./testing/elsewhere.js";

let idp: CrookedIdp;
beforeAll(async () => {
  idp = await startCrookedIdp({ id: CLIENT.clientId, secret: CLIENT.clientSecret });
});
afterEach(() => idp.reset());
afterAll(() => idp.close());

type Site = ReturnType<typeof createSiteWith>;
/** For a test that steps in between two steps of the store. */
type Writable = {
  [name in "browserSessions" | "identities"]: {
    -readonly [step in keyof SignInStorage[name]]: SignInStorage[name][step];
  };
};

const EVENT = "http://schemas.openid.net/event/backchannel-logout";
const SID = "session 1 of the provider";
const now = () => Math.floor(Date.now() / 1000);

/** Our pages, where "victim" has signed in. */
async function signedIn(): Promise<Site & { readonly sub: string }> {
  const site = createSiteWith(idp.issuer);
  idp.claims = { sid: SID };
  const { browser } = site.here;
  await browser.get(`/sign-in/oidc/callback${idp.answer(refreshOf(await press(browser)))}`);
  const [user] = await site.here.storage.users.list();
  idp.claims = {};
  if (user === undefined) throw new Error("nobody signed in");
  expect((await browser.get("/account/sign-out")).html).toContain("You are signed in");
  return { ...site, sub: user.sub };
}

function send({ here }: Site, body: string | URLSearchParams, headers: Record<string, string> = {}) {
  return here.signIn.app.fetch(
    new Request(`${PUBLIC_URL}/sign-in/oidc/backchannel-logout`, {
      method: "POST",
      body,
      headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
    }),
  );
}

const logout = (site: Site, logout_token: string) => send(site, new URLSearchParams({ logout_token }));

describe("Signing out at the identity provider (OpenID Connect Back-Channel Logout 1.0)", () => {
  it.each([undefined, "logout+jwt", "application/logout+jwt", "JWT"])(
    "ends what the person has here: typ %s",
    async (typ) => {
      const site = await signedIn();
      const answer = await logout(site, await idp.logoutToken(typ === undefined ? {} : { typ }));
      expect([answer.status, answer.headers.get("cache-control"), await answer.text()]).toEqual([200, "no-store", ""]);
      expect(site.ended).toEqual([{ sub: site.sub, before: site.clock.now() + 1 }]);
      expect((await site.here.browser.get("/account/sign-out")).html).not.toContain("You are signed in");
    },
  );

  it("of somebody who was never here says the same and ends nothing", async () => {
    const site = await signedIn();
    idp.claims = { sub: "nobody" };
    expect((await logout(site, await idp.logoutToken())).status).toBe(200);
    expect(site.ended).toEqual([]);
  });

  it("counts once; what is brought again ends nothing that began a minute after it was made", async () => {
    const site = await signedIn();
    const token = await idp.logoutToken();
    expect((await logout(site, token)).status).toBe(200);
    site.clock.advance(100);
    const { browser } = site.here;
    await browser.get(`/sign-in/oidc/callback${idp.answer(refreshOf(await press(browser)))}`);
    const again = await logout(site, token);
    expect([again.status, await again.json()]).toMatchObject([400, { error: "invalid_request" }]);
    expect(Math.max(...site.ended.map(({ before }) => before))).toBeLessThanOrEqual(site.clock.now() - 100 + 62);
    expect((await browser.get("/account/sign-out")).html).toContain("You are signed in");
  });

  it.each([
    ["its session alone", { sub: undefined, sid: SID }],
    ["both", { sid: SID }],
    ["a session that nobody signed in from, beside the person", { sid: "another" }],
  ])("ends what the person has here where the token names %s", async (_, claims) => {
    const site = await signedIn();
    idp.claims = claims;
    expect((await logout(site, await idp.logoutToken())).status).toBe(200);
    expect(site.ended).toEqual([{ sub: site.sub, before: site.clock.now() + 1 }]);
    expect((await site.here.browser.get("/account/sign-out")).html).not.toContain("You are signed in");
  });

  it.each(["another", SID.toUpperCase(), ` ${SID}`, "victim"])(
    "ends nothing for a session that nobody signed in from, and does not tell: %s",
    async (sid) => {
      const site = await signedIn();
      idp.claims = { sub: undefined, sid };
      const answer = await logout(site, await idp.logoutToken());
      expect([answer.status, await answer.text(), site.ended]).toEqual([200, "", []]);
      expect((await site.here.browser.get("/account/sign-out")).html).toContain("You are signed in");
    },
  );

  it("ends what all have here who signed in from one session, and nobody else", async () => {
    const site = await signedIn();
    for (const claims of [
      { sub: "second", sid: SID },
      { sub: "third", sid: "session 2" },
    ]) {
      idp.claims = claims;
      site.here.browser.cookies.clear();
      await site.here.browser.get(`/sign-in/oidc/callback${idp.answer(refreshOf(await press(site.here.browser)))}`);
    }
    const second = await site.here.storage.identities.find(idp.issuer, "second");
    idp.claims = { sub: undefined, sid: SID };
    expect((await logout(site, await idp.logoutToken())).status).toBe(200);
    expect(site.ended.map(({ sub }) => sub).sort()).toEqual([site.sub, second].sort());
    expect((await site.here.browser.get("/account/sign-out")).html).toContain("You are signed in");
  });

  it.each([
    ["its session alone", { sub: undefined, sid: SID }, []],
    ["both", { sid: SID }, []],
    ["the person alone, who was here before", {}, [{}]],
  ])("ends a sign-in that was on its way, by %s", async (_, said, earlier) => {
    const site = createSiteWith(idp.issuer);
    const { browser, storage } = site.here;
    const callback = async () => `/sign-in/oidc/callback${idp.answer(refreshOf(await press(browser)))}`;
    for (const _ of earlier) {
      await browser.get(await callback());
      site.clock.advance(10);
      await browser.get("/account/sign-out");
    }
    const back = await callback();
    site.clock.advance("sid" in said ? 0 : 1);
    idp.claims = said;
    expect((await logout(site, await idp.logoutToken())).status).toBe(200);
    idp.claims = { sid: SID };
    const refused = await browser.get(back);
    expect([refused.status, refused.html]).toEqual([
      403,
      expect.stringContaining("You were signed out in the meantime"),
    ]);
    expect(await storage.users.list()).toHaveLength(earlier.length);
    expect((await browser.get("/account/sign-out")).html).not.toContain("You are signed in");
    // Somebody who begins again is a person at the provider again, whatever it calls the session.
    site.clock.advance(1);
    await browser.get(await callback());
    expect((await browser.get("/account/sign-out")).html).toContain("You are signed in");
  });

  it("ends nothing that was begun since, when a forgotten window comes back with a sign-in that was signed out", async () => {
    const site = createSiteWith(idp.issuer);
    const { browser } = site.here;
    const callback = async () => `/sign-in/oidc/callback${idp.answer(refreshOf(await press(browser)))}`;
    idp.claims = { sid: SID };
    const forgotten = await callback();
    idp.claims = { sub: undefined, sid: SID };
    expect((await logout(site, await idp.logoutToken())).status).toBe(200);
    idp.claims = { sid: "session 2 of the provider" };
    site.clock.advance(5);
    await browser.get(await callback());
    const ended = site.ended.length;
    idp.claims = { sid: SID };
    expect((await browser.get(forgotten)).html).toContain("You were signed out in the meantime");
    expect(site.ended).toHaveLength(ended);
    expect((await browser.get("/account/sign-out")).html).toContain("You are signed in");
  });

  it.each(["before", "after"] as const)(
    "ends a sign-in that looked %s the message was written down, and finished after everything was ended",
    async (when) => {
      const site = createSiteWith(idp.issuer);
      const { browser, storage } = site.here;
      const back = `/sign-in/oidc/callback${idp.answer(refreshOf(await press(browser)))}`;
      idp.claims = { sub: undefined, sid: SID };
      const token = await idp.logoutToken();
      idp.claims = { sid: SID };
      const { browserSessions, identities } = storage as Writable;
      const arrives = async () => expect((await logout(site, token)).status).toBe(200);
      const { save } = browserSessions;
      const { signIn } = identities;
      browserSessions.save = async (...all) => {
        await save(...all);
        if (when === "before") await arrives();
      };
      identities.signIn = async (...all) => {
        if (when === "after") await arrives();
        return signIn(...all);
      };
      await browser.get(back);
      expect((await browser.get("/account/sign-out")).html).not.toContain("You are signed in");
      expect(site.ended).not.toEqual([]);
    },
  );

  it("asks no session of a provider that names one in another form, and signs people in all the same", async () => {
    for (const sid of [7, "", ["a"], "s".repeat(600)]) {
      const site = createSiteWith(idp.issuer);
      idp.claims = { sid };
      const { browser } = site.here;
      await browser.get(`/sign-in/oidc/callback${idp.answer(refreshOf(await press(browser)))}`);
      expect((await browser.get("/account/sign-out")).html).toContain("You are signed in");
    }
  });

  const BENT: readonly (readonly [string, () => void, Record<string, string>?])[] = [
    ["alg none", () => (idp.sign = "none")],
    ["signed with the client secret", () => (idp.sign = "HS256")],
    ["signed by somebody else", () => (idp.sign = "foreign key")],
    ["a key that the provider does not have", () => {}, { kid: "k2" }],
    ["another type", () => {}, { typ: "at+jwt" }],
    ["another issuer", () => (idp.claims = { iss: "https://evil.example" })],
    ["the issuer with a slash more", () => (idp.claims = { iss: `${idp.issuer}/` })],
    ["another client", () => (idp.claims = { aud: "another" })],
    ["several clients", () => (idp.claims = { aud: [CLIENT.clientId, "another"] })],
    ["no audience", () => (idp.claims = { aud: undefined })],
    ["a nonce, as ID tokens have", () => (idp.claims = { nonce: "n" })],
    ["an empty nonce", () => (idp.claims = { nonce: "" })],
    ["no event: an ID token", () => (idp.claims = { events: undefined })],
    ["another event", () => (idp.claims = { events: { "https://schemas.openid.net/secevent/risc/event-type/x": {} } })],
    ["an event that is no object", () => (idp.claims = { events: { [EVENT]: true } })],
    ["events as a list", () => (idp.claims = { events: [EVENT] })],
    ["no jti", () => (idp.claims = { jti: undefined })],
    ["an empty jti", () => (idp.claims = { jti: "" })],
    ["a jti without end", () => (idp.claims = { jti: "j".repeat(600) })],
    ["neither a subject nor a session", () => (idp.claims = { sub: undefined })],
    ["an empty subject", () => (idp.claims = { sub: "" })],
    ["an empty subject beside a session", () => (idp.claims = { sub: "", sid: SID })],
    ["a subject that is no text beside a session", () => (idp.claims = { sub: ["victim"], sid: SID })],
    ["an empty session", () => (idp.claims = { sid: "" })],
    ["a session that is no text", () => (idp.claims = { sub: undefined, sid: [SID] })],
    ["a session without end", () => (idp.claims = { sub: undefined, sid: "s".repeat(600) })],
    ["the session of another person", () => (idp.claims = { sub: "somebody else", sid: SID })],
    ["no end", () => (idp.claims = { exp: undefined })],
    ["an end in the past", () => (idp.claims = { exp: now() - 120, iat: now() - 240 })],
    ["no time", () => (idp.claims = { iat: undefined })],
    ["a time long ago", () => (idp.claims = { iat: now() - 3_600, exp: now() + 3_600 })],
    ["a time to come", () => (idp.claims = { iat: now() + 600, exp: now() + 1_200 })],
    ["not valid yet", () => (idp.claims = { nbf: now() + 600 })],
  ];
  it.each(BENT.map(([title, bend, header = {}]) => [title, bend, header] as const))(
    "refuses a token (%s), and ends nothing",
    async (_, bend, header) => {
      const site = await signedIn();
      bend();
      const answer = await logout(site, await idp.logoutToken(header));
      expect([answer.status, await answer.json()]).toEqual([
        400,
        { error: "invalid_request", error_description: "The logout token is not valid." },
      ]);
      expect(site.ended).toEqual([]);
      expect((await site.here.browser.get("/account/sign-out")).html).toContain("You are signed in");
    },
  );

  it.each([
    ["nothing", "", 400],
    ["no JWT", "logout_token=abc", 400],
    ["a token without end", `logout_token=${"a".repeat(20_000)}`, 400],
  ])("refuses %s", async (_, body, status) => {
    const site = await signedIn();
    expect((await send(site, body)).status).toBe(status);
    expect(site.ended).toEqual([]);
  });

  it("refuses two tokens, and another kind of body", async () => {
    const site = await signedIn();
    const token = await idp.logoutToken();
    expect((await send(site, `logout_token=${token}&logout_token=${token}`)).status).toBeGreaterThanOrEqual(400);
    expect((await send(site, token, { "content-type": "application/jwt" })).status).toBeGreaterThanOrEqual(400);
    expect(site.ended).toEqual([]);
  });

  it("asks the provider to come again while its keys cannot be read", async () => {
    const site = await signedIn();
    const token = await idp.logoutToken();
    idp.instead = () => "hang up";
    const answer = await logout(site, token);
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "5"]);
    expect(site.ended).toEqual([]);
  });

  it("logs no part of a token", async () => {
    const site = await signedIn();
    const token = await idp.logoutToken();
    idp.claims = { nonce: "n" };
    await logout(site, token);
    await logout(site, await idp.logoutToken());
    for (const part of token.split(".")) expect(JSON.stringify(site.clock.lines)).not.toContain(part);
  });
});
