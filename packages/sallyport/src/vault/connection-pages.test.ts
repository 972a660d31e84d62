import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { ForeignIdp } from "../federation/testing/foreign-idp.js";
import type { Page, TestBrowser } from "../sign-in/testing/browser.js";
import { createInstallation, type Installation, signInByPassword } from "../sign-in/testing/installation.js";
import { clientDocumentRow } from "./client-document.js";
import { connectionPages } from "./connection-pages.js";
import type { ConnectionStore } from "./contract.js";
import { createMemoryConnections } from "./testing/memory-connections.js";
import { type Client, createClient, PUBLIC_URL, startThirdParty } from "./testing/third-party.js";
import { Vault } from "./vault.js";

const PAGE = "/account/connect/desk";

let there: ForeignIdp;
let here: Installation;
let client: Client;
let store: ConnectionStore;
let alice: { readonly browser: TestBrowser; readonly sub: string };

beforeAll(async () => {
  there = await startThirdParty();
});
afterAll(() => there.close());
beforeEach(async () => {
  client = createClient(there.issuer);
  store = createMemoryConnections();
  const providers = new Map([["desk", client.provider]]);
  const connectUrl = (name: string) => `${PUBLIC_URL}/account/connect/${name}`;
  const vault = new Vault({ store, providers, connectUrl, personOf: ({ sub }) => sub, system: client.clock });
  const usedBy = () => ["Support <CRM>"];
  const pages = [...connectionPages({ vault, store, providers, usedBy }), clientDocumentRow(PUBLIC_URL)];
  here = createInstallation({ publicUrl: PUBLIC_URL, system: client.clock }, pages);
  alice = await signIn("alice");
});

/** A person with a browser that is signed in for /account. */
async function signIn(name: string): Promise<{ readonly browser: TestBrowser; readonly sub: string }> {
  const { browser, user } = await here.addPerson(name);
  await signInByPassword(browser, name);
  return { browser, sub: user.sub };
}

const refresh = (page: Page): URL =>
  new URL(/^0; url=(.*)$/.exec(page.headers.get("refresh") ?? "")?.[1] ?? "", PUBLIC_URL);
const pathOf = ({ pathname, search }: URL) => pathname + search;

/** Presses the button, and answers where the other system sends the browser back to. */
async function goThere(browser: TestBrowser, account: string, from = PAGE): Promise<URL> {
  return there.visit(refresh(await browser.submit(await browser.get(from), PAGE)), account);
}

/** The callback, and the page that it goes on to. */
async function comeBack(browser: TestBrowser, back: URL): Promise<Page> {
  return browser.get(pathOf(refresh(await browser.get(pathOf(back)))));
}

describe("connecting an account at another system", () => {
  test("says who, where, what for and what is asked, goes there and back, and is kept for that person", async () => {
    const page = await alice.browser.get(PAGE);
    for (const text of ["Connect Ticket Desk", "alice", "Support &lt;CRM&gt;", "tickets:read"])
      expect(page.html).toContain(text);
    expect(page.html).not.toContain("tickets:write");
    const done = await comeBack(alice.browser, await goThere(alice.browser, "a1"));
    expect(done.html).toContain("Ticket Desk is connected");
    expect(await store.list(alice.sub)).toMatchObject([{ connection: "desk", scopes: ["openid", "tickets:read"] }]);
    expect(done.html).not.toContain((await store.find(alice.sub, "desk"))?.tokens?.access_token);
  });

  test("asks for more where the address says so, and only what the configuration lets be asked for", async () => {
    const from = `${PAGE}?${new URLSearchParams({ scope: "tickets:write admin" })}`;
    const away = refresh(await alice.browser.submit(await alice.browser.get(from), PAGE, {}));
    expect(away.searchParams.get("scope")).toBe("openid tickets:read tickets:write");
    expect(away.searchParams.get("code_challenge_method")).toBe("S256");
  });

  test("begins with signing in here, and comes back to the same page", async () => {
    await here.addPerson("bob");
    const browser = here.newBrowser();
    const sent = await browser.get(`${PAGE}?scope=tickets%3Awrite`);
    expect(sent.status).toBe(303);
    const page = await signInByPassword(browser, "bob", { from: sent.location });
    expect(page.location).toContain(PAGE);
    expect((await browser.get(page.location)).html).toContain("tickets:write");
  });

  test("R-44: the answer brought by another person, another browser, twice, or for another connection connects nothing", async () => {
    const mallory = await signIn("mallory");
    const back = await goThere(mallory.browser, "m1");
    // Mallory lets Alice finish what Mallory began: Alice's calls would use Mallory's account.
    expect((await comeBack(alice.browser, back)).html).toContain("not of this browser");
    expect(await store.list(alice.sub)).toEqual([]);
    expect((await comeBack(mallory.browser, back)).html).toContain("is connected");
    expect((await comeBack(mallory.browser, back)).html).toContain("not of this browser");
    const stranger = here.newBrowser();
    expect((await stranger.get(pathOf(refresh(await stranger.get(pathOf(back)))))).status).toBe(303);
  });

  test("is not begun by a form of another site, without our token, or too late", async () => {
    const page = await alice.browser.get(PAGE);
    expect((await alice.browser.post(PAGE, {})).status).toBe(403);
    const foreign = { origin: "https://evil.example", "sec-fetch-site": "cross-site" };
    const csrf = /name="csrf" value="([^"]+)"/.exec(page.html)?.[1] ?? "";
    expect((await alice.browser.post(PAGE, { csrf }, foreign)).status).toBe(403);
    const back = await goThere(alice.browser, "a1");
    client.clock.advance(601);
    expect(await comeBack(alice.browser, back).then(({ status }) => status)).not.toBe(200);
    expect(await store.list(alice.sub)).toEqual([]);
  });

  test.each<[string, (back: URL) => void, string]>([
    [
      "the person cancelled",
      (back) => {
        back.searchParams.delete("code");
        back.searchParams.set("error", "access_denied");
      },
      "connection_denied",
    ],
    [
      "the code is of somebody's own making",
      (back) => back.searchParams.set("code", "forged"),
      "connection_answer_refused",
    ],
    [
      "R-115: the answer is another server's",
      (back) => back.searchParams.set("iss", "https://evil.example"),
      "connection_answer_refused",
    ],
  ])("says what happened when %s, and connects nothing", async (_, change, reason) => {
    const back = await goThere(alice.browser, "a1");
    change(back);
    const page = await comeBack(alice.browser, back);
    expect(page.status).toBe(403);
    expect(page.html).toContain(reason);
    expect(page.html).not.toContain("evil");
    expect(await store.list(alice.sub)).toEqual([]);
  });

  test("says so while the other system does not answer", async () => {
    client.interrupt = () => Promise.reject(new TypeError("down"));
    const page = await alice.browser.submit(await alice.browser.get(PAGE), PAGE);
    expect(page.status).toBe(503);
    expect(page.html).toContain("connection_unreachable");
  });

  test.each(["/account/connect/other", "/account/connect/", "/account/connect/desk/more"])(
    "%s is no page",
    async (path) => {
      expect((await alice.browser.get(path)).status).toBe(404);
    },
  );

  test("our client ID metadata document names itself and its one redirect URI", async () => {
    const answer = await here.signIn.app.fetch(new Request(`${PUBLIC_URL}/account/connections/client.json`));
    expect(await answer.json()).toMatchObject({
      client_id: `${PUBLIC_URL}/account/connections/client.json`,
      redirect_uris: [`${PUBLIC_URL}/account/connections/callback`],
      token_endpoint_auth_method: "none",
    });
  });
});
