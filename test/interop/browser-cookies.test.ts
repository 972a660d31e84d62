import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CHROMIUM_MISSING, launchChromium, MISSING_TITLE } from "../e2e/chromium.js";
import { isCaller, watchBrowser } from "../fixtures/watched-program.js";
import { createStrictClient, type Program, ROOT, startProgram } from "./harness.js";

/** A program on another port of this computer, which keeps the cookies that browsers bring along: they do not know ports (RFC 6265 §8.5). */
async function startCollector() {
  const cookies: string[] = [];
  const server = createServer((request, response) => {
    cookies.push(request.headers.cookie ?? "");
    response.end("You can close this window.");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  isCaller(port);
  return {
    origin: `http://localhost:${port}`,
    cookies,
    close: () => new Promise((resolve) => server.close(resolve).closeAllConnections()),
  };
}

describe.skipIf(CHROMIUM_MISSING)(CHROMIUM_MISSING ? MISSING_TITLE : "a callback on another port, in Chromium", () => {
  let browser: Browser;
  let program: Program;
  let collector: Awaited<ReturnType<typeof startCollector>>;

  beforeAll(async () => {
    browser = await launchChromium();
    collector = await startCollector();
    program = await startProgram({
      arguments: ["--", process.execPath, `${ROOT}node_modules/.bin/mcp-server-everything`],
    });
  });
  afterAll(async () => {
    await browser?.close();
    await program?.stop();
    await collector?.close();
  });

  /** Where a browser with these cookies ends: on a page for somebody signed in, or on the sign-in page. */
  async function whoIs(cookie: string, path: string): Promise<string> {
    let url = new URL(path, program.issuer);
    for (let step = 0; step < 5; step++) {
      const answer = await fetch(url, { headers: { cookie, accept: "text/html" }, redirect: "manual" });
      const location = answer.headers.get("location");
      if (location === null) return url.pathname;
      url = new URL(location, url);
    }
    return url.pathname;
  }

  test.each(["/callback", "/sign-in/callback", "/account/callback"])(
    "at %s gets no cookie with which it could come back as the person",
    async (path) => {
      const redirect_uri = collector.origin + path;
      const { as, client } = await createStrictClient(program.mcpUrl, redirect_uri);
      const authorize = new URL(as.authorization_endpoint ?? "");
      authorize.search = new URLSearchParams({
        response_type: "code",
        client_id: client.client_id,
        redirect_uri,
        code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        code_challenge_method: "S256",
        resource: program.mcpUrl,
        scope: "mcp:read",
      }).toString();
      const context = await browser.newContext();
      watchBrowser(context);
      const page = await context.newPage();
      page.setDefaultTimeout(10_000);
      await page.goto(authorize.href);
      if (signedInOnce) {
        await page.getByLabel("User name").fill("owner");
        await page.getByLabel("Password").fill(PASSWORD);
        await page.getByRole("button", { name: "Sign in with password" }).click();
      } else {
        await page.getByLabel("One-time code").fill(program.ownerCode());
        await page.getByRole("button", { name: "Continue" }).click();
        await page.getByLabel("New password").fill(PASSWORD);
        await page.getByRole("button", { name: "Set password" }).click();
        signedInOnce = true;
      }
      await page.getByRole("checkbox").first().waitFor();

      // In the middle of the flow the browser brings its cookie to every port of this host: that is why it ends with the flow.
      const other = await context.newPage();
      await other.goto(`${collector.origin}/in-the-middle`);
      const middle = collector.cookies.at(-1) ?? "";
      expect(middle).toMatch(/sallyport-\d+-flow=/);
      const consent = page.url();
      expect(await whoIs(middle, consent)).not.toMatch(/sign-in$/);
      expect(await whoIs(middle, authorize.href), "it is good for this request alone").toMatch(/\/sign-in$/);

      await page.getByRole("button", { name: /allow|approve|agree/i }).click();
      await page.waitForURL(`${redirect_uri}?**`);
      const last = collector.cookies.at(-1) ?? "";
      expect(last).not.toMatch(/-(flow|account)=|__Host-/);
      for (const cookie of [middle, last, `${middle}; ${last}`]) {
        expect(await whoIs(cookie, authorize.href)).toMatch(/\/sign-in$/);
        expect(await whoIs(cookie, "/account")).toMatch(/\/sign-in$/);
        expect((await fetch(consent, { headers: { cookie }, redirect: "manual" })).status).not.toBe(200);
      }
      await context.close();
    },
  );
});

const PASSWORD = "violet kettle answers twice";
let signedInOnce = false;
