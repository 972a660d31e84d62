import { createTestSystem } from "@sallyport/auth/testing";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { FederationError } from "./federation-error.js";
import { createRelyingParty } from "./relying-party.js";
import { type CrookedIdp, startCrookedIdp } from "./testing/crooked-idp.js";
import { CLIENT } from "./testing/foreign-idp.js";

let idp: CrookedIdp;
beforeAll(async () => {
  idp = await startCrookedIdp({ id: CLIENT.clientId, secret: CLIENT.clientSecret });
});
afterEach(() => idp.reset());
afterAll(() => idp.close());

const system = createTestSystem();
const id_token = { token: "before", subject: "victim", expires: 0 };
const HELD = { access_token: "a", refresh_token: "r", id_token };

function client() {
  return createRelyingParty({
    ...CLIENT,
    ...{ issuer: idp.issuer, label: "Acme", roles: {}, requiredClaims: {}, keepTokens: true, system },
    callbackUrl: "http://localhost:4000/callback",
    signedOutUrl: "http://localhost:4000/signed-out",
  });
}

describe("Renewing what a sign-in gave (OpenID Connect Core §12.2)", () => {
  test("takes the ID token of the same person, and keeps the refresh token where no new one comes", async () => {
    const renewed = await client().refresh(HELD);
    expect(renewed).toMatchObject({
      access_token: "renewed",
      refresh_token: "r",
      expires: system.now() + 60,
      id_token: { subject: "victim", token: expect.stringMatching(/^ey/) },
    });
  });

  test("keeps no ID token that could not be compared with one before", async () => {
    const { id_token: _, ...held } = HELD;
    expect(await client().refresh(held)).not.toHaveProperty("id_token");
  });

  test.each<[string, () => void]>([
    ["another person's", () => (idp.claims = { sub: "somebody else" })],
    ["another issuer's", () => (idp.claims = { iss: "https://evil.example" })],
    ["made for another client", () => (idp.claims = { aud: "another" })],
    ["signed by nobody", () => (idp.sign = "none")],
    ["signed with the client secret", () => (idp.sign = "HS256")],
    ["signed with a foreign key", () => (idp.sign = "foreign key")],
  ])("refuses an ID token that is %s", async (_, bend) => {
    bend();
    const refused = await client()
      .refresh(HELD)
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(FederationError);
    expect(refused).toMatchObject({ reason: "idp_answer_refused" });
  });

  test("says that it has ended where the provider does, and that it cannot be reached where it cannot", async () => {
    idp.instead = (path) =>
      path === "/token" ? Response.json({ error: "invalid_grant" }, { status: 400 }) : undefined;
    expect(await client().refresh(HELD)).toBeUndefined();
    idp.instead = () => "hang up";
    await expect(client().refresh(HELD)).rejects.toMatchObject({ reason: "idp_unreachable" });
  });

  test("ends nothing at a provider without revocation, and says nothing of it", async () => {
    await expect(client().revoke(HELD)).resolves.toBeUndefined();
    expect(idp.tokenRequests).toEqual([]);
  });
});
