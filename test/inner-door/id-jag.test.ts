import { decodeJwt } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { newPersonAt } from "../federation/new-person.js";
import { type Site, startSite } from "../federation/site.js";
import { createVisits, type Visits } from "../federation/visits.js";
import { call, headersOf } from "../hostile/ground.js";
import { send } from "../hostile/wire.js";
import { AT_IDP, AT_PARTNER, type JagIdp, type Partner, startJagIdp, startPartner, TICKETS } from "./partner.js";

/*
 * draft-ietf-oauth-identity-assertion-authz-grant, outbound: what the identity provider gave for a person becomes an ID-JAG there, and that a
 * token of another company's server. Nobody is asked in a browser, and the caller's token is shown to neither.
 */
let idp: JagIdp;
let partner: Partner;
let site: Site;
let visits: Visits;

beforeAll(async () => {
  partner = await startPartner(() => idp);
  site = await startSite(async (publicUrl) => {
    idp = await startJagIdp(`${publicUrl}/sign-in/oidc/callback`);
    const server = (name: string, subject: string) => `
  ${name}:
    upstream: UPSTREAM?server=${name}
    access: [{ roles: [staff], scopes: [mcp:read] }]
    credential:
      idJag:
        idp: { issuer: "${idp.issuer}", client: { id: ${AT_IDP.id}, secret: "${AT_IDP.secret}" } }
        issuer: "${partner.issuer}"
        client: { id: ${AT_PARTNER.id}, secret: "${AT_PARTNER.secret}" }
        resource: ${TICKETS}
        scope: tickets:read
        subject: ${subject}`;
    return `
signIn:
  oidc:
    issuer: ${idp.issuer}
    clientId: ${AT_IDP.id}
    clientSecret: ${AT_IDP.secret}
    label: Acme
    roles: { staff: staff }
    keepTokens: true
    parameters: { prompt: consent }
servers:${server("by-id-token", "idp-id-token")}${server("by-access-token", "idp-access-token")}
`;
  });
  visits = createVisits(site, idp);
});
afterAll(async () => {
  await site?.close();
  await Promise.all([idp?.close(), partner?.close()]);
});
beforeEach(() => {
  partner.instead = undefined;
  idp.overlooks = false;
});

const newPerson = (server: string) => newPersonAt({ visits, idp, store: site.store, server });

async function look(server: string, token: string) {
  site.upstream.forget();
  const answer = await send(site.publicUrl, { path: `/mcp/${server}`, headers: headersOf(token), body: call("look") });
  const sent = site.upstream.arrived.flatMap(({ headers }) => headers.filter(([name]) => name === "authorization"));
  return { status: answer.status, reason: reasonOf(answer.text), sent: sent.map(([, value]) => value) };
}

function reasonOf(text: string): unknown {
  return JSON.parse(text).error?.data?.reason;
}

describe("A call goes on with a token of another company's server", () => {
  test.each(["by-id-token", "by-access-token"])("%s", async (server) => {
    const { account, access_token, sub } = await newPerson(server);
    const { status, sent } = await look(server, access_token);
    expect([status, sent]).toEqual([200, [expect.stringMatching(new RegExp(`^Bearer at-partner-${account}-\\d+$`))]]);
    const tokens = (await site.store.connections.find(sub, "@sign-in"))?.tokens;
    const exchange = idp.exchanges.at(-1);
    expect(exchange?.subject_token).toBe(server === "by-id-token" ? tokens?.id_token?.token : tokens?.access_token);
    expect(exchange).toMatchObject({ audience: partner.issuer, resource: TICKETS, scope: "tickets:read" });
    const redeemed = partner.asked.at(-1);
    expect(decodeJwt(redeemed?.get("assertion") ?? "")).toMatchObject({ sub: account, aud: partner.issuer });
    expect([...(redeemed?.keys() ?? [])].sort()).toEqual(["assertion", "grant_type", "resource", "scope"]);
    const everything = JSON.stringify([idp.exchanges, partner.asked.map(String), site.upstream.arrived]);
    expect(everything).not.toContain(access_token);
  });

  test("which is held: the next calls ask nobody, and another person's is another", async () => {
    const [one, other] = [await newPerson("by-id-token"), await newPerson("by-id-token")];
    const first = await look("by-id-token", one.access_token);
    const asked = [idp.exchanges.length, partner.asked.length];
    expect((await look("by-id-token", one.access_token)).sent).toEqual(first.sent);
    expect([idp.exchanges.length, partner.asked.length]).toEqual(asked);
    expect((await look("by-id-token", other.access_token)).sent).toEqual([expect.stringContaining(other.account)]);
  });
});

describe("Nothing goes on", () => {
  test("when the identity provider gives something else than an ID-JAG, which is not shown to the other company", async () => {
    const { access_token } = await newPerson("by-id-token");
    idp.overlooks = true;
    const asked = partner.asked.length;
    expect(await look("by-id-token", access_token)).toEqual({ status: 502, reason: "credential_garbage", sent: [] });
    expect(partner.asked).toHaveLength(asked);
    idp.overlooks = false;
    expect((await look("by-id-token", access_token)).status).toBe(200);
  });

  test("when the other company refuses; nothing is held, and the next call asks for a new ID-JAG", async () => {
    const { access_token } = await newPerson("by-id-token");
    partner.instead = "invalid_grant";
    expect(await look("by-id-token", access_token)).toMatchObject({
      status: 502,
      reason: "credential_refused",
      sent: [],
    });
    const spent = partner.asked.at(-1)?.get("assertion");
    partner.instead = undefined;
    expect((await look("by-id-token", access_token)).status).toBe(200);
    expect(partner.asked.at(-1)?.get("assertion")).not.toBe(spent);
  });

  test("when the sign-in is over: neither is asked, and the person is sent to sign in", async () => {
    const { access_token, sub } = await newPerson("by-id-token");
    await site.store.connections.remove(sub, "@sign-in");
    const asked = [idp.exchanges.length, partner.asked.length];
    expect(await look("by-id-token", access_token)).toEqual({ status: 403, reason: "sign_in_needed", sent: [] });
    expect([idp.exchanges.length, partner.asked.length]).toEqual(asked);
  });
});
