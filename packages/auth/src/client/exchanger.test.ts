import { decodeJwt } from "jose";
import * as oauth from "oauth4webapi";
import { beforeEach, describe, expect, test } from "vitest";
import { createDpopSigner } from "../oauth/dpop-proof.js";
import { localKeySet } from "../oauth/key-set.js";
import { authInfoOf } from "../resource-server/auth-info.js";
import type { Authenticated } from "../resource-server/contract.js";
import { noLocalRecords } from "../resource-server/no-local-records.js";
import { protectMcp } from "../resource-server/protect-mcp.js";
import { createProtectedApi, type ProtectedApi } from "../resource-server/protected-api.js";
import { createResourceServer } from "../resource-server/resource-server.js";
import { scopePolicy } from "../resource-server/scope-policy.js";
import { createTestAgents, secretOf, type TestAgents } from "../testing/agents.js";
import { TEST_RESOURCE } from "../testing/authorization-server.js";
import { createTokenExchanger, type TokenExchangerOptions } from "./exchanger.js";

const API = "https://api.crm.example";
const SCOPES = { "crm:read": { from: ["mcp:read"] }, "crm:write": { from: ["mcp:write"] } };

/**
 * A chat client, an MCP server that is protected by this package, and the API behind it, protected by the same half. `requests` is all that
 * the API saw, `tokenRequests` how often the token endpoint was asked.
 */
async function start(change: Partial<TokenExchangerOptions> = {}, tokenExchange = true) {
  const agents = await createTestAgents(["chat", "crm-server", "other"], {
    apis: [{ resource: API, scopes: SCOPES }],
    mayExchange: (client_id) =>
      client_id === "crm-server" ? { resources: [API], serves: [TEST_RESOURCE] } : { resources: [API] },
    dpop: {},
  });
  const { server } = agents;
  const { system } = server;
  const issuers = [{ issuer: server.issuer, keys: localKeySet({ keys: await server.options.keys.publicKeys() }) }];
  const guard = protectMcp(
    createResourceServer({
      resource: TEST_RESOURCE,
      issuers,
      policy: scopePolicy({
        scopes: { "mcp:read": { allow: ["tools/*"] }, "mcp:write": { includes: ["mcp:read"] } },
      }),
      baseline: ["mcp:read"],
      isLive: noLocalRecords(),
      tokenExchange,
      system,
    }),
    { system },
  );
  const api = createProtectedApi({
    resource: API,
    issuers,
    scopes: { "crm:read": {}, "crm:write": {} },
    isLive: noLocalRecords(),
    dpop: { replay: { record: () => true } },
    system,
  });
  const world = { refuse: 0, tokenRequests: 0, requests: [] as Request[] };
  const fetch = async (url: string, init: RequestInit) => {
    if (url.startsWith(server.issuer)) {
      world.tokenRequests += 1;
      return server.fetch(url, init);
    }
    const request = new Request(url, init);
    world.requests.push(request.clone());
    if (world.refuse > 0) {
      world.refuse -= 1;
      return new Response(null, { status: 401, headers: { "www-authenticate": 'Bearer error="invalid_token"' } });
    }
    const who = await api.authenticate(request, ["crm:read"]);
    return who instanceof Response ? who : Response.json(who.principal);
  };
  const exchanger = createTokenExchanger({
    token_endpoint: `${server.issuer}/token`,
    client: { method: "client_secret_basic", client_id: "crm-server", client_secret: secretOf("crm-server") },
    fetch,
    system,
    ...change,
  });
  return { agents, api, exchanger, fetch, world, caller: callerThrough(agents, guard) };
}

/** Who a handler behind the protected MCP server is handed. */
const callerThrough =
  (agents: TestAgents, guard: ReturnType<typeof protectMcp>) =>
  async (scope = "mcp:read", access_token?: string): Promise<Authenticated> => {
    const token = access_token ?? (await agents.ofPerson("chat", scope)).access_token;
    let handed: Authenticated | undefined;
    const answer = await guard(
      new Request(TEST_RESOURCE, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json", accept: "application/json" },
        body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "find", arguments: {} } }),
      }),
      (request, who) => {
        expect(request.headers.get("authorization")).toBeNull();
        handed = who;
        return new Response();
      },
    );
    if (handed === undefined) throw new Error(`not let through: ${answer.status} ${await answer.text()}`);
    return handed;
  };

