import type { Page } from "playwright-core";
import { afterEach, beforeEach, expect, it } from "vitest";
import { PASSWORD } from "../../packages/sallyport/src/sign-in/testing/installation.js";
import { addAuthenticator, describeInBrowser, inspect } from "./chromium.js";
import { addAccess } from "./sign-in/account-records.js";
import { RESOURCE, type SignInInstallation, startInstallation } from "./sign-in/installation.js";

describeInBrowser("sign-in in a browser", (newPage) => {
  let page: Page;
  let here: SignInInstallation;

  beforeEach(async () => {
    here = await startInstallation();
    page = await newPage({ baseURL: here.publicUrl });
  });
  afterEach(() => here.close());

  async function enterCode() {
    const { code } = await here.users.createOwnerCode();
    await page.getByLabel("One-time code").fill(code.toLowerCase());
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByRole("heading", { name: "Choose how you sign in from now on" }).waitFor();
  }

  async function setPassword() {
    await page.getByLabel("New password").fill(PASSWORD);
    await page.getByRole("button", { name: "Set password" }).click();
  }

  async function signInByPassword(password = PASSWORD) {
    await page.getByLabel("User name").fill("Owner");
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Sign in with password" }).click();
  }

  it("takes the owner from the code over a password back to the authorization, and leaves no cookie behind it", async () => {
    await page.goto("/authorize?id=one");
    expect(await inspect(page, "sign-in-first")).toEqual([]);
    await enterCode();
    expect(await inspect(page, "set-up")).toEqual([]);
    await page.getByLabel("New password").fill("password1234");
    await page.getByRole("button", { name: "Set password" }).click();
    await page.getByRole("alert").waitFor();
    expect(await inspect(page, "set-up-refused")).toEqual([]);
    await setPassword();
    await page.getByText("consent of owner").waitFor();
    expect(new URL(page.url()).search).toBe("?id=one");
    const left = await page.context().cookies();
    expect(left.map(({ name }) => name)).toEqual([expect.stringMatching(/-form$/)]);
  });

  it("registers a passkey on localhost and signs in with it", async () => {
    const authenticator = await addAuthenticator(page);
    await page.goto("/account");
    await enterCode();
    await page.getByRole("button", { name: "Create a passkey" }).click();
    await page.getByRole("heading", { name: "Your account" }).waitFor();
    expect(await authenticator.credentials()).toMatchObject([{ isResidentCredential: true, rpId: "localhost" }]);
    await authenticator.presence(false);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    expect(await inspect(page, "sign-in")).toEqual([]);
    await authenticator.presence(true);
    await page.getByRole("button", { name: "Sign in with a passkey" }).click();
    await page.getByRole("heading", { name: "Your account" }).waitFor();
    await page.getByText("First passkey").waitFor();
    expect(await page.getByRole("button", { name: "Remove the passkey First passkey" }).count()).toBe(0);
    const [{ signCount } = { signCount: 0 }] = await authenticator.credentials();
    const [owner] = await here.storage.users.list();
    expect(await here.storage.users.passkeys(owner?.sub ?? "")).toMatchObject([{ counter: signCount }]);
  });

  it("says the same for a wrong password and an unknown user, and focuses what it says", async () => {
    await page.goto("/account");
    await enterCode();
    await setPassword();
    await page.getByRole("button", { name: "Sign out" }).click();
    await signInByPassword("not my password");
    await page.getByRole("alert").waitFor();
    expect(await page.evaluate(() => document.activeElement?.getAttribute("role"))).toBe("alert");
    expect(await inspect(page, "sign-in-refused")).toEqual([]);
    await signInByPassword();
    await page.getByRole("heading", { name: "Your account" }).waitFor();
    expect(await inspect(page, "account-empty")).toEqual([]);
  });

  it("shows what is connected elsewhere, what was kept of the sign-in there, and what ended", async () => {
    await page.goto("/account");
    await enterCode();
    await setPassword();
    const [at, since] = [{ connectPath: "/account/connect/x" }, here.now() - 9_000];
    here.connected.push(
      {
        ...{ ...at, kind: "sign-in", connection: "@sign-in", title: "Acme", scopes: ["openid", "profile"], since },
        ...{ usedBy: ["Customer records", "Invoices"], state: "connected" },
      },
      {
        ...{ ...at, kind: "account", connection: "desk", title: "Ticket Desk", scopes: ["tickets:read"], since },
        ...{ usedBy: ["Tickets"], state: "connected" },
      },
      {
        ...{ ...at, kind: "account", connection: "mail", title: "Mail with quite a long name of its own", since },
        ...{ scopes: [], usedBy: ["Tickets"], state: "ended" },
      },
      {
        ...{ ...at, kind: "account", connection: "files", title: "Files", scopes: [], since: undefined },
        ...{ usedBy: [], state: "open" },
      },
    );
    await page.getByRole("heading", { name: "Your account" }).waitFor();
    await page.reload();
    expect(await inspect(page, "account-connected")).toEqual([]);
    expect(await page.getByRole("button", { name: "Disconnect Ticket Desk" }).isVisible()).toBe(true);
    expect(await page.getByRole("button", { name: "End Acme" }).isVisible()).toBe(true);
    expect(await page.getByRole("link", { name: /^Connect/ }).count()).toBe(2);
  });

  it("shows who has access, ends one session, one program and all, and changes passkeys and password", async () => {
    const authenticator = await addAuthenticator(page);
    await page.goto("/account");
    await enterCode();
    await setPassword();
    const [owner] = await here.storage.users.list();
    await addAccess(here.grants, owner?.sub ?? "", { now: here.now(), resource: RESOURCE });
    await page.getByRole("heading", { name: "Your account" }).waitFor();
    await page.reload();
    expect(await inspect(page, "account")).toEqual([]);
    await page.getByRole("button", { name: "End session Claude Code, 16 November" }).click();
    await page.getByText("The session has ended.").waitFor();
    expect(await inspect(page, "account-done")).toEqual([]);
    await page.getByRole("button", { name: "Remove access of claude.ai" }).click();
    await page.getByText("The program has no access any more.").waitFor();
    expect(await here.liveSessions(owner?.sub ?? "")).toEqual(["s1"]);
    await page.getByText("Add a passkey").click();
    await page.getByLabel("Name of this passkey").fill("Work laptop");
    await page.getByText("Change password").first().click();
    expect(await inspect(page, "account-credentials")).toEqual([]);
    await page.getByRole("button", { name: "Add passkey" }).click();
    await page.getByText("The passkey was added.").waitFor();
    expect(await authenticator.credentials()).toHaveLength(1);
    await page.getByRole("button", { name: "Remove the passkey Work laptop" }).click();
    await page.getByText("The passkey was removed.").waitFor();
    await page.goto("/account/sign-out");
    expect(await inspect(page, "sign-out")).toEqual([]);
  });

  it("sends people from 127.0.0.1 to localhost, where passkeys work", async () => {
    await page.goto(`${here.publicUrl.replace("localhost", "127.0.0.1")}/sign-in`);
    expect(page.url()).toBe(`${here.publicUrl}/sign-in`);
  });

  it("runs no script but its own, and asks nobody else for anything", async () => {
    const requests: string[] = [];
    page.on("request", (request) => requests.push(new URL(request.url()).origin));
    const answer = await page.goto("/sign-in");
    expect(answer?.headers()["content-security-policy"]).toContain("default-src 'none'");
    await page.evaluate(() => {
      const script = document.createElement("script");
      script.textContent = "document.title = 'injected'";
      document.body.append(script);
    });
    expect(await page.title()).not.toBe("injected");
    expect(new Set(requests)).toEqual(new Set([here.publicUrl]));
  });

  it("tells to wait after too many tries, and a page that does not exist", async () => {
    await page.goto("/account");
    await enterCode();
    await setPassword();
    await page.getByRole("button", { name: "Sign out" }).click();
    for (let count = 0; count <= 10; count++) await signInByPassword(`wrong ${count}`);
    await page.getByRole("heading", { name: "Too many tries" }).waitFor();
    expect(await inspect(page, "too-many-tries")).toEqual([]);
    await page.goto("/sign-in/nowhere");
    expect(await inspect(page, "no-such-page")).toEqual([]);
  });
});
