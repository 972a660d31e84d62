import { describe, expect, it } from "vitest";
import { PASSKEY_SCRIPT, PASSKEY_SCRIPT_HASH } from "./passkey-script.js";
import { createInstallation, sentTo, signInByPassword } from "./testing/installation.js";

const PAGES = [
  "/sign-in",
  "/sign-in/continue?return_to=/consent",
  "/account/sign-out",
  "/sign-in/nowhere",
  "/account/set-up",
];

describe("the pages of sign-in", () => {
  it.each(PAGES)("%s loads nothing, is not framed, kept or refered from (R-142)", async (path) => {
    const here = createInstallation({ publicUrl: "https://example.com" });
    const { browser } = await here.addPerson("alice");
    const { headers } = await browser.get(path);
    expect(Object.fromEntries(headers)).toMatchObject({
      "cache-control": "no-store",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
    });
    const policy = Object.fromEntries(
      (headers.get("content-security-policy") ?? "")
        .split("; ")
        .map((part) => [part.split(" ")[0], part.split(" ").slice(1)]),
    );
    expect(policy).toEqual({
      "default-src": ["'none'"],
      "script-src": [PASSKEY_SCRIPT_HASH],
      "style-src": [expect.stringMatching(/^'sha256-[\w+/]{43}='$/)],
      "img-src": ["data:"],
      "form-action": ["'self'"],
      "base-uri": ["'none'"],
      "frame-ancestors": ["'none'"],
    });
  });

  it("have one script of at most 60 lines, that makes no request and writes no markup", () => {
    expect(PASSKEY_SCRIPT.split("\n").length).toBeLessThanOrEqual(60);
    expect(PASSKEY_SCRIPT).not.toMatch(/innerHTML|insertAdjacent|document\.write|eval|fetch|XMLHttp|import|<\//);
  });

  it.each([
    ["/sign-in/code", { code: "x" }],
    ["/sign-in/password", { username: "alice", password: "x" }],
    ["/sign-in/passkey", { credential: "{}", nonce: "x" }],
    ["/account/set-up/password", { password: "x" }],
    ["/account/set-up/passkey", { credential: "{}", nonce: "x" }],
    ["/account/sign-out", {}],
  ])(
    "POST %s wants the token of the form and the origin of the page (authz-consent-csrf-clickjack)",
    async (path, fields) => {
      const here = createInstallation({ publicUrl: "https://example.com" });
      const { browser } = await here.addPerson("alice");
      const other = await createInstallation({ publicUrl: "https://example.com" }).newBrowser().get("/sign-in");
      const csrf = /name="csrf" value="([\w-]{43})"/.exec(other.html)?.[1] ?? "missing";
      for (const token of ["", csrf]) {
        expect((await browser.post(path, { ...fields, csrf: token })).status).toBe(403);
      }
      for (const headers of [{ "sec-fetch-site": "cross-site" }, { origin: "https://evil.example" }]) {
        expect(await browser.post(path, { ...fields, csrf }, headers)).toMatchObject({
          status: 403,
          html: expect.stringContaining("another website"),
        });
      }
      expect((await browser.get("/account/sign-out")).html).toContain("alice");
    },
  );

  it.each([undefined, "*/*", "application/json, text/event-stream"])(
    "are none for a program that asks for an address that is not served, accepting %s: it gets JSON",
    async (accept) => {
      const { app } = createInstallation().signIn;
      const request = new Request("http://localhost:4000/mcp/nope", {
        method: "POST",
        headers: accept ? { accept } : {},
      });
      const response = await app.fetch(request);
      expect([response.status, response.headers.get("cache-control")]).toEqual([404, "no-store"]);
      expect(await response.json()).toMatchObject({ error: "not_found" });
    },
  );

  it.each([
    ["/team/mcp/crm/", "the MCP endpoint has the same address without the slash at its end."],
    ["/team/mcp/crm/?x=1", "the MCP endpoint has the same address without the slash at its end."],
    ["/team/mcp/crm//", "check the URL, with the server's name in it."],
    ["/team/mcp/nope/", "check the URL, with the server's name in it."],
    ["/mcp/crm/", "check the URL, with the server's name in it."],
  ])("are none at %s, which %s", async (path, advice) => {
    const publicUrl = "http://localhost:4000/team";
    const { app } = createInstallation({ publicUrl, endpoints: ["/team/mcp/wiki", "/team/mcp/crm"] }).signIn;
    const response = await app.fetch(new Request(`http://localhost:4000${path}`, { method: "POST" }));
    expect(response.status).toBe(404);
    expect((await response.json()).error_description).toBe(`Nothing is served at this address; ${advice}`);
  });

  it("carry only our own paths, whatever the link said", async () => {
    const here = createInstallation();
    await here.addPerson("alice");
    for (const hostile of ["//evil.example/consent", "https://evil.example", "/\\evil.example", "/token"]) {
      const from = `/sign-in?return_to=${encodeURIComponent(hostile)}`;
      expect((await here.browser.get(from)).html).not.toContain("evil");
      expect((await signInByPassword(here.browser, "alice", { from })).location).toMatch(
        /^\/account\?ticket=[\w-]{43}$/,
      );
      const page = await here.browser.get(`/sign-in/continue?return_to=${encodeURIComponent(hostile)}`);
      expect(page.status).toBe(404);
      expect(page.headers.has("refresh")).toBe(false);
    }
  });

  it("escape what people type", async () => {
    const here = createInstallation();
    await here.addPerson("alice");
    const page = await signInByPassword(here.browser, `"><script>alert(1)</script>`);
    expect(page.html).toContain("&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;");
  });

  it("stay below the path of the public URL, with cookies that keep to it", async () => {
    const here = createInstallation({ publicUrl: "http://localhost:4000/team" });
    const { code } = await here.users.createOwnerCode();
    const { browser } = here;
    expect((await browser.get("/sign-in")).status).toBe(404);
    const page = await browser.get("/team/sign-in");
    const setUp = await browser.submit(page, "/sign-in/code", { code });
    expect(setUp.location).toMatch(/^\/team\/account\/set-up\?ticket=[\w-]{43}$/);
    const done = await browser.submit(await browser.get(setUp.location), "/password", {
      password: "violet kettle answers",
    });
    expect(done.location).toMatch(/^\/team\/account\?ticket=[\w-]{43}$/);
    expect([...browser.cookies.values()].map(({ path }) => path).sort()).toEqual(["/team/account", "/team/sign-in"]);
  });

  it("sign out from the account page, and from the consent page back to it", async () => {
    const here = createInstallation();
    const { browser } = await here.addPerson("alice");
    const account = await browser.submit(await browser.get("/account/sign-out"), "/account/sign-out");
    expect(account.location).toBe("/sign-in?signed_out");
    expect(sentTo(await here.signIn.accountUser(browser.request("/account")))).toContain("/sign-in");
    await signInByPassword(browser, "alice", { from: sentTo(await here.currentUser(browser)) });
    const url = here.signIn.signOutUrl("http://localhost:4000/consent?request=p1");
    expect(url).toBe("http://localhost:4000/sign-out?return_to=%2Fconsent%3Frequest%3Dp1");
    const page = await browser.get(url);
    expect(page.html).toContain("alice");
    expect((await browser.submit(page, "/sign-out")).location).toBe(
      "/sign-in/continue?return_to=%2Fconsent%3Frequest%3Dp1",
    );
    expect(await here.currentUser(browser)).toBeInstanceOf(Response);
  });

  it("offer passkeys only where WebAuthn works, and say where that is", async () => {
    const here = createInstallation({ publicUrl: "http://127.0.0.1:4000" });
    const { browser } = await here.addPerson("alice");
    const page = await browser.get("/sign-in");
    expect(page.html).not.toContain("data-passkey");
    expect(page.html).toContain("--public-url http://localhost:4000");
  });

  it("come without a passkey challenge for who asks for too many", async () => {
    const limits = {
      name: { points: 9, duration: 60 },
      address: { points: 9, duration: 60 },
      page: { points: 2, duration: 60 },
    };
    const here = createInstallation({ limits });
    await here.addPerson("alice");
    const pages = [
      await here.browser.get("/sign-in"),
      await here.browser.get("/sign-in"),
      await here.browser.get("/sign-in"),
    ];
    expect(pages.map(({ html }) => html.includes("data-passkey"))).toEqual([true, true, false]);
  });

  it("answer a failing store with an id and no detail, and log the detail under it", async () => {
    const here = createInstallation();
    Object.assign(here.storage.users, { list: () => Promise.reject(new Error("disk is gone")) });
    const page = await here.browser.get("/sign-in");
    expect(page.status).toBe(500);
    expect(page.html).not.toContain("disk");
    const id = /<code>([\w-]{12})<\/code>/.exec(page.html)?.[1];
    expect(here.system.lines).toContainEqual({
      level: "error",
      message: "page failed",
      fields: { id, error: "disk is gone" },
    });
  });
});
