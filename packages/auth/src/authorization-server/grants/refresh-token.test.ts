import { describe, expect, test } from "vitest";
import { createTestAuthorizationServer } from "../../testing/authorization-server.js";
import { createTestClient, type TestParameters, type TestTokens } from "../../testing/client.js";

/** A server that was told of one refusal, and a client whose session it concerns. */
async function setUp() {
  const asked: string[] = [];
  const refusals = { open: 0 };
  const server = await createTestAuthorizationServer({
    takeRefusal: async (session_id) => {
      asked.push(session_id);
      return refusals.open-- > 0;
    },
  });
  const client = await createTestClient(server);
  const refresh = async (token = "", change: TestParameters = {}) => {
    const answer = await client.refresh(token, change);
    return { status: answer.status, body: (await answer.json()) as Partial<TestTokens> & { error?: string } };
  };
  return { server, client, refresh, refusals, asked };
}

describe("a refresh that answers a scope refusal", () => {
  test("is refused once with consent_required; the tokens are what they were, and the next one is answered", async () => {
    const { client, refresh, refusals, server } = await setUp();
    const { refresh_token } = await client.connect();
    refusals.open = 1;
    expect(await refresh(refresh_token)).toMatchObject({ status: 400, body: { error: "consent_required" } });
    expect(await server.options.storage.sessions.list("ada", server.system.now())).toHaveLength(1);
    const next = await refresh(refresh_token);
    expect(next).toMatchObject({ status: 200, body: { scope: "mcp:read" } });
    expect(next.body.refresh_token).not.toBe(refresh_token);
  });

  test("is told apart by session", async () => {
    const { client, refresh, asked } = await setUp();
    const [laptop, phone] = [await client.connect(), await client.connect()];
    await refresh(laptop.refresh_token);
    await refresh(phone.refresh_token);
    expect(new Set(asked).size).toBe(2);
  });

  const others: readonly (readonly [string, TestParameters, number])[] = [
    ["asks for a scope", { scope: "mcp:read" }, 0],
    ["comes when the access token has expired", {}, 600],
  ];
  test.each(others)("is none when it %s", async (_, change, seconds) => {
    const { client, refresh, refusals, server, asked } = await setUp();
    const { refresh_token } = await client.connect();
    refusals.open = 1;
    server.system.advance(seconds);
    expect((await refresh(refresh_token, change)).status).toBe(200);
    expect(asked).toEqual([]);
  });

  test("is none when it repeats a token that was rotated: two windows refresh as before", async () => {
    const { client, refresh, refusals, asked } = await setUp();
    const { refresh_token } = await client.connect();
    const first = await refresh(refresh_token);
    refusals.open = 1;
    const again = await refresh(refresh_token);
    expect(again.body.refresh_token).toBe(first.body.refresh_token);
    expect(asked).toHaveLength(1);
  });

  test("is not for another client: it is told what it is always told", async () => {
    const { client, server, refusals, asked } = await setUp();
    const { refresh_token = "" } = await client.connect();
    refusals.open = 1;
    const thief = await createTestClient(server);
    expect(await (await thief.refresh(refresh_token)).json()).toMatchObject({ error: "invalid_grant" });
    expect(asked).toEqual([]);
  });

  test("is none once the session has ended", async () => {
    const { client, refresh, refusals, server, asked } = await setUp();
    const { refresh_token } = await client.connect();
    refusals.open = 1;
    await server.options.storage.sessions.revoke({ sub: "ada" }, server.system.now());
    expect(await refresh(refresh_token)).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
    expect(asked).toEqual([]);
  });
});
