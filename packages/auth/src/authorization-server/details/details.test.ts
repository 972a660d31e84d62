import { decodeJwt } from "jose";
import * as oauth from "oauth4webapi";
import { describe, expect, test } from "vitest";
import type { AskedCallDetail, CallDetail } from "../../core/call-details.js";
import { agentRedirect, createTestAgents, secretOf } from "../../testing/agents.js";
import { createTestAuthorizationServer, TEST_ISSUER, TEST_RESOURCE } from "../../testing/authorization-server.js";
import { createTestClient, type TestParameters, type TestTokens } from "../../testing/client.js";

const once: AskedCallDetail = {
  type: "mcp_call",
  tools: ["update_customer"],
  arguments: { id: 7, name: "<b>Ada</b>\u202e" },
  once: true,
};
const search: AskedCallDetail = { type: "mcp_call", tools: ["search_customers"], limits: { limit: { max: 10 } } };
const asking = (...details: readonly unknown[]) => ({ authorization_details: JSON.stringify(details) });

async function setUp(redirect_uri?: string) {
  const server = await createTestAuthorizationServer({ authorizationDetails: true });
  const client = await createTestClient(server, redirect_uri === undefined ? {} : { redirect_uri });
  return { server, client };
}

async function tokens(answer: Response): Promise<TestTokens & { readonly details: readonly CallDetail[] }> {
  const body = (await answer.json()) as TestTokens & { error_description?: string };
  expect(answer.status, body.error_description).toBe(200);
  const claims = decodeJwt<{ authorization_details?: readonly CallDetail[]; scope: string }>(body.access_token);
  expect(claims.authorization_details).toEqual(body.authorization_details);
  expect(claims.scope).toBe(body.scope);
  return { ...body, details: body.authorization_details ?? [] };
}

const errorOf = async (answer: Response) => ((await answer.json()) as { error: string }).error;
const askedOf = ({ id: _, scope: __, exp: ___, locations: ____, ...asked }: CallDetail) => asked;

