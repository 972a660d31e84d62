import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { addAuthenticator } from "../e2e/chromium.js";
import { watchBrowser } from "../fixtures/watched-program.js";
import type { Answer, Person, PersonOptions } from "./person.js";
import { ROOT } from "./program.js";

const PICTURES = join(ROOT, "artifacts/screenshots");

/** Somebody with Chromium: the same steps as the person without scripts, by what the pages show. Pictures are kept of every page. */
export async function createBrowserPerson(
  browser: Browser,
  options: PersonOptions & {
    /** Signs in by a passkey of a device that always says yes (WebAuthn §11, virtual authenticators), instead of a password. */
    readonly passkey?: boolean;
  },
): Promise<Person & { close(): Promise<void> }> {
  const context = await browser.newContext();
  watchBrowser(context);
  const password = options.password ?? "violet kettle answers twice";
  const trail: string[] = [];
  const consentPages: string[] = [];
  const { passkey = false } = options;
  let known = false;
  /** A virtual authenticator belongs to one page: whoever has one stays on it. */
  let own: Page | undefined;
  mkdirSync(PICTURES, { recursive: true });

  async function keep(page: Page, step: string): Promise<void> {
    trail.push(`${step}: ${new URL(page.url()).pathname}`);
    await page.screenshot({
      path: join(PICTURES, `interop-${String(trail.length).padStart(2, "0")}-${step}.png`),
      fullPage: true,
    });
  }

  async function openPage(): Promise<Page> {
    if (own !== undefined) return own;
    const page = await context.newPage();
    if (!passkey) return page;
    await addAuthenticator(page);
    own = page;
    return page;
  }

  async function signIn(page: Page): Promise<void> {
    if (known && passkey) {
      // The page asks for it among the suggestions of the name field (conditional mediation), and this device says yes at once.
      trail.push("sign-in-passkey");
      return page.waitForURL(({ pathname }) => !pathname.endsWith("/sign-in"));
    }
    if (known) {
      await page.getByLabel("User name").fill(options.userName ?? "owner");
      await page.getByLabel("Password").fill(password);
      await keep(page, "sign-in");
      await page.getByRole("button", { name: "Sign in with password" }).click();
      return;
    }
    await page.getByLabel("One-time code").fill(options.code());
    await keep(page, "code");
    await page.getByRole("button", { name: "Continue" }).click();
    known = true;
    await keep(page, "set-up");
    if (passkey) return page.getByRole("button", { name: "Create a passkey" }).click();
    await page.getByLabel("New password").fill(password);
    await page.getByRole("button", { name: "Set password" }).click();
  }

  async function consent(page: Page, { scopes, approve = true }: Answer): Promise<void> {
    const boxes = page.getByRole("checkbox");
    await boxes.first().waitFor();
    consentPages.push(await page.content());
    const wanted = (value: string) => scopes === "all" || scopes?.includes(value) === true;
    for (const box of scopes === undefined ? [] : await boxes.all()) {
      if (await box.isEnabled()) await box.setChecked(wanted((await box.getAttribute("value")) ?? ""));
    }
    await keep(page, "consent");
    await page.getByRole("button", { name: approve ? /allow|approve|agree/i : /deny|refuse|cancel/i }).click();
  }

  return {
    trail,
    consentPages,
    async visit(authorizationUrl, answer = {}) {
      const url = new URL(authorizationUrl);
      const page = await openPage();
      page.setDefaultTimeout(15_000);
      const callback = new URL(url.searchParams.get("redirect_uri") ?? "");
      const arrived = new Promise<URL>((resolve) => {
        void page.route(`${callback.origin}/**`, (route) => {
          resolve(new URL(route.request().url()));
          return route.fulfill({ contentType: "text/plain", body: "You can close this window." });
        });
      });
      await page.goto(url.href);
      if (new URL(page.url()).pathname.endsWith("/sign-in")) await signIn(page);
      await consent(page, answer);
      const answered = await arrived;
      await page.waitForURL(`${callback.origin}/**`);
      if (page === own) await page.unrouteAll();
      else await page.close();
      return answered;
    },
    close: () => context.close(),
  };
}
