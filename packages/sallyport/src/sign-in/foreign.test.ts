import { afterEach, describe, expect, it } from "vitest";
import type { RelyingPartyOptions } from "../federation/index.js";
import { type ForeignIdp, type ForeignIdpOptions, startForeignIdp } from "../federation/testing/foreign-idp.js";
import type { Page, TestBrowser } from "./testing/browser.js";
import {
  CALLBACK,
  createSiteWith,
  GUID,
  PUBLIC_URL,
  pathOf,
  press,
  refreshOf,
  SIGNED_OUT,
} from "./testing/elsewhere.js";
import { type Installation, sentTo } from "./testing/installation.js";

const open: ForeignIdp[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((idp) => idp.close()));
});

interface Setting {
  readonly idp: ForeignIdp;
  readonly here: Installation;
}

async function prepare(
  variant: Partial<ForeignIdpOptions> = {},
  options: Partial<RelyingPartyOptions> = {},
): Promise<Setting> {
  const idp = await startForeignIdp({ redirectUris: [CALLBACK], postLogoutRedirectUris: [SIGNED_OUT], ...variant });
  open.push(idp);
  idp.people.set("a1", { preferred_username: "alice", email: "alice@example.com", groups: ["support-team", GUID] });
  idp.people.set("b2", { preferred_username: "bob", groups: ["unknown"] });
  return { idp, here: createSiteWith(idp.issuer, options).here };
}

async function signInThere(
  { idp, here }: Setting,
  person: string,
  at: Partial<{ browser: TestBrowser; from: string }> = {},
) {
  const browser = at.browser ?? here.browser;
  const request = refreshOf(await press(browser, at.from));
  const back = await idp.visit(request, person);
  return { request, page: await browser.get(pathOf(back)) };
}

const userOf = async ({ here }: Setting) => (await here.storage.users.list())[0];
const rolesOf = async ({ here }: Setting, sub: string) => (await here.storage.identities.list(sub))[0]?.roles;
const isSignedIn = (page: Page) => page.status === 200 && page.headers.has("refresh");