describe("authorization_details", () => {
  test("are shown in words, agreed to one by one, and carried in the token without any scope", async () => {
    const { server, client } = await setUp();
    const page = await client.authorize({ scope: undefined, ...asking(once, search) });
    const text = await page.clone().text();
    expect(text).toContain("It may make these calls");
    expect(text).toContain("Call <code>update_customer</code> once");
    expect(text).toContain("<code>id</code>: <code>7</code>");
    expect(text).toContain("<code>&quot;&lt;b&gt;Ada&lt;/b&gt;\\u202e&quot;</code>");
    expect(text).toContain("as often as it likes");
    expect(text).toContain("at most 10");
    const answer = await server.browser.submit(page, { decision: "approve", detail: ["0"] }, TEST_ISSUER);
    const code = new URL(answer.headers.get("location") ?? "").searchParams.get("code") ?? "";
    const now = server.system.now();
    const given = await tokens(await client.redeem(code));
    expect(given.scope).toBe("");
    expect(given.details).toEqual([
      {
        ...once,
        locations: [TEST_RESOURCE],
        id: expect.stringMatching(/^[\w-]{22}$/),
        scope: "mcp:write",
        exp: now + 86_400,
      },
    ]);
    const grant = await server.options.storage.grants.find("ada", client.client_id, TEST_RESOURCE);
    expect(grant).toMatchObject({ scopes: [], details: given.details });
  });

  test("stand beside scopes where both were agreed to, and stay through refresh", async () => {
    const { client } = await setUp();
    const code = (await client.approve({ scope: "mcp:read", ...asking(once) })).get("code") ?? "";
    const first = await tokens(await client.redeem(code));
    expect([first.scope, first.details.map(askedOf)]).toEqual(["mcp:read", [once]]);
    const second = await tokens(await client.refresh(first.refresh_token ?? ""));
    expect([second.scope, second.details]).toEqual(["mcp:read", first.details]);
  });

  test("the page says which of them nobody here may give", async () => {
    const { server, client } = await setUp();
    server.person.entitlement = ["mcp:read"];
    const unknown = { type: "mcp_call", tools: ["drop_tables"] };
    const page = await client.authorize({ scope: undefined, ...asking(once, unknown, search) });
    const { fields, text } = await server.browser.readForm(page);
    expect(fields.filter(([name]) => name === "detail")).toEqual([["detail", "0"]]);
    expect(text).toContain("search_customers");
    expect(text).toMatch(/It also asked to call .*update_customer.*drop_tables/s);
    const forged = await server.browser.submit(page, { decision: "approve", detail: ["1", "2", "-1"] }, TEST_ISSUER);
    expect(forged.status).toBe(400);
    expect(await forged.text()).toContain("Tick at least one permission");
  });

  test("are asked about each time where they are new or for one call, and pass where the very same was agreed to", async () => {
    const { server, client } = await setUp("https://app.example/callback");
    const asked = { scope: undefined, ...asking(search) };
    server.system.advance(10);
    expect((await client.authorize(asked)).status).toBe(200);
    const first = await tokens(await client.redeem((await client.approve(asked)).get("code") ?? ""));
    const again = await client.authorize(asked);
    expect(again.status).toBe(303);
    const code = new URL(again.headers.get("location") ?? "").searchParams.get("code") ?? "";
    expect((await tokens(await client.redeem(code))).details).toEqual(first.details);
    expect((await client.authorize({ scope: undefined, ...asking({ ...search, other_arguments: true }) })).status).toBe(
      200,
    );
    const single = { scope: undefined, ...asking(once) };
    await client.approve(single);
    expect((await client.authorize(single)).status).toBe(200);
    const silent = await client.authorize({ ...single, prompt: "none" });
    expect(silent.headers.get("location")).toContain("error=consent_required");
  });

  test.each<[string, TestParameters, string]>([
    ["an unknown type", asking({ type: "payment" }), "invalid_authorization_details"],
    ["no JSON", { authorization_details: "refund" }, "invalid_authorization_details"],
    ["another place", asking({ ...once, locations: ["https://other.example"] }), "invalid_authorization_details"],
    ["a place that is none", asking({ ...once, locations: ["refund"] }), "invalid_authorization_details"],
    ["the parameter twice", { authorization_details: ["[]", "[]"] }, "invalid_request"],
  ])("with %s are refused at the authorization endpoint (RFC 9396 §5)", async (_, change, error) => {
    const { client } = await setUp();
    const answer = await client.authorize(change);
    expect(answer.status).toBe(303);
    expect(new URL(answer.headers.get("location") ?? "").searchParams.get("error")).toBe(error);
  });

  test("are not read by a server that takes none", async () => {
    const server = await createTestAuthorizationServer();
    const client = await createTestClient(server);
    const code = (await client.approve({ scope: undefined, ...asking(once) })).get("code") ?? "";
    const given = await tokens(await client.redeem(code));
    expect([given.scope, given.details]).toEqual(["mcp:read", []]);
    const metadata = await (await server.fetch(`${TEST_ISSUER}/.well-known/oauth-authorization-server`)).json();
    expect(metadata).not.toHaveProperty("authorization_details_types_supported");
  });

  test("are advertised, and read by oauth4webapi", async () => {
    const { server, client } = await setUp();
    const options = { [oauth.customFetch]: server.fetch };
    const found = await oauth.discoveryRequest(new URL(TEST_ISSUER), { algorithm: "oauth2", ...options });
    const as = await oauth.processDiscoveryResponse(new URL(TEST_ISSUER), found);
    expect(as.authorization_details_types_supported).toEqual(["mcp_call"]);
    const code = (await client.approve({ scope: undefined, ...asking(once) })).get("code") ?? "";
    const result = await oauth.processAuthorizationCodeResponse(
      as,
      { client_id: client.client_id },
      await client.redeem(code),
    );
    expect(result.authorization_details?.[0]).toMatchObject(once);
  });

  test("nothing that was agreed to is written to the log but its id", async () => {
    const { server, client } = await setUp();
    await client.redeem((await client.approve({ scope: undefined, ...asking(once) })).get("code") ?? "");
    expect(JSON.stringify(server.system.lines)).not.toContain("Ada</b>");
  });
});

