import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { sendResponse, toRequest } from "@sallyport/auth/node";
import {
  createTestAuthorizationServer,
  createTestClient,
  describeTestResource,
  type TestAuthorizationServer,
} from "@sallyport/auth/testing";
import type { Page } from "playwright-core";
import { afterEach, beforeEach, expect, it } from "vitest";
import { describeInBrowser, inspect } from "./chromium.js";

describeInBrowser("the consent page in a browser", (newPage) => {
  let page: Page;
  let listener: Server;
  let callbacks: string[];
  let server: TestAuthorizationServer;
  /** Where the listener is; the client's own listener is the same one under another path. */
  let origin: string;

  beforeEach(async () => {
    callbacks = [];
    listener = createServer(async (req, res) => {
      if (req.url?.startsWith("/callback")) callbacks.push(req.url);
      const answer = await server.handle(toRequest(req, origin, new AbortController().signal));
      await sendResponse(res, answer ?? new Response("the client has it"));
    });
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    origin = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
    server = await createTestAuthorizationServer({
      issuer: origin,
      lastRefusal: async () => ({ tool: "update_customer", scopes: ["mcp:write"] }),
      signOutUrl: (to) => `/sign-out?to=${encodeURIComponent(to)}`,
    });
    page = await newPage();
  });
  afterEach(async () => {
    listener.closeAllConnections();
    await new Promise((resolve) => listener.close(resolve));
  });

  async function open(scope = "mcp:read") {
    // Another origin than the issuer's, as a client's is: the content security policy has to let the answer through.
    const redirect_uri = `${origin.replace("127.0.0.1", "localhost")}/callback`;
    const client = await createTestClient(server, { redirect_uri });
    await page.goto(await client.authorizationUrl({ scope }));
    return client;
  }

  it("says everything, and is accessible at every width and in both schemes", async () => {
    await open();
    expect(await inspect(page, "consent")).toEqual([]);
    await page.getByText("1 tool · mcp:read").click();
    expect(await page.getByText("search_customers").isVisible()).toBe(true);
  });

  it("says so where nobody knows the tools of a server yet, with the names that a permission allows", async () => {
    const describeResource = async (resource: string) => {
      const [read, write] = [
        ["get_*", "search_*"],
        ["update_*", "*_refund", "tickets/**"],
      ];
      const { scopes, ...rest } = describeTestResource(resource);
      return {
        ...rest,
        scopes: scopes.map((scope) => ({ ...scope, tools: [], expected: scope.scope === "mcp:read" ? read : write })),
      };
    };
    server = await createTestAuthorizationServer({ issuer: origin, describeResource });
    await open("mcp:read mcp:write");
    const learned = page.getByText("tools not known yet");
    expect(await learned.count()).toBe(2);
    for (const summary of await learned.all()) await summary.click();
    expect(await page.getByText("It may call those called get_*, search_*.").isVisible()).toBe(true);
    expect(await inspect(page, "consent-tools-unknown")).toEqual([]);
  });

  it("R-142, design §5.12: approving lets the browser follow the answer to the client", async () => {
    await open();
    await page.getByRole("button", { name: "Allow" }).click();
    await page.getByText("the client has it").waitFor();
    expect(callbacks.map((url) => url.replace(/code=[\w-]{43}/, "code=…"))).toEqual([
      `/callback?code=…&state=state%20of%20the%20client&iss=${encodeURIComponent(origin)}`,
    ]);
  });

  it("works from the keyboard alone, in the order of the page", async () => {
    await open();
    const focused = () =>
      page.evaluate(() => {
        const { activeElement: at } = document;
        return at instanceof HTMLInputElement ? at.value : at?.textContent?.trim();
      });
    const seen: (string | undefined)[] = [];
    for (let step = 0; step < 7; step++) {
      await page.keyboard.press("Tab");
      seen.push(await focused());
    }
    expect(seen).toEqual([
      "Not you?",
      "mcp:read",
      "1 tool · mcp:read",
      "mcp:write",
      "1 tool · mcp:write",
      "Allow",
      "Deny",
    ]);
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement as Element).outlineStyle);
    expect(outline).toBe("solid");
    for (let step = 0; step < 3; step++) await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Space");
    expect(await page.getByRole("checkbox", { name: "Read and change" }).isChecked()).toBe(true);
    for (let step = 0; step < 2; step++) await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByText("the client has it").waitFor();
    expect(callbacks[0]).toContain("code=");
  });

  it("denying tells the client, and nothing ticked keeps the person on the page", async () => {
    await open();
    await page.getByRole("checkbox", { name: "Read", exact: true }).uncheck();
    await page.getByRole("button", { name: "Allow" }).click();
    expect(await page.getByRole("alert").textContent()).toContain("Tick at least one permission");
    expect(await inspect(page, "consent-nothing-ticked")).toEqual([]);
    await page.getByRole("button", { name: "Deny" }).click();
    await page.getByText("the client has it").waitFor();
    expect(callbacks[0]).toContain("error=access_denied");
  });

  it("step-up shows what is new and what wants it", async () => {
    const client = await open();
    await page.getByRole("button", { name: "Allow" }).click();
    await page.getByText("the client has it").waitFor();
    await page.goto(await client.authorizationUrl({ scope: "mcp:read mcp:write" }));
    expect(await page.getByText("update_customer was refused a moment ago").isVisible()).toBe(true);
    expect(await inspect(page, "consent-step-up")).toEqual([]);
  });

  it("the other pages are accessible too: nothing to grant, which server, errors", async () => {
    server.person.entitlement = [];
    await open();
    expect(await inspect(page, "consent-no-access")).toEqual([]);
    await page.goto(`${origin}/authorize?client_id=nobody`);
    expect(await inspect(page, "consent-error")).toEqual([]);
    const resources = [`${origin}/mcp/crm`, `${origin}/mcp/wiki`];
    const describeResource = async (resource: string) => describeTestResource(resource);
    server = await createTestAuthorizationServer({ issuer: origin, resources: () => resources, describeResource });
    const client = await createTestClient(server, { redirect_uri: `${origin}/callback` });
    await page.goto(await client.authorizationUrl({ resource: undefined }));
    await page.getByRole("radio").nth(1).check();
    expect(await inspect(page, "consent-which-server")).toEqual([]);
    await page.getByRole("button", { name: "Continue" }).click();
    expect(await page.getByRole("heading").first().textContent()).toContain("wants to use “mcp/wiki”");
  });
});