describe("Signing in with an identity provider", () => {
  it("makes a user at first sight, with mapped roles, and comes back to the consent page (R-140)", async () => {
    const setting = await prepare();
    const { idp, here } = setting;
    const { page } = await signInThere(setting, "a1", { from: sentTo(await here.currentUser(here.browser)) });
    expect(refreshOf(page).pathname).toBe("/sign-in/continue");
    expect(await here.currentUser(here.browser)).toMatchObject({ name: expect.stringMatching(/^alice~[0-9a-f]{10}$/) });
    const user = await userOf(setting);
    expect(user).toMatchObject({ roles: [], owner: false, disabled: false, password_hash: undefined });
    expect(await here.storage.identities.list(user?.sub ?? "")).toEqual([
      {
        issuer: idp.issuer,
        subject: "a1",
        sub: user?.sub,
        name: "alice",
        roles: ["finance", "support"],
        roles_at: here.system.now(),
      },
    ]);
  });

  it("asks with PKCE, state and nonce, by our own redirect URI, and never for a resource", async () => {
    const { request } = await signInThere(await prepare(), "a1");
    const asked = Object.fromEntries(request.searchParams);
    expect(asked).toMatchObject({
      response_type: "code",
      client_id: "sallyport",
      redirect_uri: CALLBACK,
      scope: "openid profile email",
      code_challenge_method: "S256",
    });
    for (const name of ["state", "nonce", "code_challenge"]) expect(asked[name]).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(asked).not.toHaveProperty("resource");
  });

  it("makes state, nonce and challenge anew each time (R-145)", async () => {
    const { here } = await prepare();
    const one = refreshOf(await press(here.browser)).searchParams;
    const two = refreshOf(await press(here.browser)).searchParams;
    for (const name of ["state", "nonce", "code_challenge"]) expect(one.get(name)).not.toBe(two.get(name));
  });

  const VARIANTS: readonly (readonly [string, Partial<ForeignIdpOptions>])[] = [
    ["knows no resource parameter", { configuration: { features: { resourceIndicators: { enabled: false } } } }],
    ["ends its issuer in a slash", { trailingSlash: true }],
    [
      "has no userinfo endpoint",
      { configuration: { conformIdTokenClaims: false, features: { userinfo: { enabled: false } } } },
    ],
    [
      "gives JWT access tokens with the client id as audience",
      {
        configuration: {
          features: {
            resourceIndicators: {
              enabled: true,
              defaultResource: () => "urn:api",
              useGrantedResource: () => true,
              getResourceServerInfo: () => ({
                scope: "openid profile email",
                audience: "sallyport",
                accessTokenFormat: "jwt" as const,
              }),
            },
          },
          conformIdTokenClaims: false,
        },
      },
    ],
  ];

  it.each(VARIANTS)("works with a provider that %s", async (_, variant) => {
    const setting = await prepare(variant);
    const { page } = await signInThere(setting, "a1");
    expect(isSignedIn(page)).toBe(true);
    expect(await rolesOf(setting, (await userOf(setting))?.sub ?? "")).toEqual(["finance", "support"]);
  });

  it("is the same user the next time, with the roles of that time", async () => {
    const setting = await prepare();
    await signInThere(setting, "a1");
    const first = await userOf(setting);
    setting.idp.people.set("a1", { preferred_username: "alice.married", groups: [] });
    await signInThere(setting, "a1", { browser: setting.here.newBrowser() });
    expect(await setting.here.storage.users.list()).toEqual([first]);
    expect(await rolesOf(setting, first?.sub ?? "")).toEqual([]);
  });

  it("never links by name or mail address", async () => {
    const setting = await prepare();
    const { user: local } = await setting.here.addPerson("alice");
    const { user: mail } = await setting.here.addPerson("alice@example.com");
    await signInThere(setting, "a1");
    const users = await setting.here.storage.users.list();
    expect(users).toHaveLength(3);
    expect(await setting.here.storage.identities.list(local.sub)).toEqual([]);
    expect(await setting.here.storage.identities.list(mail.sub)).toEqual([]);
    expect(await setting.here.storage.users.findByName("alice")).toMatchObject({ sub: local.sub });
  });

  it("gives nobody a role that is not mapped", async () => {
    const setting = await prepare();
    await signInThere(setting, "b2");
    expect(await rolesOf(setting, (await userOf(setting))?.sub ?? "")).toEqual([]);
  });

  it("keeps disabled people out", async () => {
    const setting = await prepare();
    await signInThere(setting, "a1");
    await setting.here.users.disableUser((await userOf(setting))?.name ?? "");
    const browser = setting.here.newBrowser();
    const { page } = await signInThere(setting, "a1", { browser });
    expect(page.status).toBe(403);
    expect(page.html).toContain("This account is closed");
    expect([...browser.cookies.keys()]).toEqual(["sallyport-4000-form"]);
    expect(await setting.here.signIn.accountUser(browser.request("/account"))).toBeInstanceOf(Response);
  });

  it("keeps accounts out that lack a required claim", async () => {
    const setting = await prepare({}, { requiredClaims: { groups: ["support-team"] } });
    expect((await signInThere(setting, "b2")).page).toMatchObject({
      status: 403,
      html: expect.stringContaining("(idp_account_refused)"),
    });
    expect(await setting.here.storage.users.list()).toEqual([]);
    expect(isSignedIn((await signInThere(setting, "a1")).page)).toBe(true);
  });

  it("asks again who somebody is for prompt=login", async () => {
    const setting = await prepare();
    const { here } = setting;
    const login = { prompt: "login", created: here.system.now() };
    const from = sentTo(await here.currentUser(here.browser, "p1", login));
    const { request } = await signInThere(setting, "a1", { from });
    expect(request.searchParams.get("prompt")).toBe("login");
    expect(await here.currentUser(here.browser, "p1", login)).toMatchObject({ sub: expect.any(String) });
  });

  it("asks for the age of the sign-in there, where one is set", async () => {
    const { request, page } = await signInThere(await prepare({}, { maxAge: 3600 }), "a1");
    expect(request.searchParams.get("max_age")).toBe("3600");
    expect(isSignedIn(page)).toBe(true);
  });

  it("sends nobody on without the button of our own page (R-140)", async () => {
    const { here } = await prepare();
    expect(sentTo(await here.currentUser(here.browser))).toMatch(/^\/sign-in\?/);
    const page = await here.browser.get("/sign-in");
    expect(page.html).toContain("Sign in with Acme");
    expect(page.headers.has("refresh")).toBe(false);
    expect((await here.browser.get("/sign-in/oidc")).status).toBe(404);
    expect((await here.browser.post("/sign-in/oidc", {})).status).toBe(403);
    const foreign = { "sec-fetch-site": "cross-site", origin: "https://evil.example" };
    expect((await here.browser.post("/sign-in/oidc", {}, foreign)).status).toBe(403);
  });

  it("leaves nothing in the store that opens a flow, and stores it right before the redirect only (R-145)", async () => {
    const { here } = await prepare();
    const saved: string[] = [];
    const { ceremonies } = here.storage;
    const save = ceremonies.save.bind(ceremonies);
    Object.assign(ceremonies, {
      save: (id: string, row: Parameters<typeof save>[1]) => {
        if (row.challenge !== "ticket") saved.push(id, JSON.stringify(row));
        return save(id, row);
      },
    });
    await here.browser.get("/sign-in");
    saved.length = 0;
    const from = sentTo(await here.currentUser(here.browser));
    const page = await here.browser.get(from);
    saved.length = 0;
    const request = refreshOf(await here.browser.submit(page, "/sign-in/oidc"));
    expect(saved).toHaveLength(2);
    for (const name of ["state", "nonce"]) expect(saved.join()).not.toContain(request.searchParams.get(name));
    expect(saved.join()).not.toContain("consent");
  });

  it("signs out there too, and comes back", async () => {
    const setting = await prepare();
    const { here, idp } = setting;
    await signInThere(setting, "a1");
    const asked = await here.browser.get("/account/sign-out");
    const leaving = refreshOf(await here.browser.submit(asked, "/sign-out"));
    expect(leaving.origin).toBe(idp.issuer);
    expect(leaving.searchParams.get("post_logout_redirect_uri")).toBe(SIGNED_OUT);
    expect(leaving.searchParams.get("client_id")).toBe("sallyport");
    expect(await here.signIn.accountUser(here.browser.request("/account"))).toBeInstanceOf(Response);
    const back = new URL(`${SIGNED_OUT}?state=${leaving.searchParams.get("state")}`);
    expect(refreshOf(await here.browser.get(pathOf(back))).href).toBe(`${PUBLIC_URL}/sign-in?signed_out`);
  });

  it("of somebody with a password signs out here alone", async () => {
    const { here } = await prepare();
    const { browser } = await here.addPerson("carol");
    const answer = await browser.submit(await browser.get("/account/sign-out"), "/sign-out");
    expect(answer).toMatchObject({ status: 303, location: "/sign-in?signed_out" });
  });
});
