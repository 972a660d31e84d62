import type { Page } from "playwright-core";
import { afterEach, beforeEach, expect, it } from "vitest";
import { PASSWORD } from "../../packages/sallyport/src/sign-in/testing/installation.js";
import { describeInBrowser } from "./chromium.js";
import { addAccess } from "./sign-in/account-records.js";
import { RESOURCE, type SignInInstallation, startInstallation } from "./sign-in/installation.js";

describeInBrowser("the keyboard alone", (newPage) => {
  let page: Page;
  let here: SignInInstallation;

  beforeEach(async () => {
    here = await startInstallation();
    page = await newPage({ baseURL: here.publicUrl });
  });
  afterEach(() => here.close());

  /** What has the focus, by its name, and whether that can be seen; `""`: the page itself. */
  const focused = () =>
    page.evaluate(() => {
      const at = document.activeElement as HTMLInputElement | null;
      if (at === null || at === document.body) return { name: "", seen: true };
      const name = at.getAttribute("aria-label") ?? at.labels?.[0]?.textContent ?? at.textContent ?? "";
      return { name: name.trim().replace(/\s+/g, " "), seen: getComputedStyle(at).outlineStyle !== "none" };
    });

  /** Goes on until something has the focus, and answers what was met on the way. */
  async function tabTo(name: string, key: "Tab" | "Shift+Tab" = "Tab"): Promise<readonly string[]> {
    const met: string[] = [];
    for (let step = 0; step < 40; step++) {
      const at = await focused();
      expect(at.seen, `the focus on ${at.name} can be seen`).toBe(true);
      met.push(at.name);
      if (at.name === name) return met;
      await page.keyboard.press(key);
    }
    return expect.unreachable(`${name} is not met: ${met.join(", ")}`);
  }

  async function type(field: string, text: string): Promise<void> {
    await tabTo(field);
    await page.keyboard.type(text);
  }

  it("signs in by code, sets a password, ends what has access, signs out, and signs in by password", async () => {
    await page.goto("/account");
    const { code } = await here.users.createOwnerCode();
    await type("One-time code", code);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Choose how you sign in from now on" }).waitFor();
    await type("New password", PASSWORD);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Your account" }).waitFor();

    const [owner] = await here.storage.users.list();
    await addAccess(here.grants, owner?.sub ?? "", { now: here.now(), resource: RESOURCE });
    await page.goto("/account");
    expect(await tabTo("Ask whether a call is allowed")).toEqual([
      "",
      "Sign out",
      "Remove access of claude.ai",
      "End session claude.ai, 16 November",
      "Remove access of Claude Code (everything)",
      "End session Claude Code, 14 November",
      "End session Claude Code, 16 November",
      "Remove the access of every program…",
      "Sign in again",
      "Ask whether a call is allowed",
    ]);
    await tabTo("End session Claude Code, 16 November", "Shift+Tab");
    await page.keyboard.press("Enter");
    await page.getByText("The session has ended.").waitFor();
    expect(await here.liveSessions(owner?.sub ?? "")).not.toContain("s2");

    await tabTo("Remove the access of every program…");
    await page.keyboard.press("Enter");
    await tabTo("Remove all access");
    await page.keyboard.press("Space");
    await page.getByText("No program has access any more.").waitFor();
    expect(await here.liveSessions(owner?.sub ?? "")).toEqual([]);

    await tabTo("Sign out");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await type("User name", "Owner");
    await type("Password", PASSWORD);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Your account" }).waitFor();
  });
});
