import { describe, expect, test } from "vitest";
import { createTestAuthorizationServer, TEST_ISSUER } from "../../testing/authorization-server.js";
import { createTestClient } from "../../testing/client.js";

type Change = Parameters<typeof createTestAuthorizationServer>[0];
type ClientOptions = Parameters<typeof createTestClient>[1];

async function setUp(change: Change = {}, options: ClientOptions = {}) {
  const server = await createTestAuthorizationServer(change);
  const client = await createTestClient(server, options);
  /** Sends the form of the page with its fields changed, as an attacker or an odd browser would. */
  const post = async (page: Response, fields: Record<string, string | undefined>, headers: HeadersInit = {}) => {
    const form = await server.browser.readForm(page);
    const body = new URLSearchParams(form.fields.map(([name, value]) => [name, value]));
    for (const [name, value] of Object.entries({ decision: "approve", ...fields })) {
      if (value === undefined) body.delete(name);
      else body.set(name, value);
    }
    return server.fetch(TEST_ISSUER + form.action, { method: "POST", body, headers });
  };
  return { server, client, post };
}

const text = (html: string) => html.replace(/<style>.*?<\/style>|<[^>]+>/gs, " ").replace(/\s+/g, " ");
const WEB: ClientOptions = { redirect_uri: "https://editor.example/callback" };

