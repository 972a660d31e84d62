import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type CrookedIdp, startCrookedIdp } from "../federation/testing/crooked-idp.js";
import { CLIENT } from "../federation/testing/foreign-idp.js";
import type { Page, TestBrowser } from "./testing/browser.js";
import { createSiteWith, press, reasonOf, refreshOf } from "./testing/elsewhere.js";

let idp: CrookedIdp;
beforeAll(async () => {
  idp = await startCrookedIdp({ id: CLIENT.clientId, secret: CLIENT.clientSecret });
});
afterEach(() => idp.reset());
afterAll(() => idp.close());

const CALLBACK_PATH = "/sign-in/oidc/callback";

/** From the button to the answer, in one browser. */
async function attempt(browser: TestBrowser): Promise<Page> {
  return browser.get(CALLBACK_PATH + idp.answer(refreshOf(await press(browser))));
}

type Site = ReturnType<typeof createSiteWith>;

/** Nobody is signed in, nobody was added, and the browser holds nothing but what it had before. */
async function expectNobody({ here }: Site, browser: TestBrowser = here.browser): Promise<void> {
  expect(await here.storage.users.list()).toEqual([]);
  expect([...browser.cookies.keys()]).toEqual(["sallyport-4000-form"]);
}

const now = () => Math.floor(Date.now() / 1000);

describe("A provider that is straight", () => {
  it("signs people in, by a code with its PKCE verifier and our credentials", async () => {
    const site = createSiteWith(idp.issuer);
    expect((await attempt(site.here.browser)).headers.has("refresh")).toBe(true);
    const [form] = idp.tokenRequests;
    expect(form?.get("code_verifier")).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(form?.get("grant_type")).toBe("authorization_code");
    expect(await site.here.storage.users.list()).toHaveLength(1);
  });

  it("may send no iss, where its document does not say that it does (RFC 9207 §2.4)", async () => {
    idp.document = { authorization_response_iss_parameter_supported: false };
    idp.redirect = { iss: undefined };
    const site = createSiteWith(idp.issuer);
    expect((await attempt(site.here.browser)).headers.has("refresh")).toBe(true);
  });
});

describe("An answer that is not the provider's own, or not for us, signs nobody in", () => {
  const BENT: readonly (readonly [string, () => void])[] = [
    ["another nonce", () => (idp.claims = { nonce: "another" })],
    ["no nonce", () => (idp.claims = { nonce: undefined })],
    ["another issuer in the ID token", () => (idp.claims = { iss: "https://evil.example" })],
    ["the issuer with a slash more in the ID token", () => (idp.claims = { iss: `${idp.issuer}/` })],
    ["an ID token of another client", () => (idp.claims = { aud: "another client" })],
    ["an ID token for several, handed to another", () => (idp.claims = { aud: ["sallyport", "x"], azp: "x" })],
    ["an ID token without a subject", () => (idp.claims = { sub: undefined })],
    ["an expired ID token", () => (idp.claims = { exp: now() - 3600, iat: now() - 7200 })],
    ["an ID token without an end", () => (idp.claims = { exp: undefined })],
    ["alg none", () => (idp.sign = "none")],
    ["HS256 with the client secret", () => (idp.sign = "HS256")],
    ["a signature by a key that is not the provider's", () => (idp.sign = "foreign key")],
    ["another iss beside the code: a mix-up (RFC 9207)", () => (idp.redirect = { iss: "https://evil.example" })],
    ["no iss beside the code, where it is promised", () => (idp.redirect = { iss: undefined })],
    ["no code", () => (idp.redirect = { code: undefined })],
    ["a code of another request", () => (idp.redirect = { code: "code-of-another" })],
  ];

  it.each(BENT)("%s", async (_, bend) => {
    bend();
    const site = createSiteWith(idp.issuer);
    const page = await attempt(site.here.browser);
    expect([page.status, reasonOf(page)]).toEqual([403, "idp_answer_refused"]);
    await expectNobody(site);
  });

  it("an error, whoever wrote its description", async () => {
    idp.redirect = { error: "access_denied", error_description: "<b>mischief</b>", code: undefined };
    const site = createSiteWith(idp.issuer);
    const page = await attempt(site.here.browser);
    expect([page.status, reasonOf(page)]).toEqual([403, "idp_denied"]);
    expect(page.html).not.toContain("mischief");
    await expectNobody(site);
  });

  it("an old sign-in where a fresh one was asked for", async () => {
    idp.claims = { auth_time: now() - 3600 };
    const site = createSiteWith(idp.issuer);
    const url = refreshOf(await press(site.here.browser, "/sign-in?fresh=1"));
    const page = await site.here.browser.get(CALLBACK_PATH + idp.answer(url));
    expect([page.status, reasonOf(page)]).toEqual([403, "idp_not_fresh"]);
    await expectNobody(site);
  });
});

