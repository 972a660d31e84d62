import { system } from "@sallyport/auth";
import { createTestSystem } from "@sallyport/auth/testing";
import { afterEach, describe, expect, it } from "vitest";
import { createRelyingParty, type RelyingPartyOptions } from "../federation/index.js";
import { CLIENT, type ForeignIdp, type ForeignIdpOptions, startForeignIdp } from "../federation/testing/foreign-idp.js";
import type { Page, TestBrowser } from "./testing/browser.js";
import { createInstallation, type Installation, sentTo } from "./testing/installation.js";

const PUBLIC_URL = "http://localhost:4000";
const CALLBACK = `${PUBLIC_URL}/sign-in/oidc/callback`;
const SIGNED_OUT = `${PUBLIC_URL}/sign-in/oidc/signed-out`;

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
  const idp = await startForeignIdp({
    redirectUris: [CALLBACK],
    postLogoutRedirectUris: [SIGNED_OUT],
    ...variant,
  });
  open.push(idp);
  const clock = createTestSystem(system.now());
  const relyingParty = createRelyingParty({
    ...CLIENT,
    issuer: idp.issuer,
    callbackUrl: CALLBACK,
    signedOutUrl: SIGNED_OUT,
    label: "Acme",
    roles: { "support-team": ["support"], "0f9d1c1e-7c44-4a44-9a3e-2f6f2a0d8b11": ["finance"] },
    requiredClaims: {},
    system: clock,
    ...options,
  });
  return { idp, here: createInstallation({ publicUrl: PUBLIC_URL, idp: relyingParty, system: clock }) };
}

/** Where a page of ours sends the browser by `Refresh`. */
function refreshOf(page: Page): URL {
  const [, target] = /^0; url=(.*)$/.exec(page.headers.get("refresh") ?? "") ?? [];
  if (target === undefined) throw new Error(`goes nowhere: ${page.status} ${page.html}`);
  return new URL(target, PUBLIC_URL);
}

const pathOf = ({ pathname, search }: URL) => pathname + search;

/** From our page to the provider: the authorization request. */
async function press(browser: TestBrowser, from = "/sign-in"): Promise<URL> {
  return refreshOf(await browser.submit(await browser.get(from), "/sign-in/oidc"));
}

async function signInThere({ idp }: Setting, browser: TestBrowser, person: string, from?: string): Promise<Page> {
  const back = await idp.visit(await press(browser, from), person);
  return browser.get(pathOf(back));
}

const alice = { preferred_username: "alice", email: "alice@example.com", groups: ["support-team", "unknown"] };

describe("Signing in with an identity provider", () => {
  it("makes a user at first sight, with mapped roles, and comes back to the consent page (R-140)", async () => {
    const setting = await prepare();
    const { idp, here } = setting;
    idp.people.set("a1", alice);
    const from = sentTo(await here.currentUser(here.browser));
    const done = await signInThere(setting, here.browser, "a1", from);
    expect(refreshOf(done).pathname).toBe("/sign-in/continue");
    expect(await here.currentUser(here.browser)).toMatchObject({ name: expect.stringMatching(/^alice~[0-9a-f]{10}$/) });
    const [user, ...others] = await here.storage.users.list();
    expect(others).toEqual([]);
    expect(user).toMatchObject({ roles: [], owner: false, disabled: false, password_hash: undefined });
    expect(await here.storage.identities.list(user?.sub ?? "")).toEqual([
      {
        issuer: idp.issuer,
        subject: "a1",
        sub: user?.sub,
        name: "alice",
        roles: ["support"],
        roles_at: here.system.now(),
      },
    ]);
  });
});