describe("no detail ever widens", () => {
  const wide: AskedCallDetail = { type: "mcp_call", tools: ["update_customer", "search_customers"] };

  test.each<[string, AskedCallDetail, unknown, boolean]>([
    ["the same", once, once, true],
    ["fewer tools", wide, { ...wide, tools: ["search_customers"] }, true],
    ["one call of many", wide, once, true],
    ["many calls of one", once, { ...once, once: undefined }, false],
    ["other arguments", once, { ...once, arguments: { id: 8, name: "x" } }, false],
    ["another tool", search, { ...search, tools: ["update_customer"] }, false],
    ["what only the scope gives", once, search, false],
  ])("at the code and at refresh: %s", async (_, agreed, asked, good) => {
    for (const grant of ["redeem", "refresh"] as const) {
      const { client } = await setUp();
      const code = (await client.approve({ scope: "mcp:read", ...asking(agreed) })).get("code") ?? "";
      const from = grant === "redeem" ? code : ((await tokens(await client.redeem(code))).refresh_token ?? "");
      const answer = await client[grant](from, asking(asked));
      if (good) expect((await tokens(answer)).details.map(askedOf)).toEqual([JSON.parse(JSON.stringify(asked))]);
      else expect([answer.status, await errorOf(answer)]).toEqual([400, "invalid_authorization_details"]);
      // A mistake costs nothing.
      if (!good) await tokens(await client[grant](from));
    }
  });

  test("what came back may be sent back, and a name of another one may not", async () => {
    const { client } = await setUp();
    const code = (await client.approve({ scope: undefined, ...asking(once, search) })).get("code") ?? "";
    const given = await tokens(await client.redeem(code));
    const [first] = given.details;
    const next = await tokens(await client.refresh(given.refresh_token ?? "", asking(first)));
    expect(next.details).toEqual([first]);
    const wrong = await client.refresh(next.refresh_token ?? "", asking({ ...first, id: "another" }));
    expect(await errorOf(wrong)).toBe("invalid_authorization_details");
  });

  test("each tool keeps the scope that it needed itself, whatever others there are beside it", async () => {
    const { client } = await setUp();
    const code = (await client.approve({ scope: undefined, ...asking(wide) })).get("code") ?? "";
    const given = await tokens(await client.redeem(code));
    expect(given.details.map(({ scope }) => scope)).toEqual(["mcp:write mcp:read"]);
    const [fewer, one] = [
      { ...wide, tools: ["search_customers"] },
      { ...search, once: true },
    ];
    const next = await tokens(await client.refresh(given.refresh_token ?? "", asking(fewer, one)));
    expect(next.details.map(({ scope }) => scope)).toEqual(["mcp:read", "mcp:read"]);
  });

  test("one of several tools stays where the entitlement to another one is gone, with the scope of its own", async () => {
    const { server, client } = await setUp();
    const code = (await client.approve({ scope: undefined, ...asking(wide) })).get("code") ?? "";
    const first = await tokens(await client.redeem(code));
    server.person.entitlement = ["mcp:read"];
    const second = await tokens(await client.refresh(first.refresh_token ?? ""));
    expect(second.details).toEqual(first.details);
    server.person.entitlement = ["other"];
    expect(await errorOf(await client.refresh(second.refresh_token ?? ""))).toBe("invalid_grant");
  });

  test("an entitlement that is gone takes them away, and so does their time", async () => {
    const { server, client } = await setUp();
    const code = (await client.approve({ scope: undefined, ...asking(once, search) })).get("code") ?? "";
    const first = await tokens(await client.redeem(code));
    server.person.entitlement = ["mcp:read"];
    const second = await tokens(await client.refresh(first.refresh_token ?? ""));
    expect(second.details.map(askedOf)).toEqual([search]);
    server.person.entitlement = ["mcp:write"];
    server.system.advance(86_400);
    const third = await tokens(await client.refresh(second.refresh_token ?? ""));
    expect(third.details.map(askedOf)).toEqual([search]);
    server.person.entitlement = [];
    expect(await errorOf(await client.refresh(third.refresh_token ?? ""))).toBe("invalid_grant");
  });
});

