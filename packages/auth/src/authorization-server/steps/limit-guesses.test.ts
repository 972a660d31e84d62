import { beforeEach, describe, expect, test } from "vitest";
import { createTestAuthorizationServer, type TestAuthorizationServer } from "../../testing/authorization-server.js";
import { createTestClient, type TestClient } from "../../testing/client.js";

const GUESSES: readonly [title: string, path: string, form: Readonly<Record<string, string>>][] = [
  ["refresh tokens", "/token", { grant_type: "refresh_token", refresh_token: "guess" }],
  ["codes", "/token", { grant_type: "authorization_code", code: "guess", code_verifier: "v".repeat(43) }],
  ["secrets", "/token", { grant_type: "refresh_token", refresh_token: "guess", client_secret: "guess" }],
  ["secrets at the revocation endpoint", "/revoke", { token: "guess", client_secret: "guess" }],
  ["secrets at the introspection endpoint", "/introspect", { token: "guess", client_secret: "guess" }],
];

let address: string | undefined;
let as: TestAuthorizationServer;
let client: TestClient;

beforeEach(async () => {
  address = "192.0.2.1";
  as = await createTestAuthorizationServer({ remoteAddress: () => address, introspectedBy: () => [] });
  client = await createTestClient(as);
});

async function send(path: string, form: Readonly<Record<string, string>>): Promise<Response> {
  const body = new URLSearchParams({ client_id: client.client_id, ...form });
  return as.fetch(`${as.issuer}${path}`, { method: "POST", body });
}

describe("ratelimit-none: guessing at the endpoints for programs", () => {
  test.each(GUESSES)("forty wrong %s of one address, then 429 that says when to come back", async (_, path, form) => {
    const statuses = new Set<number>();
    for (let count = 0; count < 40; count += 1) statuses.add((await send(path, form)).status);
    expect([...statuses].every((status) => status === 400 || status === 401)).toBe(true);
    as.system.advance(15);
    const refused = await send(path, form);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "45"]);
    as.system.advance(45);
    expect((await send(path, form)).status).not.toBe(429);
  });

  test("the limit is the address's: whose client and whose token it was goes on from elsewhere", async () => {
    const { refresh_token = "" } = await client.connect();
    for (let count = 0; count < 41; count += 1)
      await send("/token", { grant_type: "refresh_token", refresh_token: "x" });
    expect((await client.refresh(refresh_token)).status).toBe(429);
    address = "192.0.2.2";
    expect((await client.refresh(refresh_token)).status).toBe(200);
  });

  test("what is right counts for nothing, nor does a request that is only malformed", async () => {
    let { refresh_token = "" } = await client.connect();
    for (let count = 0; count < 60; count += 1) {
      const answer = await client.refresh(refresh_token);
      expect(answer.status).toBe(200);
      ({ refresh_token } = (await answer.json()) as { refresh_token: string });
      expect((await send("/token", { grant_type: "nothing" })).status).toBe(400);
    }
  });

  test("where addresses are not known nobody can use up everybody's limit", async () => {
    address = undefined;
    for (let count = 0; count < 60; count += 1) {
      expect((await send("/token", { grant_type: "refresh_token", refresh_token: "x" })).status).toBe(400);
    }
  });
});
