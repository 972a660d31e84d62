import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { sendResponse, toRequest } from "@sallyport/auth/node";
import { createTestAuthorizationServer, type TestAuthorizationServer } from "@sallyport/auth/testing";
import type { Page } from "playwright-core";
import { afterEach, beforeEach, expect, it } from "vitest";
import { describeInBrowser, inspect } from "./chromium.js";

const GRANT = "urn:ietf:params:oauth:grant-type:device_code";
const DETAILS = [
  {
    type: "mcp_call",
    tools: ["update_customer"],
    arguments: { id: 7, note: "<script>alert(1)</script>\u202e", address: { street: "Long Street ".repeat(12) } },
    limits: { credit: { min: 0, max: 100 }, currency: { one_of: ["EUR", "USD"] } },
    once: true,
  },
  { type: "mcp_call", tools: ["search_customers"] },
  { type: "mcp_call", tools: ["drop_tables"] },
];

describeInBrowser("a device, in a browser", (newPage) => {
  let page: Page;
  let listener: Server;
  let server: TestAuthorizationServer;
  let origin: string;

  beforeEach(async () => {
    listener = createServer(async (req, res) => {
      const answer = await server.handle(toRequest(req, origin, new AbortController().signal));
      await sendResponse(res, answer ?? new Response("not found", { status: 404 }));
    });
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    origin = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
    server = await createTestAuthorizationServer({
      issuer: origin,
      deviceGrant: true,
      authorizationDetails: true,
      signOutUrl: (to) => `/sign-out?to=${encodeURIComponent(to)}`,
    });
    await server.options.storage.clients.add({
      metadata: {
        client_id: "tv",
        client_name: "Television",
        grant_types: [GRANT],
        redirect_uris: [],
        response_types: ["code"],
        token_endpoint_auth_method: "none",
        application_type: "native",
      },
      origin: "configured",
      secret_hash: undefined,
      created: 0,
      expires: undefined,
    });
    page = await newPage();
  });
  afterEach(async () => {
    listener.closeAllConnections();
    await new Promise((resolve) => listener.close(resolve));
  });

  const post = async (path: string, body: Record<string, string>) =>
    (await (await fetch(origin + path, { method: "POST", body: new URLSearchParams(body) })).json()) as Record<
      string,
      string
    >;
  const ask = (more: Record<string, string> = {}) => post("/device_authorization", { client_id: "tv", ...more });
  const poll = (asked: Record<string, string>) =>
    post("/token", { grant_type: GRANT, client_id: "tv", device_code: asked.device_code ?? "" });

  it("takes a person from the code over the consent page to the end, accessible at every width and in both schemes", async () => {
    const asked = await ask({ scope: "mcp:read", authorization_details: JSON.stringify(DETAILS) });
    await page.goto(asked.verification_uri ?? "");
    expect(await inspect(page, "device-code")).toEqual([]);
    await page.getByLabel("Code on the device").fill("BBBB BBBB");
    await page.getByRole("button", { name: "Continue" }).click();
    expect(await page.getByRole("alert").textContent()).toContain("No device waits with this code");
    expect(await inspect(page, "device-code-wrong")).toEqual([]);
    await page.getByLabel("Code on the device").fill((asked.user_code ?? "").toLowerCase());
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByRole("heading", { name: "Television wants to use “crm”" }).waitFor();
    expect(await page.getByText(`your device has to show ${asked.user_code}`).isVisible()).toBe(true);
    expect(await inspect(page, "device-consent")).toEqual([]);
    await page.getByRole("checkbox", { name: "Call search_customers as often as it likes" }).uncheck();
    expect(await poll(asked)).toMatchObject({ error: "authorization_pending" });
    await page.getByRole("button", { name: "Allow" }).click();
    await page.getByRole("heading", { name: "The device is connected" }).waitFor();
    expect(await inspect(page, "device-connected")).toEqual([]);
    expect(await poll(asked)).toMatchObject({ scope: "mcp:read", authorization_details: [{ once: true }] });
  });

  it("puts the code of the address into the field, and asks all the same", async () => {
    const asked = await ask();
    await page.goto(asked.verification_uri_complete ?? "");
    expect(await page.getByLabel("Code on the device").inputValue()).toBe(asked.user_code);
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByRole("button", { name: "Deny" }).click();
    await page.getByRole("heading", { name: "The device was refused" }).waitFor();
    expect(await poll(asked)).toMatchObject({ error: "access_denied" });
  });
});