describe("agents", () => {
  const setUpAgents = () => createTestAgents(["planner", "helper"], { authorizationDetails: true });

  async function ofPerson(agents: Awaited<ReturnType<typeof setUpAgents>>, change: TestParameters) {
    const redirect_uri = agentRedirect("planner");
    const client = await createTestClient(agents.server, { client_id: "planner", redirect_uri });
    const code = (await client.approve(change)).get("code") ?? "";
    return tokens(await client.redeem(code, { client_secret: secretOf("planner") }));
  }

  test("hand on one call out of what a scope permits, and nothing else", async () => {
    const agents = await setUpAgents();
    const parent = await ofPerson(agents, { scope: "mcp:write" });
    const child = await tokens(await agents.exchange("planner", parent.access_token, asking(once)));
    expect([child.scope, child.details.map(askedOf)]).toEqual(["", [once]]);
    const reader = await ofPerson(agents, { scope: "mcp:read" });
    expect(await errorOf(await agents.exchange("planner", reader.access_token, asking(once)))).toBe(
      "invalid_authorization_details",
    );
    expect((await tokens(await agents.exchange("planner", reader.access_token, asking(search)))).scope).toBe("");
  });

  test("hand on one call as the same one, narrowed or not, so that it is used up for both", async () => {
    const agents = await setUpAgents();
    const parent = await ofPerson(agents, { scope: undefined, ...asking({ ...once, arguments: undefined }) });
    const [whole] = parent.details;
    const child = await tokens(await agents.exchange("planner", parent.access_token));
    expect([child.scope, child.details]).toEqual(["", [whole]]);
    const narrower = await tokens(await agents.exchange("planner", child.access_token, asking(once)));
    expect(narrower.details).toEqual([{ ...whole, arguments: once.arguments }]);
    const wider = asking({ ...once, once: undefined });
    expect(await errorOf(await agents.exchange("planner", narrower.access_token, wider))).toBe(
      "invalid_authorization_details",
    );
    expect(await errorOf(await agents.exchange("planner", child.access_token, { scope: "mcp:read" }))).toBe(
      "invalid_scope",
    );
  });

  test("get tokens of their own for single calls, as far as they are entitled", async () => {
    const agents = await setUpAgents();
    agents.entitlements.set("helper", ["mcp:read"]);
    const own = await tokens(await agents.token("helper", { grant_type: "client_credentials", ...asking(search) }));
    expect([own.scope, own.details.map(askedOf)]).toEqual(["", [search]]);
    const both = { grant_type: "client_credentials", scope: "mcp:read", ...asking(search) };
    expect((await tokens(await agents.token("helper", both))).scope).toBe("mcp:read");
    const more = await agents.token("helper", { grant_type: "client_credentials", ...asking(once) });
    expect(await errorOf(more)).toBe("invalid_authorization_details");
  });

  test("introspection tells of them (RFC 9396 §9.2)", async () => {
    const agents = await createTestAgents(["planner"], {
      authorizationDetails: true,
      introspectedBy: () => [TEST_RESOURCE],
    });
    const own = await tokens(await agents.token("planner", { grant_type: "client_credentials", ...asking(search) }));
    const body = new URLSearchParams({
      token: own.access_token,
      client_id: "planner",
      client_secret: secretOf("planner"),
    });
    const told = await (await agents.server.fetch(`${TEST_ISSUER}/introspect`, { method: "POST", body })).json();
    expect(told).toMatchObject({ active: true, scope: "", authorization_details: own.details });
  });
});
