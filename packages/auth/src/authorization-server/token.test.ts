import { decodeJwt } from "jose";
import { describe, expect, test } from "vitest";
import { createTestAuthorizationServer, TEST_ISSUER, TEST_RESOURCE } from "../testing/authorization-server.js";
import {
  createTestClient,
  TEST_VERIFIER,
  type TestClient,
  type TestParameters,
  type TestTokens,
} from "../testing/client.js";

async function setUp(change: Parameters<typeof createTestAuthorizationServer>[0] = {}) {
  const server = await createTestAuthorizationServer(change);
  return { server, client: await createTestClient(server) };
}

const codeOf = async (client: TestClient, scope = "mcp:read") => (await client.approve({ scope })).get("code") ?? "";
const errorOf = async (answer: Response) => [answer.status, ((await answer.json()) as { error?: string }).error];
const tokensOf = async (answer: Response) => {
  expect(answer.status).toBe(200);
  return (await answer.json()) as Required<TestTokens>;
};

describe("RFC 6749 §5: the answer", () => {
  test("is JSON that nobody stores, and always states the scope", async () => {
    const { client } = await setUp();
    const answer = await client.redeem(await codeOf(client));
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect(await answer.json()).toEqual({
      access_token: expect.any(String),
      token_type: "Bearer",
      expires_in: 600,
      scope: "mcp:read",
      refresh_token: expect.stringMatching(/^[\w-]{43}$/),
    });
  });

  const broken: readonly (readonly [string, TestParameters, number, string])[] = [
    ["no grant_type", { grant_type: undefined }, 400, "invalid_request"],
    ["an unknown grant_type", { grant_type: "password" }, 400, "unsupported_grant_type"],
    ["a grant_type named like a member of every object", { grant_type: "constructor" }, 400, "unsupported_grant_type"],
    ["two grant_types", { grant_type: ["refresh_token", "authorization_code"] }, 400, "invalid_request"],
    ["no client_id", { client_id: undefined }, 401, "invalid_client"],
    ["an unknown client", { client_id: "nobody" }, 401, "invalid_client"],
    ["a secret of a client that has none", { client_secret: "guess" }, 401, "invalid_client"],
    ["no code", { code: undefined }, 400, "invalid_request"],
    ["an empty code", { code: "" }, 400, "invalid_request"],
    ["two codes", { code: ["a", "b"] }, 400, "invalid_request"],
    ["an unknown code", { code: "guess" }, 400, "invalid_grant"],
    ["pkce-optional: no code_verifier", { code_verifier: undefined }, 400, "invalid_request"],
    ["pkce-downgrade: a wrong code_verifier", { code_verifier: "b".repeat(43) }, 400, "invalid_grant"],
    ["pkce-downgrade: a code_verifier that is too short", { code_verifier: "b" }, 400, "invalid_grant"],
    [
      "code-client-unbound: another redirect_uri",
      { redirect_uri: "http://127.0.0.1:1/callback" },
      400,
      "invalid_grant",
    ],
    ["code-client-unbound: another resource", { resource: "https://mcp.example/other" }, 400, "invalid_target"],
    ["several resources", { resource: [TEST_RESOURCE, TEST_RESOURCE] }, 400, "invalid_target"],
  ];
  test.each(broken)("%s, and the code is still good afterwards", async (_, change, status, error) => {
    const { client } = await setUp();
    const code = await codeOf(client);
    expect(await errorOf(await client.redeem(code, change))).toEqual([status, error]);
    expect((await client.redeem(code)).status).toBe(200);
  });

  test("OAuth 2.1 §10.2: redirect_uri may be left out, and unknown parameters are dropped", async () => {
    const { client } = await setUp();
    const answer = await client.redeem(await codeOf(client), { redirect_uri: undefined, scope: "admin", vendor: "x" });
    expect((await tokensOf(answer)).scope).toBe("mcp:read");
  });
});

