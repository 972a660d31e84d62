import { existsSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

const EXECUTABLE = process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";

/** Without a browser these tests cannot run: said in their titles, and a failure in CI. */
export const CHROMIUM_MISSING = !existsSync(EXECUTABLE);
const MUST_HAVE_CHROMIUM = process.env.CI === "true";
export const MISSING_TITLE = `SKIPPED, NOTHING WAS CHECKED: no browser at ${EXECUTABLE} (set CHROMIUM_PATH)`;

export async function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: EXECUTABLE,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** Opens a page with nothing kept from others; it is closed after the test that opened it. */
export type NewPage = (options?: BrowserContextOptions) => Promise<Page>;

/** Tests that share one browser. Without a browser none of them runs: their title says so, and in CI that fails. */
export function describeInBrowser(title: string, suite: (newPage: NewPage) => void): void {
  test("has a browser, or this is not CI", () => expect(CHROMIUM_MISSING && MUST_HAVE_CHROMIUM).toBe(false));

  describe.skipIf(CHROMIUM_MISSING)(CHROMIUM_MISSING ? `${title}: ${MISSING_TITLE}` : title, () => {
    let browser: Browser;
    let opened: Page[] = [];
    beforeAll(async () => {
      browser = await launchChromium();
    });
    afterAll(() => browser.close());
    afterEach(async () => {
      for (const page of opened) await page.context().close();
      opened = [];
    });
    suite(async (options = {}) => {
      const page = await (await browser.newContext(options)).newPage();
      opened.push(page);
      page.setDefaultTimeout(5000);
      return page;
    });
  });
}

/** A device with a fingerprint reader that always says yes (WebAuthn §11, virtual authenticators). */
export async function addAuthenticator(page: Page) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("WebAuthn.enable");
  const options = {
    protocol: "ctap2",
    transport: "internal",
    hasResidentKey: true,
    hasUserVerification: true,
    isUserVerified: true,
    automaticPresenceSimulation: true,
  } as const;
  const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", { options });
  return {
    credentials: async () => (await devtools.send("WebAuthn.getCredentials", { authenticatorId })).credentials,
    presence: (enabled: boolean) =>
      devtools.send("WebAuthn.setAutomaticPresenceSimulation", { authenticatorId, enabled }),
  };
}

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** What axe-core finds on the page as it is, one line a finding. */
export async function axeViolations(page: Page): Promise<readonly string[]> {
  const loaded = await page.evaluate(() => "axe" in globalThis);
  // Through the debugger, so that the page's own content security policy stays as it is.
  if (!loaded) await page.evaluate((await import("node:fs")).readFileSync(AXE, "utf8"));
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } };
    interface Violation {
      readonly id: string;
      readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
    }
    const { violations } = await axe.run();
    return violations.flatMap(({ id, nodes }) =>
      nodes.map((node) => `${id}: ${node.html} ${node.failureSummary ?? ""}`),
    );
  });
}

const FOLDER = fileURLToPath(new URL("../../artifacts/screenshots/", import.meta.url));
const WIDTHS = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } } as const;

/** Checks the page with axe-core and keeps a picture of it, in both widths and both colour schemes. */
export async function inspect(page: Page, name: string): Promise<readonly string[]> {
  mkdirSync(FOLDER, { recursive: true });
  const found: string[] = [];
  for (const [width, viewport] of Object.entries(WIDTHS)) {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth > document.documentElement.clientWidth,
      );
      if (overflow) found.push(`${name} ${width}: scrolls sideways`);
      // Colours depend on the scheme, layout on the width: two of the four combinations see both.
      const checked = (width === "desktop") === (colorScheme === "light") ? await axeViolations(page) : [];
      found.push(...checked.map((violation) => `${name} ${width} ${colorScheme}: ${violation}`));
      await page.screenshot({ path: join(FOLDER, `${name}-${width}-${colorScheme}.png`), fullPage: true });
    }
  }
  await page.setViewportSize(WIDTHS.desktop);
  return found;
}
