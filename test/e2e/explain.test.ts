import type { Page } from "playwright-core";
import { afterEach, beforeEach, expect, it } from "vitest";
import { addGrant } from "../../packages/sallyport/src/account/explain/testing/explained.js";
import { hashPassword } from "../../packages/sallyport/src/sign-in/password.js";
import { PASSWORD } from "../../packages/sallyport/src/sign-in/testing/installation.js";
import { describeInBrowser, inspect } from "./chromium.js";
import { type SignInInstallation, startInstallation } from "./sign-in/installation.js";

describeInBrowser("/explain in a browser", (newPage) => {
  let page: Page;
  let here: SignInInstallation;

  beforeEach(async () => {
    here = await startInstallation();
    page = await newPage({ baseURL: here.publicUrl });
  });
  afterEach(() => here.close());

  async function signIn(name: string, ...roles: readonly string[]): Promise<void> {
    const { user } = await here.users.addUser(name);
    await here.storage.users.update(user.sub, { roles, password_hash: await hashPassword(PASSWORD) });
    await addGrant(here.grants, { sub: user.sub, client_id: `${name}-desk`, scopes: ["crm:read"], now: here.now() });
    await page.goto("/explain");
    await page.getByLabel("User name").fill(name);
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Sign in with password" }).click();
    await page.getByRole("heading", { name: "Is that allowed?" }).waitFor();
  }

  async function ask(name: string, args = ""): Promise<string> {
    await page.getByLabel("Name", { exact: true }).fill(name);
    await page.getByLabel("With the arguments").fill(args);
    await page.getByRole("button", { name: "Ask", exact: true }).click();
    await page.locator("[role=status], [role=alert]").waitFor();
    return (await page.locator("[role=status], [role=alert]").textContent()) ?? "";
  }

  it("comes back after signing in, and answers in the same page", async () => {
    await signIn("alice", "support");
    expect(new URL(page.url()).pathname).toBe("/account/explain");
    expect(await inspect(page, "explain")).toEqual([]);
    expect(await ask("get_contact")).toMatch(/^AllowedYou may use tools\/get_contact on crm through The alice-desk\.$/);
    expect(await inspect(page, "explain-allowed")).toEqual([]);
    expect(await ask("update_contact", '{"credit_limit": 1}')).toContain("Not yet allowed");
    await page.getByText("What this answer used").click();
    await page.getByText("crm:read crm:write").waitFor();
    expect(await inspect(page, "explain-step-up")).toEqual([]);
    expect(await ask("update_contact", '{"credit_limit": 20000}')).toContain("Not allowed");
    expect(await inspect(page, "explain-denied")).toEqual([]);
  });

  it("says which field is wrong, focuses that, and keeps what was typed", async () => {
    await signIn("alice", "support");
    expect(await ask("get_contact", "{")).toMatch(/The arguments: this is not JSON \(.+\)\./);
    await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute("role"))).toBe("alert");
    await page.getByRole("link", { name: "The arguments: this is not JSON" }).click();
    expect(await page.getByLabel("With the arguments").inputValue()).toBe("{");
    expect(await inspect(page, "explain-problem")).toEqual([]);
  });

  it("shows an operator everything, for anybody", async () => {
    const { user } = await here.users.addUser("alice");
    await here.storage.users.update(user.sub, { roles: ["support"] });
    await signIn("olga", "operator");
    await page.getByLabel("Who").fill("alice");
    expect(await ask("update_contact", '{"credit_limit": 20000}')).toContain("alice may not use");
    await page.getByText("args.credit_limit > 10000.0").waitFor();
    expect(await inspect(page, "explain-operator")).toEqual([]);
  });

  it("works from the keyboard alone", async () => {
    await signIn("alice", "support");
    const focused = () => page.evaluate(() => document.activeElement?.id || document.activeElement?.textContent);
    const seen: (string | null | undefined)[] = [];
    for (let step = 0; step < 6; step++) {
      await page.keyboard.press("Tab");
      seen.push(await focused());
    }
    expect(seen).toEqual(["client", "kind", "name", "args", "Ask", "Your account"]);
    await page.getByLabel("Name", { exact: true }).focus();
    await page.keyboard.type("get_contact");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Allowed", exact: true }).waitFor();
  });
});