describe("R-80, R-81, R-142: what the page says", () => {
  test("who asks, that the name is not verified, for which server, where the answer goes, and who is signed in", async () => {
    const { client } = await setUp();
    const page = text(await (await client.authorize()).text());
    expect(page).toContain("Editor wants to use “crm”");
    expect(page).toContain("name not verified");
    expect(page).toContain("https://mcp.example/crm");
    expect(page).toContain("Answer goes to 127.0.0.1:4711 on this computer");
    expect(page).toContain("You are Ada");
  });

  test("cimd-localhost-no-warning: a client that answers on this computer only is warned of; another is not", async () => {
    const warning = "Any program on this computer can ask under this name";
    for (const redirect_uri of ["http://127.0.0.1/cb", "http://localhost:1/cb", "com.example.editor:/cb"]) {
      const { client } = await setUp({}, { redirect_uri });
      expect(text(await (await client.authorize()).text())).toContain(warning);
    }
    const { client } = await setUp({}, WEB);
    expect(text(await (await client.authorize()).text())).not.toContain(warning);
  });

  test("a host that is not ASCII is shown in punycode", async () => {
    const { client } = await setUp({}, { redirect_uri: "https://xn--pple-43d.com/cb" });
    expect(text(await (await client.authorize()).text())).toContain("Answer goes to xn--pple-43d.com ");
  });

  test("scopes asked for are ticked, others are there and are not; each has words and the tools behind it", async () => {
    const { client, server } = await setUp();
    const page = await client.authorize();
    const form = await server.browser.readForm(page);
    expect(form.fields.filter(([name]) => name === "scope")).toEqual([["scope", "mcp:read"]]);
    expect(text(form.text)).toMatch(
      /It may Read Look things up.*search_customers.*Not asked for, but possible Read and change.*update_customer/,
    );
  });

  test.each([
    [["search_customers"], "1 tool · "],
    [["get_note", "list_notes", "resources", "prompts"], "2 tools, resources, prompts · "],
    [["resources"], "no tools, resources · "],
  ])("counts tools only: %j is “%s”", async (tools, expected) => {
    const describeResource = async (resource: string) => ({
      ...{ resource, name: "crm", baseline: ["mcp:read"] },
      scopes: [{ scope: "mcp:read", title: "Read", includes: [], tools }],
    });
    const { client } = await setUp({ describeResource });
    expect(text(await (await client.authorize()).text())).toContain(` ${expected}`);
  });

  test.each([
    [["search_*", "get_*"], "It may call those called search_*"],
    [[], "Which tools this server has becomes known when it is first used."],
  ])("does not say that there are no tools while nobody knows: expected %j", async (expected, words) => {
    const describeResource = async (resource: string) => ({
      ...{ resource, name: "crm", baseline: ["mcp:read"] },
      scopes: [{ scope: "mcp:read", title: "Read", includes: [], tools: [], expected }],
    });
    const { client } = await setUp({ describeResource });
    const page = text(await (await client.authorize()).text());
    expect(page).toContain("tools not known yet · mcp:read");
    expect(page).toContain(words);
    expect(page).not.toContain("no tools");
  });

  test.each([
    ["no scope", undefined, ["mcp:read"]],
    ["unknown scopes only", "openid profile", ["mcp:read"]],
    ["unknown ones among known", "openid mcp:write offline_access", ["mcp:write"]],
    ["spaces too many", " mcp:write  mcp:read ", ["mcp:read", "mcp:write"]],
  ])("R-88: with %s the page ticks %s → %j", async (_, scope, expected) => {
    const { client, server } = await setUp();
    const { fields } = await server.browser.readForm(await client.authorize({ scope }));
    expect(fields.filter(([name]) => name === "scope").map(([, value]) => value)).toEqual(expected);
  });

  test("what the person may not be granted is not offered, and said so", async () => {
    const { client, server } = await setUp();
    server.person.entitlement = ["mcp:read"];
    const page = await client.authorize({ scope: "mcp:write" });
    const form = await server.browser.readForm(page);
    expect(form.text).not.toContain('value="mcp:write"');
    expect(text(form.text)).toContain("It also asked for Read and change, which you may not give.");
    expect(form.fields).toContainEqual(["scope", "mcp:read"]);
  });

  test("nothing entitled: words, and a way back that answers access_denied", async () => {
    const { client, server } = await setUp();
    server.person.entitlement = [];
    const page = await client.authorize();
    expect(page.status).toBe(403);
    expect(text(await page.clone().text())).toContain("You have no access to “crm”");
    const back = await server.browser.submit(page, { decision: "deny" }, TEST_ISSUER);
    expect(new URL(back.headers.get("location") ?? "").searchParams.get("error")).toBe("access_denied");
  });

  test("step-up: what is new, what was allowed before, and which tool wants it", async () => {
    const lastRefusal = async () => ({ tool: "update_customer", scopes: ["mcp:write"] });
    const { client } = await setUp({ lastRefusal });
    await client.connect("mcp:read");
    const page = text(await (await client.authorize({ scope: "mcp:read mcp:write" })).text());
    expect(page).toContain("Editor asks again for “crm”");
    expect(page).toContain("update_customer was refused a moment ago: it needs “Read and change”.");
    expect(page).toMatch(/Read already allowed .*Read and change new /);
  });

  test.each([
    [
      "dcr-xss-metadata: markup",
      "<script>alert(1)</script>\"'&",
      "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;",
    ],
    ["dcr-name-spoof: a name turned around", "\u202eedualC", "edualC"],
    ["dcr-name-spoof: invisible characters", "Cla\u200bude\u0000", "Claude"],
    ["a name of 5,000 characters is refused or cut", "x".repeat(2000), `${"x".repeat(79)}…`],
  ])("%s", async (_, client_name, shown) => {
    const { client } = await setUp({}, { metadata: { client_name } });
    const page = await (await client.authorize()).text();
    expect(page).toContain(`<bdi>${shown}</bdi>`);
    expect(page).not.toContain("<script");
  });

  test("where signing out is possible, the page says so", async () => {
    const { client } = await setUp({ signOutUrl: (to) => `/sign-out?to=${encodeURIComponent(to)}` });
    expect(await (await client.authorize()).text()).toContain(
      '<a href="/sign-out?to=https%3A%2F%2Fauth.example%2Fconsent',
    );
  });
});

