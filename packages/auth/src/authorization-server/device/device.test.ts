import fc from "fast-check";
import { decodeJwt } from "jose";
import * as oauth from "oauth4webapi";
import { describe, expect, test } from "vitest";
import type { ClientMetadata } from "../../core/client-metadata.js";
import { system } from "../../system.js";
import { createTestAgents, createTestProofs, secretOf } from "../../testing/agents.js";
import { TEST_ISSUER, TEST_RESOURCE } from "../../testing/authorization-server.js";
import { createTestClient, type TestParameters, type TestTokens } from "../../testing/client.js";
import { DEVICE_CODE_GRANT } from "../grants/device-code.js";
import { createUserCode, formatUserCode, parseUserCode } from "./user-code.js";

interface Asked {
  readonly device_code: string;
  readonly user_code: string;
  readonly verification_uri: string;
  readonly verification_uri_complete: string;
  readonly expires_in: number;
  readonly interval: number;
}

async function setUp(change: { readonly metadata?: Partial<ClientMetadata> } = {}) {
  const metadata = { grant_types: [DEVICE_CODE_GRANT, "refresh_token"], redirect_uris: [], ...change.metadata };
  const agents = await createTestAgents(["tv", "other"], { deviceGrant: true, authorizationDetails: true, metadata });
  const { server } = agents;
  const send = (path: string, body: TestParameters, headers: Record<string, string> = {}) => {
    const pairs = Object.entries(body).flatMap(([name, value]) => [value ?? []].flat().map((each) => [name, each]));
    return server.fetch(`${TEST_ISSUER}${path}`, { method: "POST", body: new URLSearchParams(pairs), headers });
  };
  const client = { client_id: "tv", client_secret: secretOf("tv") };
  return {
    ...agents,
    ask: async (parameters: TestParameters = {}) => {
      const answer = await send("/device_authorization", { ...client, scope: "mcp:read", ...parameters });
      expect(answer.status).toBe(200);
      return (await answer.json()) as Asked;
    },
    send,
    poll: (device_code: string, parameters: TestParameters = {}, headers: Record<string, string> = {}) =>
      send("/token", { ...client, grant_type: DEVICE_CODE_GRANT, device_code, ...parameters }, headers),
    /** A person types the code; the page that they see then. */
    enter: async (user_code: string, headers: Record<string, string> = { "sec-fetch-site": "same-origin" }) => {
      const answer = await send("/device", { user_code }, headers);
      const location = answer.headers.get("location");
      return location === null ? answer : server.fetch(location);
    },
  };
}
type World = Awaited<ReturnType<typeof setUp>>;

const approve = async ({ server, enter }: World, user_code: string) =>
  server.browser.submit(await enter(user_code), { decision: "approve" }, TEST_ISSUER);
const errorOf = async (answer: Response) => [answer.status, ((await answer.json()) as { error: string }).error];

