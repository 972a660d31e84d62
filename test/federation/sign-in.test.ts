import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import {
  CLIENT,
  type ForeignIdp,
  startForeignIdp,
} from "../../packages/sallyport/src/federation/testing/foreign-idp.js";
import { type Site, startSite } from "./site.js";
import { createVisits, type Visits } from "./visits.js";

const ROLES_MAX_AGE = 300;

let idp: ForeignIdp;
let site: Site;
let visits: Visits;

beforeAll(async () => {
  site = await startSite(async (publicUrl) => {
    idp = await startForeignIdp({
      redirectUris: [`${publicUrl}/sign-in/oidc/callback`],
      backchannelLogoutUri: `${publicUrl}/sign-in/oidc/backchannel-logout`,
    });
    idp.people.set("a1", { preferred_username: "alice", groups: ["crm-users"] });
    idp.people.set("b2", { preferred_username: "bob", groups: [] });
    return `
signIn:
  oidc:
    issuer: ${idp.issuer}
    clientId: ${CLIENT.clientId}
    clientSecret: ${CLIENT.clientSecret}
    label: Acme
    roles: { crm-users: support }
    rolesMaxAge: ${ROLES_MAX_AGE}
servers:
  crm:
    upstream: UPSTREAM
    access:
      - { roles: [support], scopes: [mcp:read] }
      - { users: ["${idp.issuer}|b2"], scopes: [mcp:read] }
`;
  });
  visits = createVisits(site, idp);
});
afterAll(async () => {
  await site?.close();
  await idp?.close();
});

const register: Visits["register"] = (name) => visits.register(name);
const ask: Visits["ask"] = (...asked) => visits.ask(...asked);
const approve: Visits["approve"] = (asked) => visits.approve(asked);
const token: Visits["token"] = (fields) => visits.token(fields);

/** Of oidc-provider's client, which its types leave out. */
interface LogsOut {
  backchannelLogout(sub: string, sid: string): Promise<void>;
}

const within2s = { timeout: 2_000, interval: 50 };

describe("People of an identity provider", () => {
  test("agree on our own page to each client, and then it may call (R-140, R-142)", async () => {
    const asked = await ask("a1", await register("Editor"));
    expect(asked.page.html).toContain("Editor");
    expect(asked.page.location).toBe("");
    const { access_token } = await approve(asked);
    expect((await site.look("crm", access_token)).status).toBe(200);
    expect(access_token).not.toContain(idp.issuer);
    const again = await ask("a1", await register("Another"));
    expect(again.page.html).toContain("Another");
    expect(again.page.location).toBe("");
  });

  test("are entitled as (issuer, sub) too, and never by a name", async () => {
    const { access_token } = await approve(await ask("b2", await register("Editor")));
    expect((await site.look("crm", access_token)).status).toBe(200);
    idp.people.set("c3", { preferred_username: `${idp.issuer}|b2`, email: "b2", groups: ["support"] });
    const asked = await ask("c3", await register("Editor"));
    expect(asked.page.html).not.toContain('name="scope"');
  });

  test("are out within two seconds when they are disabled here", async () => {
    idp.people.set("d4", { preferred_username: "dora", groups: ["crm-users"] });
    const { access_token } = await approve(await ask("d4", await register("Editor")));
    expect((await site.look("crm", access_token)).status).toBe(200);
    const dora = (await site.store.users.list()).find(({ name }) => name.startsWith("dora~"));
    await site.store.users.update(dora?.sub ?? "", { disabled: true });
    await vi.waitFor(async () => expect((await site.look("crm", access_token)).status).toBe(401), within2s);
    expect((await ask("d4", await register("Editor"))).page.html).toContain("This account is closed");
  });

  test("are out within two seconds when the provider says that they signed out there, and nobody else is", async () => {
    idp.people.set("e5", { preferred_username: "erin", groups: ["crm-users"] });
    const client_id = await register("Editor");
    const erin = await approve(await ask("e5", client_id));
    const alice = await approve(await ask("a1", await register("Editor")));
    expect((await site.look("crm", erin.access_token)).status).toBe(200);
    const client = await idp.provider.Client.find(CLIENT.clientId);
    // The provider's own token, sent by itself; it rejects unless our answer is 200.
    await (client as unknown as LogsOut).backchannelLogout("e5", "a session there");
    await vi.waitFor(async () => expect((await site.look("crm", erin.access_token)).status).toBe(401), within2s);
    expect((await token({ grant_type: "refresh_token", refresh_token: erin.refresh_token, client_id })).status).toBe(
      400,
    );
    expect((await site.look("crm", alice.access_token)).status).toBe(200);
    const again = await approve(await ask("e5", await register("Editor")));
    expect((await site.look("crm", again.access_token)).status).toBe(200);
  });

  test("lose roles that grow too old, everywhere, and have them again by signing in", async () => {
    const client_id = await register("Editor");
    const { access_token, refresh_token } = await approve(await ask("a1", client_id));
    site.system.advance(ROLES_MAX_AGE - 1);
    await vi.waitFor(async () => expect((await site.look("crm", access_token)).status).toBe(200), within2s);
    site.system.advance(1);
    await vi.waitFor(async () => expect(await site.tools("crm", access_token)).toEqual(["no_access"]), within2s);
    expect(await token({ grant_type: "refresh_token", refresh_token, client_id })).toMatchObject({
      status: 400,
      body: { error: "invalid_grant" },
    });
    const fresh = await approve(await ask("a1", client_id));
    await vi.waitFor(async () => expect((await site.look("crm", fresh.access_token)).status).toBe(200), within2s);
  });

  test("are no longer who they were elsewhere, when that grows too old", async () => {
    const { access_token } = await approve(await ask("b2", await register("Editor")));
    expect((await site.look("crm", access_token)).status).toBe(200);
    site.system.advance(ROLES_MAX_AGE);
    await vi.waitFor(async () => expect(await site.tools("crm", access_token)).toEqual(["no_access"]), within2s);
  });

  test("lose at once what a new sign-in no longer says", async () => {
    idp.people.set("e5", { preferred_username: "eve", groups: ["crm-users"] });
    const { access_token } = await approve(await ask("e5", await register("Editor")));
    expect((await site.look("crm", access_token)).status).toBe(200);
    idp.people.set("e5", { preferred_username: "eve", groups: [] });
    await ask("e5", await register("Editor"));
    await vi.waitFor(async () => expect(await site.tools("crm", access_token)).toEqual(["no_access"]), within2s);
  });
});