describe("authz-consent-csrf-clickjack: how the page is sent", () => {
  test.each([
    ["http://127.0.0.1/cb", "http://127.0.0.1"],
    ["http://[::1]:7/cb", "http:"],
    ["https://editor.example:8443/cb", "https://editor.example:8443"],
    ["com.example.editor:/cb", "com.example.editor:"],
  ])(
    "design §5.12: its forms lead here and to %s, nothing frames, runs, caches or refers it",
    async (redirect_uri, source) => {
      const { client } = await setUp({}, { redirect_uri });
      const { headers } = await client.authorize();
      const policy = headers.get("content-security-policy") ?? "";
      expect(policy.split("; ")).toEqual([
        "default-src 'none'",
        expect.stringMatching(/^style-src 'sha256-[A-Za-z0-9+/]{43}='$/),
        "base-uri 'none'",
        `form-action 'self' ${source}`,
        "frame-ancestors 'none'",
      ]);
      expect(headers.get("x-frame-options")).toBe("DENY");
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      expect(headers.get("access-control-allow-origin")).toBeNull();
    },
  );

  const forged: readonly (readonly [string, Record<string, string | undefined>, HeadersInit])[] = [
    ["without the token", { csrf: undefined }, {}],
    ["with a wrong token", { csrf: "A".repeat(43) }, {}],
    ["from another site", {}, { "sec-fetch-site": "cross-site" }],
    ["from a sibling site", {}, { "sec-fetch-site": "same-site" }],
    ["from another origin, by a browser without Sec-Fetch-Site", {}, { origin: "https://evil.example" }],
  ];
  test.each(forged)("an answer %s is refused and changes nothing", async (_, fields, headers) => {
    const { client, server, post } = await setUp();
    const page = await client.authorize();
    const answer = await post(page, fields, headers);
    expect([answer.status, answer.headers.get("location")]).toEqual([403, null]);
    expect(await server.options.storage.grants.list("ada")).toEqual([]);
    expect((await post(page, {})).status).toBe(303);
  });

  test("R-142: the token of one request or of one browser session is of no use to another", async () => {
    const { client, server, post } = await setUp();
    const [one, other] = [await client.authorize(), await client.authorize()];
    const csrf = (await server.browser.readForm(other)).fields.find(([name]) => name === "csrf")?.[1];
    expect((await post(one, { csrf })).status).toBe(403);
    if (server.person.user) server.person.user = { ...server.person.user, csrfSecret: "another browser session" };
    expect((await post(one, {})).status).toBe(403);
  });

  test("authz-autoapprove: nobody signed in, so the answer of nobody goes to sign-in", async () => {
    const { client, server, post } = await setUp();
    const page = await client.authorize();
    server.person.user = undefined;
    const answer = await post(page, {});
    expect(answer.headers.get("location")).toMatch(/^\/sign-in/);
  });
});