let world: Awaited<ReturnType<typeof start>>;
beforeEach(async () => {
  world = await start();
});

describe("a server that calls an API in the caller's name", () => {
  test("sends a token of the API's own: the person's, narrower, and with who acts (RFC 8693 §4.1)", async () => {
    const caller = await world.caller("mcp:write");
    const answer = await world.exchanger.fetch(caller, { resource: API, scope: "crm:read" })(`${API}/customers/7?a=b`);
    expect(await answer.json()).toMatchObject({
      sub: "ada",
      client_id: "crm-server",
      scopes: ["crm:read"],
      actor: { sub: "crm-server" },
      chain: [{ sub: "chat" }],
    });
    const [sent] = world.world.requests;
    expect(sent?.url).toBe(`${API}/customers/7?a=b`);
    expect(sent?.redirect).toBe("error");
  });

  test("never sends the caller's own token, and shows it to nobody else (R-146)", async () => {
    const { access_token } = await world.agents.ofPerson("chat");
    const caller = await world.caller("mcp:read", access_token);
    await world.exchanger.fetch(caller, { resource: API })(API);
    expect(world.world.requests[0]?.headers.get("authorization")).not.toContain(access_token);
    const authInfo = authInfoOf(caller);
    expect(JSON.stringify([caller, authInfo, Object.getOwnPropertyDescriptors(caller)])).not.toContain(access_token);
    expect(Reflect.ownKeys(caller)).toEqual(Reflect.ownKeys({ ...caller }));
  });

  test("asks once for one caller and target, also when many ask at once, and again for another", async () => {
    const caller = await world.caller();
    const exchange = (scope?: string) => world.exchanger.exchangeToken(caller, { resource: API, scope });
    const [one, two] = await Promise.all([exchange(), exchange()]);
    expect(one).toBe(two);
    expect(await exchange()).toBe(one);
    expect(world.world.tokenRequests).toBe(1);
    await exchange("crm:read");
    await world.exchanger.exchangeToken(await world.caller(), { resource: API });
    expect(world.world.tokenRequests).toBe(3);
  });

  test("finds the caller by the SDK's authInfo as well, and never by a copy", async () => {
    const caller = await world.caller();
    expect(await world.exchanger.exchangeToken(authInfoOf(caller), { resource: API })).toMatchObject({
      scope: "crm:read",
    });
    await expect(world.exchanger.exchangeToken({ ...caller }, { resource: API })).rejects.toThrow(TypeError);
  });

  test("is told what to do when its resource server keeps no token", async () => {
    const { exchanger, caller } = await start({}, false);
    await expect(exchanger.exchangeToken(await caller(), { resource: API })).rejects.toThrow(/tokenExchange: true/);
  });

  test("holds nothing beyond the caller's own token", async () => {
    const { access_token } = await world.agents.ofPerson("chat");
    world.agents.server.system.advance(500);
    const caller = await world.caller("mcp:read", access_token);
    const { expires } = await world.exchanger.exchangeToken(caller, { resource: API });
    expect(expires).toBe(decodeJwt(access_token).exp);
    world.agents.server.system.advance(75);
    await world.exchanger.exchangeToken(caller, { resource: API });
    expect(world.world.tokenRequests).toBe(2);
  });

  test.each([
    ["more than the caller has", { scope: "crm:write" }, "invalid_scope"],
    ["an API that does not exist", { resource: "https://other.example" }, "invalid_target"],
  ])("gets no token for %s", async (_, target, code) => {
    const refused = world.exchanger.exchangeToken(await world.caller(), { resource: API, ...target });
    await expect(refused).rejects.toMatchObject({ reason: "token_refused", code, status: 502 });
  });

  test("gets no token for a session that has ended", async () => {
    const caller = await world.caller();
    const { sid } = caller.principal;
    await world.agents.server.options.storage.sessions.revoke({ session_id: String(sid) }, 1);
    const refused = world.exchanger.exchangeToken(caller, { resource: API });
    await expect(refused).rejects.toMatchObject({ code: "invalid_request" });
  });

  test("needs the operator's word: another client that comes by a token gains nothing (exchange-widen)", async () => {
    const client = { method: "client_secret_basic", client_id: "other", client_secret: secretOf("other") } as const;
    const { exchanger, caller } = await start({ client });
    await expect(exchanger.exchangeToken(await caller(), { resource: API })).rejects.toMatchObject({
      code: "invalid_request",
    });
  });
});