describe("a device without a browser (RFC 8628)", () => {
  test("gets a token once a person has typed its code and agreed on the page", async () => {
    const world = await setUp();
    const asked = await world.ask();
    expect(asked).toEqual({
      device_code: expect.stringMatching(/^[\w-]{43}$/),
      user_code: expect.stringMatching(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/),
      verification_uri: `${TEST_ISSUER}/device`,
      verification_uri_complete: `${TEST_ISSUER}/device?user_code=${asked.user_code}`,
      expires_in: 600,
      interval: 5,
    });
    expect(await errorOf(await world.poll(asked.device_code))).toEqual([400, "authorization_pending"]);
    const page = await world.enter(asked.user_code.toLowerCase().replace("-", " "));
    const text = await page.clone().text();
    expect(text).toContain(`another device, which shows the code <code>${asked.user_code}</code>`);
    expect(text).toContain("Did somebody send you the code?");
    expect(page.headers.get("content-security-policy")).toContain("form-action 'self';");
    const done = await world.server.browser.submit(page, { decision: "approve" }, TEST_ISSUER);
    expect([done.status, await done.text()]).toEqual([200, expect.stringContaining("The device is connected")]);
    world.server.system.advance(5);
    const answer = await world.poll(asked.device_code);
    const tokens = (await answer.json()) as TestTokens;
    expect(answer.status).toBe(200);
    expect(decodeJwt(tokens.access_token)).toMatchObject({ sub: "ada", client_id: "tv", aud: TEST_RESOURCE });
    expect(tokens.scope).toBe("mcp:read");
    const next = await world.send("/token", {
      grant_type: "refresh_token",
      refresh_token: tokens.refresh_token,
      client_id: "tv",
      client_secret: secretOf("tv"),
    });
    expect(next.status).toBe(200);
    expect(await errorOf(await world.poll(asked.device_code))).toEqual([400, "invalid_grant"]);
  });

  test("is what oauth4webapi gets, with every step of its own", async () => {
    const world = await setUp();
    const options = { [oauth.customFetch]: world.server.fetch };
    const discovered = await oauth.discoveryRequest(new URL(TEST_ISSUER), { algorithm: "oauth2", ...options });
    const as = await oauth.processDiscoveryResponse(new URL(TEST_ISSUER), discovered);
    expect(as.device_authorization_endpoint).toBe(`${TEST_ISSUER}/device_authorization`);
    expect(as.grant_types_supported).toContain(DEVICE_CODE_GRANT);
    const client = { client_id: "tv" };
    const auth = oauth.ClientSecretBasic(secretOf("tv"));
    const parameters = { scope: "mcp:write", resource: TEST_RESOURCE };
    const started = await oauth.deviceAuthorizationRequest(as, client, auth, parameters, options);
    const asked = await oauth.processDeviceAuthorizationResponse(as, client, started);
    const ask = async () =>
      oauth.processDeviceCodeResponse(
        as,
        client,
        await oauth.deviceCodeGrantRequest(as, client, auth, asked.device_code, options),
      );
    await expect(ask()).rejects.toMatchObject({ error: "authorization_pending" });
    await expect(ask()).rejects.toMatchObject({ error: "slow_down" });
    await approve(world, asked.user_code);
    expect(await ask()).toMatchObject({ scope: "mcp:write", token_type: "bearer" });
    await expect(ask()).rejects.toMatchObject({ error: "invalid_grant" });
  });

  test("is told what a person decided, that it is too late, and that it asks too often", async () => {
    const world = await setUp();
    const denied = await world.ask();
    const page = await world.server.browser.submit(
      await world.enter(denied.user_code),
      { decision: "deny" },
      TEST_ISSUER,
    );
    expect(await page.text()).toContain("The device was refused");
    expect(await errorOf(await world.poll(denied.device_code))).toEqual([400, "access_denied"]);
    const late = await world.ask();
    const open = await world.enter(late.user_code);
    const first = await world.poll(late.device_code);
    expect(await errorOf(first)).toEqual([400, "authorization_pending"]);
    world.server.system.advance(4);
    expect(await errorOf(await world.poll(late.device_code))).toEqual([400, "slow_down"]);
    world.server.system.advance(9);
    expect(await errorOf(await world.poll(late.device_code))).toEqual([400, "slow_down"]);
    world.server.system.advance(15);
    expect(await errorOf(await world.poll(late.device_code))).toEqual([400, "authorization_pending"]);
    world.server.system.advance(600);
    expect(await errorOf(await world.poll(late.device_code))).toEqual([400, "expired_token"]);
    expect((await world.enter(late.user_code)).status).toBe(400);
    const stale = await world.server.browser.submit(open, { decision: "approve" }, TEST_ISSUER);
    expect([stale.status, await stale.text()]).toEqual([400, expect.stringContaining("consent_stale")]);
  });

  test("is never answered without the page, whatever was agreed to before", async () => {
    const world = await setUp();
    world.server.system.advance(10);
    for (const _ of [1, 2]) {
      const { user_code, verification_uri_complete } = await world.ask();
      const opened = await (await world.server.fetch(verification_uri_complete)).text();
      expect(opened).toContain(`value="${user_code}"`);
      expect(opened).toContain("Go on only if your device shows exactly this code.");
      expect((await world.enter(user_code)).status).toBe(200);
      await approve(world, user_code);
    }
  });

  test("takes one answer, from one window, and gives one token, however many ask at once", async () => {
    const world = await setUp();
    const { device_code, user_code } = await world.ask();
    const pages = await Promise.all([world.enter(user_code), world.enter(user_code), world.enter(user_code)]);
    const answers = await Promise.all(
      pages.map((page, index) =>
        world.server.browser.submit(page, { decision: index === 1 ? "deny" : "approve" }, TEST_ISSUER),
      ),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    const grants = await world.server.options.storage.grants.list("ada");
    expect(grants).toHaveLength(answers[1]?.status === 200 ? 0 : 1);
    const fresh = await world.ask();
    await approve(world, fresh.user_code);
    const polls = await Promise.all(Array.from({ length: 8 }, () => world.poll(fresh.device_code)));
    expect(polls.filter(({ status }) => status === 200)).toHaveLength(1);
    expect((await world.poll(device_code)).status).toBe(answers[1]?.status === 200 ? 400 : 200);
  });

  test("belongs to the client that asked, and its code is no authorization code", async () => {
    const world = await setUp();
    const { device_code, user_code } = await world.ask();
    await approve(world, user_code);
    const other = { client_id: "other", client_secret: secretOf("other") };
    expect(await errorOf(await world.poll(device_code, other))).toEqual([400, "invalid_grant"]);
    expect(await errorOf(await world.poll("made up"))).toEqual([400, "invalid_grant"]);
    const wrong = { grant_type: "authorization_code", code: device_code, code_verifier: "v".repeat(43) };
    expect((await world.send("/token", { ...wrong, ...other })).status).toBe(400);
    expect(await errorOf(await world.poll(device_code, { resource: "https://other.example" }))).toEqual([
      400,
      "invalid_target",
    ]);
    expect((await world.poll(device_code)).status).toBe(200);
  });

  test("binds its token to a key by DPoP, the refresh tokens of a public client too", async () => {
    const world = await setUp({ metadata: { token_endpoint_auth_method: "none" } });
    const proof = await createTestProofs(world.server);
    const { device_code, user_code } = await world.ask({ client_secret: undefined });
    await approve(world, user_code);
    const answer = await world.poll(device_code, { client_secret: undefined }, await proof());
    const tokens = (await answer.json()) as TestTokens & { token_type: string };
    expect(tokens.token_type).toBe("DPoP");
    const refresh = { grant_type: "refresh_token", refresh_token: tokens.refresh_token, client_id: "tv" };
    expect((await world.send("/token", refresh)).status).toBe(400);
    expect((await world.send("/token", refresh, await proof())).status).toBe(200);
  });

  test("may ask for single calls, which the page shows", async () => {
    const world = await setUp();
    const detail = { type: "mcp_call", tools: ["update_customer"], once: true };
    const asked = { scope: undefined, authorization_details: JSON.stringify([detail]) };
    const { device_code, user_code } = await world.ask(asked);
    expect(await (await world.enter(user_code)).text()).toContain("Call <code>update_customer</code> once");
    await approve(world, user_code);
    const tokens = (await (await world.poll(device_code)).json()) as TestTokens;
    expect([tokens.scope, tokens.authorization_details?.[0]]).toEqual(["", expect.objectContaining(detail)]);
  });

  test("an entitlement that went between agreeing and asking gives nothing", async () => {
    const world = await setUp();
    const { device_code, user_code } = await world.ask();
    await approve(world, user_code);
    world.server.person.entitlement = [];
    expect(await errorOf(await world.poll(device_code))).toEqual([400, "invalid_grant"]);
  });

  test("codes are not guessed: each address types a few, and nobody else has to wait", async () => {
    let address = "192.0.2.1";
    const agents = await createTestAgents(["tv"], {
      deviceGrant: true,
      metadata: { grant_types: [DEVICE_CODE_GRANT] },
      remoteAddress: () => address,
    });
    const type = () =>
      agents.server.fetch(`${TEST_ISSUER}/device`, {
        method: "POST",
        body: new URLSearchParams({ user_code: "BBBB-BBBB" }),
        headers: { "sec-fetch-site": "same-origin" },
      });
    for (let tries = 0; tries < 20; tries += 1) expect((await type()).status).toBe(400);
    const refused = await type();
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "600"]);
    address = "192.0.2.2";
    expect((await type()).status).toBe(400);
    agents.server.system.advance(600);
    address = "192.0.2.1";
    expect((await type()).status).toBe(400);
  });

  test("another site types no code", async () => {
    const world = await setUp();
    const { user_code } = await world.ask();
    const answer = await world.enter(user_code, { "sec-fetch-site": "cross-site", origin: "https://evil.example" });
    expect([answer.status, await answer.text()]).toEqual([403, expect.stringContaining("consent_forged")]);
  });

  test.each<[string, TestParameters, number, string]>([
    ["nobody", { client_secret: "wrong" }, 401, "invalid_client"],
    ["an unknown resource", { resource: "https://other.example" }, 400, "invalid_target"],
    ["a malformed scope", { scope: 'a"b' }, 400, "invalid_scope"],
    ["another type of details", { authorization_details: '[{"type":"x"}]' }, 400, "invalid_authorization_details"],
  ])("with %s is refused at once", async (_, change, status, error) => {
    const world = await setUp();
    const client = { client_id: "tv", client_secret: secretOf("tv") };
    expect(await errorOf(await world.send("/device_authorization", { ...client, ...change }))).toEqual([status, error]);
  });

  test("is for clients of the configuration that have the grant, on servers that have it", async () => {
    const world = await setUp({ metadata: { grant_types: ["authorization_code"] } });
    const client = { client_id: "tv", client_secret: secretOf("tv") };
    const refused = await world.send("/device_authorization", client);
    expect(await errorOf(refused)).toEqual([400, "unauthorized_client"]);
    expect(await errorOf(await world.poll("any"))).toEqual([400, "unauthorized_client"]);
    const registered = await createTestClient(world.server, {
      metadata: { grant_types: ["authorization_code", DEVICE_CODE_GRANT] },
    });
    const own = await world.send("/device_authorization", { client_id: registered.client_id });
    expect(await errorOf(own)).toEqual([400, "unauthorized_client"]);
    const without = await createTestAgents(["tv"], { metadata: { grant_types: [DEVICE_CODE_GRANT] } });
    for (const path of ["/device", "/device_authorization"]) {
      expect((await without.server.fetch(`${TEST_ISSUER}${path}`, { method: "POST" })).status).toBe(404);
    }
    const metadata = await (await without.server.fetch(`${TEST_ISSUER}/.well-known/oauth-authorization-server`)).json();
    expect(metadata).not.toHaveProperty("device_authorization_endpoint");
    expect((metadata as { grant_types_supported: string[] }).grant_types_supported).not.toContain(DEVICE_CODE_GRANT);
  });
});

describe("a user code", () => {
  test("is read in any case and with any dashes, and nothing else is one", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const code = parseUserCode(text);
        expect(code === undefined || /^[BCDFGHJKLMNPQRSTVWXZ]{8}$/.test(code)).toBe(true);
      }),
    );
    expect(parseUserCode(" wdjb–mjht ")).toBe("WDJBMJHT");
    expect(["WDJB-MJH", "WDJB-MJHTX", "WDJB-MJHA", "WDJB-MJH0", ""].map(parseUserCode)).toEqual(
      Array(5).fill(undefined),
    );
  });

  test("has every letter equally often, and comes back as it was shown", () => {
    const counts = new Map<string, number>();
    for (let index = 0; index < 5_000; index += 1) {
      const code = createUserCode(system);
      expect(parseUserCode(formatUserCode(code))).toBe(code);
      for (const letter of code) counts.set(letter, (counts.get(letter) ?? 0) + 1);
    }
    expect(counts.size).toBe(20);
    // 2,000 expected each; ten standard deviations.
    for (const count of counts.values()) expect(Math.abs(count - 2_000)).toBeLessThan(440);
  });
});
