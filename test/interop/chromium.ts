import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const PATHS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/**
 * Where a Chromium is: `CHROMIUM_PATH`, else where Debian puts it. `undefined` when there is none: a fresh clone needs Node and nothing
 * else. With `SALLYPORT_REQUIRE_BROWSER=1`, as in CI, that is an error: no test of a page may be left out unseen.
 */
export function chromiumPath(): string | undefined {
  const path = [process.env.CHROMIUM_PATH, ...PATHS].find((one) => one !== undefined && existsSync(one));
  if (path === undefined && process.env.SALLYPORT_REQUIRE_BROWSER === "1") {
    throw new Error("No Chromium found. Install it (apt-get install chromium) or set CHROMIUM_PATH.");
  }
  return path;
}

export async function launchChromium(): Promise<Browser> {
  const executablePath = chromiumPath();
  if (executablePath === undefined) throw new Error("No Chromium found; ask chromiumPath() first.");
  return chromium.launch({ executablePath, args: FLAGS, headless: true });
}
