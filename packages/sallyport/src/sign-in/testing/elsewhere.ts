import { system } from "@sallyport/auth";
import { createTestSystem, type TestSystem } from "@sallyport/auth/testing";
import { createRelyingParty, type RelyingPartyOptions } from "../../federation/index.js";
import { CLIENT } from "../../federation/testing/foreign-idp.js";
import type { Page, TestBrowser } from "./browser.js";
import { createInstallation, type Installation } from "./installation.js";

export const PUBLIC_URL = "http://localhost:4000";
export const CALLBACK = `${PUBLIC_URL}/sign-in/oidc/callback`;
export const SIGNED_OUT = `${PUBLIC_URL}/sign-in/oidc/signed-out`;
export const GUID = "0f9d1c1e-7c44-4a44-9a3e-2f6f2a0d8b11";

/** Our pages, with a provider to sign in with. The clock begins at the real time, since the provider's is real. */
export function createSiteWith(
  issuer: string,
  options: Partial<RelyingPartyOptions> = {},
): { readonly here: Installation; readonly clock: TestSystem; readonly ended: { sub: string; before: number }[] } {
  const clock = createTestSystem(system.now());
  const idp = createRelyingParty({
    ...CLIENT,
    issuer,
    callbackUrl: CALLBACK,
    signedOutUrl: SIGNED_OUT,
    label: "Acme",
    roles: { "support-team": ["support"], [GUID]: ["finance"] },
    requiredClaims: {},
    system: clock,
    ...options,
  });
  const ended: { sub: string; before: number }[] = [];
  const seen = new Set<string>();
  const logout = {
    endAccess: async (sub: string, before: number) => ended.push({ sub, before }),
    recordOnce: async (key: string) => !seen.has(key) && seen.add(key).has(key),
  };
  return { clock, ended, here: createInstallation({ publicUrl: PUBLIC_URL, idp, system: clock, logout }) };
}

/** Where a page of ours sends the browser by `Refresh`. */
export function refreshOf(page: Page): URL {
  const [, target] = /^0; url=(.*)$/.exec(page.headers.get("refresh") ?? "") ?? [];
  if (target === undefined) throw new Error(`goes nowhere: ${page.status} ${page.html}`);
  return new URL(target, PUBLIC_URL);
}

export const pathOf = ({ pathname, search }: URL) => pathname + search;

/** Presses the button of our own page. */
export async function press(browser: TestBrowser, from = "/sign-in"): Promise<Page> {
  return browser.submit(await browser.get(from), "/sign-in/oidc");
}

/** The reason that a page of ours names. */
export function reasonOf({ html }: Page): string | undefined {
  return /\((idp_[a-z_]+)\)/.exec(html)?.[1];
}