describe("client authentication", () => {
  const confidential = async (token_endpoint_auth_method: string) => {
    const { server } = await setUp();
    const registration = await server.fetch(`${TEST_ISSUER}/register`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ redirect_uris: ["https://web.example/cb"], token_endpoint_auth_method }),
    });
    const { client_id, client_secret } = (await registration.json()) as { client_id: string; client_secret: string };
    const client = await createTestClient(server, { client_id, redirect_uri: "https://web.example/cb" });
    const basic = (id: string, secret: string) =>
      `Basic ${btoa(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`)}`;
    const post = async (authorization: string | undefined, change: TestParameters = {}) => {
      const pairs = {
        grant_type: "authorization_code",
        code: await codeOf(client),
        redirect_uri: client.redirect_uri,
        code_verifier: TEST_VERIFIER,
        ...change,
      };
      const body = new URLSearchParams(
        Object.entries(pairs).flatMap(([name, value]) => [value ?? []].flat().map((v) => [name, v])),
      );
      return server.fetch(`${TEST_ISSUER}/token`, {
        method: "POST",
        body,
        headers: authorization ? { authorization } : {},
      });
    };
    return { client, client_id, client_secret, basic, post };
  };

  test.each(["client_secret_basic", "client_secret_post"])(
    "%s: the secret is needed, and is 256 bits",
    async (method) => {
      const { client_id, client_secret, basic, post } = await confidential(method);
      expect(client_secret).toMatch(/^[\w-]{43}$/);
      expect((await post(basic(client_id, client_secret))).status).toBe(200);
      expect((await post(undefined, { client_id, client_secret })).status).toBe(200);
      expect(await errorOf(await post(undefined, { client_id }))).toEqual([401, "invalid_client"]);
      expect(await errorOf(await post(undefined, { client_id, client_secret: "wrong" }))).toEqual([
        401,
        "invalid_client",
      ]);
    },
  );

  test("RFC 6749 §5.2: who tried the header is told the scheme; an unknown client and a wrong secret look the same", async () => {
    const { client_id, client_secret, basic, post } = await confidential("client_secret_basic");
    const wrong = await post(basic(client_id, "wrong"));
    const unknown = await post(basic("nobody", client_secret));
    for (const answer of [wrong, unknown]) expect(answer.headers.get("www-authenticate")).toMatch(/^Basic realm=/);
    expect(await wrong.text()).toBe(await unknown.text());
  });

  test("RFC 6749 §2.3: two ways at once are refused, and so is a header that is no Basic", async () => {
    const { client_id, client_secret, basic, post } = await confidential("client_secret_basic");
    const both = await post(basic(client_id, client_secret), { client_secret });
    expect(await errorOf(both)).toEqual([400, "invalid_request"]);
    const other = await post(basic(client_id, client_secret), { client_id: "other" });
    expect(await errorOf(other)).toEqual([400, "invalid_request"]);
    for (const header of ["Bearer x", "Basic", "Basic %%%", `Basic ${btoa("nocolon")}`, `Basic ${btoa("%:%")}`]) {
      expect(await errorOf(await post(header))).toEqual([401, "invalid_client"]);
    }
  });
});

describe("codes", () => {
  test("code-replay: a second time, by who can prove it was theirs, ends what the first gave", async () => {
    const { client } = await setUp();
    const code = await codeOf(client);
    const { refresh_token } = await tokensOf(await client.redeem(code));
    expect(await errorOf(await client.redeem(code))).toEqual([400, "invalid_grant"]);
    expect(await errorOf(await client.refresh(refresh_token))).toEqual([400, "invalid_grant"]);
  });

  test("code-replay: a thief without the verifier ends nothing", async () => {
    const { client, server } = await setUp();
    const thief = await createTestClient(server);
    const code = await codeOf(client);
    const { refresh_token } = await tokensOf(await client.redeem(code));
    await client.redeem(code, { code_verifier: "b".repeat(43) });
    await thief.redeem(code);
    expect((await client.refresh(refresh_token)).status).toBe(200);
  });

  test("code-client-unbound: another client gets nothing, and does not burn it", async () => {
    const { client, server } = await setUp();
    const thief = await createTestClient(server);
    const code = await codeOf(client);
    expect(await errorOf(await thief.redeem(code))).toEqual([400, "invalid_grant"]);
    expect((await client.redeem(code)).status).toBe(200);
  });

  test("of several redemptions at once exactly one succeeds, and the others end what it gave", async () => {
    const { client, server } = await setUp();
    const code = await codeOf(client);
    const answers = await Promise.all(Array.from({ length: 8 }, () => client.redeem(code)));
    const [won, ...more] = answers.filter(({ status }) => status === 200);
    expect(more).toEqual([]);
    for (const lost of answers) if (lost !== won) expect(await errorOf(lost)).toEqual([400, "invalid_grant"]);
    const { refresh_token } = await tokensOf(won ?? Response.error());
    expect(await errorOf(await client.refresh(refresh_token))).toEqual([400, "invalid_grant"]);
    expect(await server.options.storage.sessions.list("ada", server.system.now())).toEqual([]);
  });

  test("a code that gives nothing for want of an entitlement is good when the entitlement is back", async () => {
    const { client, server } = await setUp();
    const code = await codeOf(client);
    server.person.entitlement = [];
    expect(await errorOf(await client.redeem(code))).toEqual([400, "invalid_grant"]);
    server.person.entitlement = ["mcp:read"];
    expect((await client.redeem(code)).status).toBe(200);
  });

  test("a code is good for 60 seconds", async () => {
    const { client, server } = await setUp();
    const [early, late] = [await codeOf(client), await codeOf(client)];
    server.system.advance(59);
    expect((await client.redeem(early)).status).toBe(200);
    server.system.advance(1);
    expect(await errorOf(await client.redeem(late))).toEqual([400, "invalid_grant"]);
  });

  test("a grant that was revoked between consent and redemption gives nothing", async () => {
    const { client, server } = await setUp();
    const code = await codeOf(client);
    await server.options.storage.sessions.revoke({ sub: "ada" }, server.system.now());
    expect(await errorOf(await client.redeem(code))).toEqual([400, "invalid_grant"]);
  });

  test("a client that did not register refresh_token gets none, and its session is over with its access token", async () => {
    const { server } = await setUp();
    const client = await createTestClient(server, { metadata: { grant_types: ["authorization_code"] } });
    const tokens = await tokensOf(await client.redeem(await codeOf(client)));
    expect(tokens.refresh_token).toBeUndefined();
    expect(await server.options.storage.sessions.list("ada", server.system.now() + 600)).toEqual([]);
    const refused = await client.refresh("whatever");
    expect(await errorOf(refused)).toEqual([400, "unauthorized_client"]);
  });
});

describe("R-71, design §5.3: refresh", () => {
  test("refresh-no-rotation: each refresh gives a new token of the same session", async () => {
    const { client } = await setUp();
    const first = (await client.connect()) as Required<TestTokens>;
    const second = await tokensOf(await client.refresh(first.refresh_token));
    const third = await tokensOf(await client.refresh(second.refresh_token));
    expect(new Set([first, second, third].map(({ refresh_token }) => refresh_token)).size).toBe(3);
    expect(new Set([first, second, third].map(({ access_token }) => decodeJwt(access_token).sid)).size).toBe(1);
  });

  test("within 30 s the predecessor gets the same successor, and a fresh access token", async () => {
    const { client, server } = await setUp();
    const { refresh_token } = await client.connect();
    const one = await tokensOf(await client.refresh(refresh_token ?? ""));
    server.system.advance(29);
    const two = await tokensOf(await client.refresh(refresh_token ?? ""));
    expect(two.refresh_token).toBe(one.refresh_token);
    expect((await client.refresh(one.refresh_token)).status).toBe(200);
  });

  test("two refreshes at once, as two windows do: one rotation, one successor", async () => {
    const { client } = await setUp();
    const { refresh_token } = await client.connect();
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => client.refresh(refresh_token ?? "").then(tokensOf)),
    );
    expect(new Set(answers.map((answer) => answer.refresh_token)).size).toBe(1);
    expect((await client.refresh(answers[0]?.refresh_token ?? "")).status).toBe(200);
  });

  test.each([
    ["after the grace", 31, 0],
    ["once the successor was used", 0, 1],
  ])("%s the predecessor ends the session", async (_, seconds, rotations) => {
    const { client, server } = await setUp();
    const { refresh_token } = await client.connect();
    let next = await tokensOf(await client.refresh(refresh_token ?? ""));
    server.system.advance(seconds);
    for (let i = 0; i < rotations; i += 1) next = await tokensOf(await client.refresh(next.refresh_token));
    expect(await errorOf(await client.refresh(refresh_token ?? ""))).toEqual([400, "invalid_grant"]);
    expect(await errorOf(await client.refresh(next.refresh_token))).toEqual([400, "invalid_grant"]);
    expect(server.system.lines.map(({ message }) => message)).toContain("refresh token reused, session ended");
  });

  test("reuse ends one session, not that of the sibling", async () => {
    const { client, server } = await setUp();
    const [laptop, phone] = [await client.connect(), await client.connect()];
    await client.refresh(laptop.refresh_token ?? "");
    server.system.advance(31);
    await client.refresh(laptop.refresh_token ?? "");
    expect((await client.refresh(phone.refresh_token ?? "")).status).toBe(200);
  });

  test("a session younger than the cut-off that ended its grant is not renewed", async () => {
    const { client, server } = await setUp();
    const code = await codeOf(client);
    const cutoff = server.system.now() + 5;
    server.system.advance(10);
    const { refresh_token } = await tokensOf(await client.redeem(code));
    await server.options.storage.sessions.revoke({ issued_before: cutoff }, server.system.now());
    expect(await errorOf(await client.refresh(refresh_token))).toEqual([400, "invalid_grant"]);
  });

  test("another client's token is refused, changes nothing, and says no more than an unknown one", async () => {
    const { client, server } = await setUp();
    const thief = await createTestClient(server);
    const { refresh_token } = await client.connect();
    const [stolen, unknown] = [await thief.refresh(refresh_token ?? ""), await thief.refresh("guess")];
    expect(await stolen.text()).toBe(await unknown.text());
    expect((await client.refresh(refresh_token ?? "")).status).toBe(200);
  });

  const asked: readonly (readonly [string, TestParameters, string, number | string])[] = [
    ["narrower scope", { scope: "mcp:read" }, "mcp:read mcp:write", "mcp:read"],
    ["included scope", { scope: "mcp:read" }, "mcp:write", "mcp:read"],
    ["the same scope", { scope: "mcp:read" }, "mcp:read", "mcp:read"],
    ["offline_access beside it", { scope: "mcp:read offline_access" }, "mcp:read", "mcp:read"],
    ["no scope", {}, "mcp:read mcp:write", "mcp:read mcp:write"],
    ["our resource", { resource: TEST_RESOURCE }, "mcp:read", "mcp:read"],
    ["refresh-scope-widen: more scope", { scope: "mcp:read mcp:write" }, "mcp:read", "invalid_scope"],
    ["refresh-scope-widen: an unknown scope", { scope: "admin" }, "mcp:read", "invalid_scope"],
    ["refresh-scope-widen: another resource", { resource: "https://mcp.example/other" }, "mcp:read", "invalid_target"],
    [
      "refresh-scope-widen: several resources",
      { resource: [TEST_RESOURCE, TEST_RESOURCE] },
      "mcp:read",
      "invalid_target",
    ],
  ];
  test.each(asked)("%s", async (_, change, granted, expected) => {
    const { client } = await setUp();
    const { refresh_token } = await client.connect(granted);
    const answer = (await (await client.refresh(refresh_token ?? "", change)).json()) as {
      scope?: string;
      error?: string;
    };
    expect(answer.scope ?? answer.error).toBe(expected);
    // Neither a refusal nor a narrower access token changes what the session may get next.
    const next = await client.refresh((answer as { refresh_token?: string }).refresh_token ?? refresh_token ?? "");
    expect((await tokensOf(next)).scope).toBe(granted);
  });

  test("resource-ignored: a session for one of our servers gives nothing for another of ours", async () => {
    const other = "https://mcp.example/wiki";
    const { client } = await setUp({ resources: () => [TEST_RESOURCE, other] });
    const { refresh_token = "" } = await client.connect();
    expect(await errorOf(await client.refresh(refresh_token, { resource: other }))).toEqual([400, "invalid_target"]);
    const { access_token } = await tokensOf(await client.refresh(refresh_token, { resource: TEST_RESOURCE }));
    expect(decodeJwt(access_token).aud).toBe(TEST_RESOURCE);
  });

  test("an entitlement that was taken away bites at the next refresh, and comes back with it", async () => {
    const { client, server } = await setUp();
    const { refresh_token } = await client.connect("mcp:write");
    server.person.entitlement = ["mcp:read"];
    const less = await tokensOf(await client.refresh(refresh_token ?? ""));
    expect(less.scope).toBe("mcp:read");
    server.person.entitlement = [];
    expect(await errorOf(await client.refresh(less.refresh_token))).toEqual([400, "invalid_grant"]);
    server.person.entitlement = ["mcp:write"];
    expect((await tokensOf(await client.refresh(less.refresh_token))).scope).toBe("mcp:write");
  });

  test("sessions end when idle and in any case; the last access token does not outlive them", async () => {
    const { client, server } = await setUp({ lifetimes: { sessionIdle: 1000, session: 2500 } });
    const first = await client.connect();
    server.system.advance(999);
    const second = await tokensOf(await client.refresh(first.refresh_token ?? ""));
    server.system.advance(999);
    const third = await tokensOf(await client.refresh(second.refresh_token));
    expect([first, second, third].map(({ expires_in }) => expires_in)).toEqual([600, 600, 502]);
    server.system.advance(502);
    expect(await errorOf(await client.refresh(third.refresh_token))).toEqual([400, "invalid_grant"]);
  });

  test("a session that was not refreshed in time has ended", async () => {
    const { client, server } = await setUp({ lifetimes: { sessionIdle: 1000 } });
    const { refresh_token = "" } = await client.connect();
    server.system.advance(1000);
    expect(await errorOf(await client.refresh(refresh_token))).toEqual([400, "invalid_grant"]);
  });
});

describe("RFC 7009: revocation", () => {
  const revoke = (
    server: { fetch: (url: string, init: RequestInit) => Promise<Response> },
    body: Record<string, string>,
  ) => server.fetch(`${TEST_ISSUER}/revoke`, { method: "POST", body: new URLSearchParams(body) });

  test("another client's token, a forged one and an unknown one are answered alike, and nothing happens", async () => {
    const { client, server } = await setUp();
    const thief = await createTestClient(server);
    const tokens = await client.connect();
    const [header, claims] = tokens.access_token.split(".");
    for (const token of [tokens.refresh_token ?? "", tokens.access_token, `${header}.${claims}.AAAA`, "guess"]) {
      const answer = await revoke(server, { client_id: thief.client_id, token, token_type_hint: "refresh_token" });
      expect([answer.status, await answer.text()]).toEqual([200, ""]);
    }
    await revoke(server, { client_id: client.client_id, token: `${header}.${claims}.AAAA` });
    expect((await client.refresh(tokens.refresh_token ?? "")).status).toBe(200);
  });

  test("without a token it is invalid_request, without a client invalid_client", async () => {
    const { client, server } = await setUp();
    expect(await errorOf(await revoke(server, { client_id: client.client_id }))).toEqual([400, "invalid_request"]);
    expect(await errorOf(await revoke(server, { token: "x" }))).toEqual([401, "invalid_client"]);
  });

  test("a rotated refresh token ends its session too", async () => {
    const { client, server } = await setUp();
    const { refresh_token = "" } = await client.connect();
    const next = await tokensOf(await client.refresh(refresh_token));
    await revoke(server, { client_id: client.client_id, token: refresh_token });
    expect(await errorOf(await client.refresh(next.refresh_token))).toEqual([400, "invalid_grant"]);
  });
});