describe("its fetch", () => {
  test("tries once more with a new token when the API refuses the one it held", async () => {
    const send = world.exchanger.fetch(await world.caller(), { resource: API });
    await send(API);
    world.world.refuse = 1;
    expect((await send(`${API}/x`, { method: "POST", body: "once" })).status).toBe(200);
    expect(world.world.tokenRequests).toBe(2);
    expect(await Promise.all(world.world.requests.slice(1).map((request) => request.text()))).toEqual(["once", "once"]);
    world.world.refuse = 9;
    expect((await send(API)).status).toBe(401);
    expect(world.world.tokenRequests).toBe(3);
  });

  test("client-redirect-token-leak: sends the token to its own origin alone, and follows no redirect with it", async () => {
    const send = world.exchanger.fetch(await world.caller(), { resource: API });
    for (const url of [
      "https://api.crm.example.evil.example",
      "http://api.crm.example",
      "https://api.crm.example:444",
    ]) {
      await expect(send(url)).rejects.toThrow(/is not sent to/);
    }
    await expect(send(API, { redirect: "follow" })).rejects.toThrow(TypeError);
    expect(world.world.requests).toEqual([]);
  });

  test("proves the key that the token is bound to, where one is given (RFC 9449 §7)", async () => {
    const { exchanger, caller, world: bound } = await start({ dpop: await createDpopSigner() });
    const answer = await exchanger.fetch(await caller(), { resource: API })(`${API}/customers?x=1`, { method: "GET" });
    expect(await answer.json()).toMatchObject({ sub: "ada", cnf: { jkt: expect.any(String) } });
    const [sent] = bound.requests;
    expect(sent?.headers.get("authorization")).toMatch(/^DPoP /);
  });
});

describe("a plain API", () => {
  const ask = (api: ProtectedApi, token?: string, scopes: readonly string[] = ["crm:write"]) =>
    api.authenticate(
      new Request(`${API}/x`, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
      scopes,
    );

  test("challenges who comes without a token, and publishes where to get one", async () => {
    const answer = (await ask(world.api)) as Response;
    expect(answer.status).toBe(401);
    expect(answer.headers.get("www-authenticate")).toContain(
      `resource_metadata="${API}/.well-known/oauth-protected-resource"`,
    );
    const metadata = world.api.metadata(new Request(world.api.metadataUrl));
    expect(await metadata?.json()).toMatchObject({
      resource: API,
      authorization_servers: [world.agents.server.issuer],
    });
    expect(world.api.metadata(new Request(`${API}/x`))).toBeUndefined();
  });

  test("refuses a token of the MCP server in front of it, and a scope that the token lacks", async () => {
    const { access_token } = await world.agents.ofPerson("chat");
    expect(((await ask(world.api, access_token)) as Response).status).toBe(401);
    const { access_token: own } = await world.exchanger.exchangeToken(await world.caller(), { resource: API });
    const refused = (await ask(world.api, own)) as Response;
    expect(refused.status).toBe(403);
    expect(refused.headers.get("www-authenticate")).toContain('error="insufficient_scope"');
    expect(refused.headers.get("www-authenticate")).toContain('scope="crm:write"');
    expect(await ask(world.api, own, ["crm:read"])).toMatchObject({ principal: { sub: "ada" } });
  });

  test("says at once that a scope does not exist", async () => {
    await expect(ask(world.api, undefined, ["crm:raed"])).rejects.toThrow(/crm:raed/);
  });

  test("takes what oauth4webapi exchanges at our token endpoint", async () => {
    const { server } = world.agents;
    const { access_token } = await world.agents.ofPerson("chat", "mcp:write");
    const answer = await oauth.genericTokenEndpointRequest(
      { issuer: server.issuer, token_endpoint: `${server.issuer}/token` },
      { client_id: "crm-server" },
      oauth.ClientSecretBasic(secretOf("crm-server")),
      "urn:ietf:params:oauth:grant-type:token-exchange",
      {
        subject_token: access_token,
        subject_token_type: "urn:ietf:params:oauth:token-type:access_token",
        audience: API,
      },
      { [oauth.customFetch]: server.fetch },
    );
    const { access_token: own, scope } = (await answer.json()) as { access_token: string; scope: string };
    expect(scope).toBe("crm:read crm:write");
    expect(await ask(world.api, own)).toMatchObject({ principal: { sub: "ada", actor: { sub: "crm-server" } } });
  });
});