describe("the answer", () => {
  test("deny tells the client, with iss and state, and uses the request up", async () => {
    const { client, server, post } = await setUp({ afterConsent: async () => ["flow=; Max-Age=0"] });
    const page = await client.authorize();
    const answer = await server.browser.submit(page, { decision: "deny" }, TEST_ISSUER);
    expect(answer.status).toBe(303);
    expect(answer.headers.get("set-cookie")).toBe("flow=; Max-Age=0");
    const query = new URL(answer.headers.get("location") ?? "").searchParams;
    expect([query.get("error"), query.get("state"), query.get("iss")]).toEqual([
      "access_denied",
      "state of the client",
      TEST_ISSUER,
    ]);
    expect((await post(page, {})).status).toBe(400);
  });

  test("no scope ticked: the page comes back with an error, and the request is still good", async () => {
    const { client, server } = await setUp();
    const page = await client.authorize();
    const again = await server.browser.submit(page, { decision: "approve", scope: [] }, TEST_ISSUER);
    expect(again.status).toBe(400);
    expect(await again.clone().text()).toContain('role="alert"');
    expect((await server.browser.submit(again, { decision: "approve", scope: ["mcp:read"] }, TEST_ISSUER)).status).toBe(
      303,
    );
  });

  test("scopes that were not offered cannot be ticked", async () => {
    const { client, server } = await setUp();
    server.person.entitlement = ["mcp:read"];
    const page = await client.authorize();
    const scope = ["mcp:write", "admin", "mcp:read"];
    await server.browser.submit(page, { decision: "approve", scope }, TEST_ISSUER);
    expect((await server.options.storage.grants.list("ada"))[0]?.scopes).toEqual(["mcp:read"]);
  });

  test("an entitlement taken away while the page was open counts", async () => {
    const { client, server } = await setUp();
    const page = await client.authorize({ scope: "mcp:write" });
    server.person.entitlement = ["mcp:read"];
    const answer = await server.browser.submit(page, { decision: "approve", scope: ["mcp:write"] }, TEST_ISSUER);
    expect(answer.status).toBe(400);
  });

  test("of several answers at once one gives a code", async () => {
    const { client, server } = await setUp();
    const page = await client.authorize();
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => server.browser.submit(page, { decision: "approve" }, TEST_ISSUER)),
    );
    expect(answers.filter(({ status }) => status === 303)).toHaveLength(1);
  });

  test.each([
    ["neither button", undefined],
    ["a made-up button", "constructor"],
  ])("%s is refused", async (_, decision) => {
    const { client, post } = await setUp();
    expect((await post(await client.authorize(), { decision })).status).toBe(400);
  });

  test("a client that has gone since it asked gets no answer", async () => {
    const { client, server, post } = await setUp({ lifetimes: { unusedRegistration: 100 } });
    const page = await client.authorize();
    server.system.advance(100);
    const answer = await post(page, {});
    expect([answer.status, answer.headers.get("location")]).toEqual([400, null]);
    expect(await answer.text()).toContain("<code>client_unknown</code>");
  });

  test("R-145: a request waits ten minutes", async () => {
    const { client, server, post } = await setUp();
    const page = await client.authorize();
    server.system.advance(600);
    const answer = await post(page, {});
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain("<code>consent_stale</code>");
  });
});

describe("RFC 8252 §8.6, R-140, R-141: who is asked again", () => {
  /** The second request of a client that was granted `mcp:read`: does it show the page? */
  const second = async (options: ClientOptions, parameters: Record<string, string> = {}, signedInAgain = false) => {
    const { client, server } = await setUp({}, options);
    await client.approve();
    if (signedInAgain && server.person.user)
      server.person.user = { ...server.person.user, auth_time: server.system.now() };
    const answer = await client.authorize(parameters);
    const location = answer.headers.get("location");
    return location === null ? "asked" : (new URL(location).searchParams.get("error") ?? "passed");
  };

  const rows: readonly (readonly [string, ClientOptions, Record<string, string>, boolean, string])[] = [
    ["an https client, the same again", WEB, {}, false, "passed"],
    ["an https client with prompt=none", WEB, { prompt: "none" }, false, "passed"],
    ["an https client with more scope", WEB, { scope: "mcp:write" }, false, "asked"],
    [
      "an https client with more scope and prompt=none",
      WEB,
      { scope: "mcp:write", prompt: "none" },
      false,
      "consent_required",
    ],
    ["an https client with prompt=consent", WEB, { prompt: "consent" }, false, "asked"],
    ["an https client whose person has just signed in", WEB, {}, true, "asked"],
    ["a loopback client", {}, {}, false, "asked"],
    ["a loopback client with prompt=none", {}, { prompt: "none" }, false, "consent_required"],
    ["a private-scheme client", { redirect_uri: "com.example.editor:/cb" }, {}, false, "asked"],
  ];
  test.each(rows)("%s", async (_, options, parameters, signedInAgain, expected) => {
    expect(await second(options, parameters, signedInAgain)).toBe(expected);
  });

  test("authz-consent-skipped-new-client: another client of the same name is asked about", async () => {
    const { client, server } = await setUp({}, WEB);
    await client.approve();
    const namesake = await createTestClient(server, WEB);
    expect((await namesake.authorize()).status).toBe(200);
  });

  test("another person in the same browser is asked", async () => {
    const { client, server } = await setUp({}, WEB);
    await client.approve();
    if (server.person.user) server.person.user = { ...server.person.user, sub: "grace" };
    expect((await client.authorize()).status).toBe(200);
  });

  test("a client that asks for what the person may not give does not pass: the page says what is withheld", async () => {
    const { client, server } = await setUp({}, WEB);
    server.person.entitlement = ["mcp:read"];
    await client.approve();
    expect((await client.authorize({ scope: "mcp:read mcp:write" })).status).toBe(200);
  });

  test("what passes gives what is asked, not all that was granted", async () => {
    const { client } = await setUp({}, WEB);
    await client.connect("mcp:read mcp:write");
    expect((await client.connect("mcp:read")).scope).toBe("mcp:read");
  });
});