describe("An answer that does not belong to this browser signs nobody in (R-145)", () => {
  it("brought twice", async () => {
    const site = createSiteWith(idp.issuer);
    const { browser } = site.here;
    const answer = CALLBACK_PATH + idp.answer(refreshOf(await press(browser)));
    expect((await browser.get(answer)).status).toBe(200);
    idp.tokenRequests.length = 0;
    const again = await browser.get(answer);
    expect(again.status).toBe(403);
    expect(again.html).toContain("This sign-in is not of this browser");
    expect(idp.tokenRequests).toEqual([]);
  });

  it("brought twice at once: one of the two", async () => {
    const { here } = createSiteWith(idp.issuer);
    const answer = CALLBACK_PATH + idp.answer(refreshOf(await press(here.browser)));
    const pages = await Promise.all([here.browser.get(answer), here.browser.get(answer)]);
    expect(pages.map(({ status }) => status).sort()).toEqual([200, 403]);
  });

  it("brought to another browser: login CSRF", async () => {
    const site = createSiteWith(idp.issuer);
    const answer = CALLBACK_PATH + idp.answer(refreshOf(await press(site.here.browser)));
    const victim = site.here.newBrowser();
    await victim.get("/sign-in");
    expect((await victim.get(answer)).status).toBe(403);
    expect((await site.here.newBrowser().get(answer)).status).toBe(403);
    expect(idp.tokenRequests).toEqual([]);
    await expectNobody(site, victim);
    expect((await site.here.browser.get(answer)).status).toBe(200);
  });

  it.each([
    ["without state", { state: undefined }],
    ["with a state of nobody", { state: "A".repeat(43) }],
    ["with a state that is none", { state: "x" }],
    [
      "with an error and no state, and the sign-in still works afterwards",
      { state: undefined, error: "access_denied" },
    ],
  ])("%s", async (_, bent) => {
    const site = createSiteWith(idp.issuer);
    const { browser } = site.here;
    const request = refreshOf(await press(browser));
    idp.redirect = bent;
    expect((await browser.get(CALLBACK_PATH + idp.answer(request))).status).toBe(403);
    await expectNobody(site);
    idp.reset();
    expect((await browser.get(CALLBACK_PATH + idp.answer(request))).status).toBe(200);
  });

  it("with two states", async () => {
    const site = createSiteWith(idp.issuer);
    const request = refreshOf(await press(site.here.browser));
    const answer = `${CALLBACK_PATH}${idp.answer(request)}&state=${"A".repeat(43)}`;
    expect((await site.here.browser.get(answer)).status).toBe(403);
    await expectNobody(site);
  });

  it("after ten minutes", async () => {
    const site = createSiteWith(idp.issuer);
    const answer = CALLBACK_PATH + idp.answer(refreshOf(await press(site.here.browser)));
    site.clock.advance(600);
    expect((await site.here.browser.get(answer)).status).toBe(403);
    await expectNobody(site);
  });
});

