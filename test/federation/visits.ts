import { createHash, randomBytes } from "node:crypto";
import type { ForeignIdp } from "../../packages/sallyport/src/federation/testing/foreign-idp.js";
import {
  createTestBrowser,
  type Page,
  type TestBrowser,
} from "../../packages/sallyport/src/sign-in/testing/browser.js";
import type { Site } from "./site.js";

export const REDIRECT = "http://127.0.0.1:49152/callback";

export interface Asked {
  readonly browser: TestBrowser;
  readonly client_id: string;
  readonly verifier: string;
  readonly page: Page;
}

/** People who sign in at a site through its identity provider, as their browsers see it. */
export function createVisits(site: Pick<Site, "publicUrl">, idp: Pick<ForeignIdp, "visit">) {
  const newBrowser = () => createTestBrowser(site.publicUrl, (request) => fetch(request, { redirect: "manual" }));
  const register = async (client_name: string): Promise<string> => {
    const answer = await fetch(`${site.publicUrl}/register`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ client_name, redirect_uris: [REDIRECT], token_endpoint_auth_method: "none" }),
    });
    return (await answer.json()).client_id;
  };
  /** Follows redirects and refreshes of our own, to the page that waits for a person, or to the first foreign address. */
  const follow = async (
    browser: TestBrowser,
    first: Page,
  ): Promise<{ readonly page: Page; readonly away: URL | undefined }> => {
    let page = first;
    for (let hops = 0; hops < 10; hops++) {
      const refresh = /^0; url=(.*)$/.exec(page.headers.get("refresh") ?? "")?.[1];
      const next = page.location !== "" ? page.location : refresh;
      if (next === undefined) return { page, away: undefined };
      const url = new URL(next, site.publicUrl);
      if (url.origin !== site.publicUrl) return { page, away: url };
      page = await browser.get(url.pathname + url.search);
    }
    throw new Error(`going round in circles at ${page.html}`);
  };
  /** From our page with the button, by way of the provider, to our page that waits. */
  const signIn = async (person: string, browser: TestBrowser, first: Page): Promise<Page> => {
    const start = await follow(browser, first);
    if (!start.page.html.includes("Sign in with Acme")) throw new Error(`no sign-in page: ${start.page.html}`);
    const { away } = await follow(browser, await browser.submit(start.page, "/sign-in/oidc"));
    if (away === undefined) throw new Error("not sent to the provider");
    const back = await idp.visit(away, person);
    return (await follow(browser, await browser.get(back.pathname + back.search))).page;
  };
  /** From the client's request to our consent page, or whatever comes instead. */
  const ask = async (
    person: string,
    client_id: string,
    { browser = newBrowser(), server = "crm" }: { readonly browser?: TestBrowser; readonly server?: string } = {},
  ): Promise<Asked> => {
    const verifier = randomBytes(32).toString("base64url");
    const query = new URLSearchParams({
      client_id,
      response_type: "code",
      redirect_uri: REDIRECT,
      scope: "mcp:read",
      code_challenge: createHash("sha256").update(verifier).digest("base64url"),
      code_challenge_method: "S256",
      resource: `${site.publicUrl}/mcp/${server}`,
    });
    const page = await signIn(person, browser, await browser.get(`/authorize?${query}`));
    return { browser, client_id, verifier, page };
  };
  const token = async (fields: Readonly<Record<string, string>>) => {
    const answer = await fetch(`${site.publicUrl}/token`, { method: "POST", body: new URLSearchParams(fields) });
    return { status: answer.status, body: await answer.json() };
  };
  const approve = async ({ browser, client_id, verifier, page }: Asked) => {
    const done = await browser.submit(page, "/consent", { decision: "approve", scope: "mcp:read" });
    const code = new URL(done.location).searchParams.get("code") ?? "";
    const fields = { grant_type: "authorization_code", code, client_id, redirect_uri: REDIRECT };
    const answer = await token({ ...fields, code_verifier: verifier });
    return answer.body as { readonly access_token: string; readonly refresh_token: string };
  };
  return { newBrowser, register, follow, signIn, ask, token, approve };
}

export type Visits = ReturnType<typeof createVisits>;