describe("no resource, as in 2025-03-26", () => {
  const resources = ["https://mcp.example/crm", "https://mcp.example/wiki"];
  const two: Change = { resources: () => resources };

  test("the only server is meant", async () => {
    const { client } = await setUp();
    const code = (await client.approve({ resource: undefined })).get("code") ?? "";
    expect((await client.redeem(code)).status).toBe(200);
  });

  test("of several the person picks one, and the consent page follows", async () => {
    const { client, server } = await setUp(two);
    const page = await client.authorize({ resource: undefined });
    const form = await server.browser.readForm(page);
    expect(text(form.text)).toContain("Which server is Editor to use?");
    const picked = new URLSearchParams([
      ...form.fields.map(([name, value]) => [name, value]),
      ["resource", resources[1] ?? ""],
    ]);
    const consent = await server.fetch(`${TEST_ISSUER}${form.action}?${picked}`);
    expect(text(await consent.clone().text())).toContain("Editor wants to use “wiki”");
    const answer = await server.browser.submit(consent, { decision: "approve" }, TEST_ISSUER);
    const code = new URL(answer.headers.get("location") ?? "").searchParams.get("code") ?? "";
    expect((await client.redeem(code, { resource: resources[0] })).status).toBe(400);
    expect((await client.redeem(code, { resource: resources[1] })).status).toBe(200);
  });

  test("servers where the person may grant nothing are no choice", async () => {
    const { client } = await setUp({
      ...two,
      mayBeGranted: async (_sub, _client, resource) => (resource === resources[1] ? ["mcp:read"] : []),
    });
    expect(text(await (await client.authorize({ resource: undefined })).text())).toContain(
      "Editor wants to use “wiki”",
    );
  });

  test("resource-ignored: a request that names one server cannot be answered for another", async () => {
    const { client, server, post } = await setUp(two);
    const answer = await post(await client.authorize({ resource: resources[0] }), { resource: resources[1] });
    expect(answer.status).toBe(303);
    expect((await server.options.storage.grants.list("ada")).map(({ resource }) => resource)).toEqual([resources[0]]);
  });

  test("a resource that was picked must exist", async () => {
    const { client, server } = await setUp(two);
    const form = await server.browser.readForm(await client.authorize({ resource: undefined }));
    const request = form.fields.find(([name]) => name === "request")?.[1];
    const answer = await server.fetch(`${TEST_ISSUER}/consent?request=${request}&resource=https://evil.example/`);
    expect([answer.status, answer.headers.get("location")]).toEqual([400, null]);
  });

  test("prompt=none picks nothing", async () => {
    const { client } = await setUp(two);
    const answer = await client.authorize({ resource: undefined, prompt: "none" });
    expect(new URL(answer.headers.get("location") ?? "").searchParams.get("error")).toBe("consent_required");
  });

  test("a resource that has gone since is refused", async () => {
    const { client } = await setUp({ describeResource: async () => undefined });
    const answer = await client.authorize();
    expect(new URL(answer.headers.get("location") ?? "").searchParams.get("error")).toBe("invalid_target");
  });
});