describe("A provider that cannot be used is named, lets nobody in, and is asked again", () => {
  const DISCOVERY = "/.well-known/openid-configuration";
  const BROKEN: readonly (readonly [string, () => void, number, string])[] = [
    ["is down", () => (idp.instead = () => "hang up"), 503, "idp_unreachable"],
    ["answers 500", () => (idp.instead = () => new Response("", { status: 500 })), 503, "idp_unreachable"],
    ["answers 404", () => (idp.instead = () => new Response("", { status: 404 })), 502, "idp_garbage"],
    ["answers with a page", () => (idp.instead = () => new Response("<html>")), 502, "idp_garbage"],
    ["answers with a list", () => (idp.instead = () => Response.json([])), 502, "idp_garbage"],
    [
      "sends elsewhere",
      () => (idp.instead = () => new Response(null, { status: 302, headers: { location: `${idp.issuer}/x` } })),
      502,
      "idp_garbage",
    ],
    ["answers without end", () => (idp.instead = () => new Response("x".repeat(600_000))), 503, "idp_unreachable"],
    ["calls itself otherwise", () => (idp.document = { issuer: "https://evil.example" }), 502, "idp_issuer"],
    ["ends its name in a slash", () => (idp.document = { issuer: `${idp.issuer}/` }), 502, "idp_issuer"],
    ["has no token endpoint", () => (idp.document = { token_endpoint: undefined }), 502, "idp_garbage"],
    ["has no keys", () => (idp.document = { jwks_uri: undefined }), 502, "idp_garbage"],
    [
      "sends codes over plain http",
      () => (idp.document = { token_endpoint: "http://login.example.com/token" }),
      502,
      "idp_garbage",
    ],
    [
      "has a page that is no page",
      () => (idp.document = { authorization_endpoint: "javascript:alert(1)" }),
      502,
      "idp_garbage",
    ],
  ];

  it.each(BROKEN)("when it %s", async (_, breakIt, status, reason) => {
    breakIt();
    const site = createSiteWith(idp.issuer);
    const { browser } = site.here;
    const page = await press(browser, "/sign-in?return_to=%2Fconsent%3Frequest%3Dp1");
    expect([page.status, reasonOf(page)]).toEqual([status, reason]);
    expect(page.html).toContain('value="/consent?request=p1"');
    await expectNobody(site);
    idp.reset();
    site.clock.advance(2);
    expect((await attempt(browser)).status).toBe(200);
  });

  it.each([
    ["token endpoint", (path: string) => path === "/token", 503, "idp_unreachable"],
    ["keys", (path: string) => path === "/jwks", 503, "idp_unreachable"],
  ])("when it goes away before its %s is asked", async (_, matches, status, reason) => {
    const site = createSiteWith(idp.issuer);
    const request = refreshOf(await press(site.here.browser));
    idp.instead = (path) => (matches(path) ? "hang up" : undefined);
    const page = await site.here.browser.get(CALLBACK_PATH + idp.answer(request));
    expect([page.status, reasonOf(page)]).toEqual([status, reason]);
    await expectNobody(site);
    idp.reset();
    expect((await attempt(site.here.browser)).status).toBe(200);
  });

  it("when it does not know our secret", async () => {
    const site = createSiteWith(idp.issuer);
    const request = refreshOf(await press(site.here.browser));
    idp.instead = (path) =>
      path === "/token" ? Response.json({ error: "invalid_client" }, { status: 401 }) : undefined;
    const page = await site.here.browser.get(CALLBACK_PATH + idp.answer(request));
    expect([page.status, reasonOf(page)]).toEqual([502, "idp_refused"]);
  });

  it("but a document once read serves while it cannot be read again, for a day", async () => {
    const site = createSiteWith(idp.issuer);
    await press(site.here.browser);
    idp.instead = (path) => (path === DISCOVERY ? "hang up" : undefined);
    site.clock.advance(3_700);
    expect((await press(site.here.newBrowser())).status).toBe(200);
    site.clock.advance(86_400);
    expect((await press(site.here.newBrowser())).status).toBe(503);
  });
});
