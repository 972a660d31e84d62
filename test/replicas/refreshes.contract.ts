import type { KoaContextWithOIDC } from "oidc-provider";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  CLIENT,
  type ForeignIdp,
  startForeignIdp,
} from "../../packages/sallyport/src/federation/testing/foreign-idp.js";
import type { ConnectionTokens } from "../../packages/sallyport/src/vault/contract.js";
import { type NewPerson, newPersonAt } from "../federation/new-person.js";
import { createVisits, type Visits } from "../federation/visits.js";
import { filesBelow, findCanaries } from "../fixtures/canaries.js";
import {
  AT_STRICT,
  SIGN_IN_CLIENT,
  type StrictTokenEndpoint,
  startStrictTokenEndpoint,
} from "../inner-door/strict-token-endpoint.js";
import { call, type Installation, type MoreSettings, startInstallation } from "./replica.js";
import type { SharedDatabase } from "./replicas.contract.js";

/** Less than the minute ahead of its end at which whoever needs it next renews it, and long enough to go on with meanwhile. */
const FIRST_LIFE = 50;
const DESK_CLIENT = "desk";
const CALLS = 20;

export interface DatabaseWithFiles extends SharedDatabase {
  /** Where the files of the database lie, and perhaps others. */
  folderOf(installation: Installation): string;
}

/** Two processes that need one person's token of elsewhere renewed, whichever database they share: one refresh on the wire. */
export function describeRefreshes(database: DatabaseWithFiles): void {
  describe(`two processes on one ${database.name} store, with tokens of elsewhere`, () => {
    let elsewhere: Elsewhere;
    let installation: Installation;
    let visits: Visits;
    let person: NewPerson;
    beforeAll(async () => {
      elsewhere = await startElsewhere();
      installation = await startInstallation(await database.createUrl(), elsewhere.settings);
      visits = createVisits({ publicUrl: installation.issuer }, elsewhere.idp());
    });
    afterAll(async () => {
      await installation?.close();
      await elsewhere?.close();
    });
    beforeEach(async () => {
      person = await newPersonAt({ visits, idp: elsewhere.idp(), store: installation.store, server: "notes" });
    });

    /** Calls at both processes while a refresh is under way: until one of them is answered, or comes with a refresh of its own. */
    const race = async (tool: string) => {
      const goOn = elsewhere.hold();
      const answers = await Promise.all(
        Array.from({ length: CALLS }, async (_, index) => {
          const [first, second] = installation.replicas;
          const answer = await call(index % 2 === 0 ? first : second, person.access_token, tool);
          goOn();
          return [answer.status, await answer.text()];
        }),
      );
      for (const answer of answers) expect(answer).toEqual([200, expect.any(String)]);
    };
    const everKept = new Map<string, string>();
    const keptUnder = async (name: string): Promise<Partial<ConnectionTokens>> => {
      const tokens = (await installation.store.connections.find(person.sub, name))?.tokens;
      for (const kind of ["access_token", "refresh_token"] as const)
        everKept.set(tokens?.[kind] ?? "", `${kind} of ${name}`);
      return tokens ?? {};
    };
    /** A provider that sees a refresh token twice ends all that came of it (RFC 9700 §4.14.2). */
    const expectAlive = async ({ access_token = "", refresh_token = "" }: Partial<ConnectionTokens>) => {
      const { AccessToken, RefreshToken } = elsewhere.idp().provider;
      expect(await AccessToken.find(access_token)).toMatchObject({ accountId: person.account });
      expect(await RefreshToken.find(refresh_token)).toMatchObject({ accountId: person.account });
    };

    test("the sign-in at the identity provider is renewed once on the wire, and both go on with what lives", async () => {
      const before = await keptUnder("@sign-in");
      await race("look");
      await race("look");
      expect(elsewhere.refreshedBy(SIGN_IN_CLIENT)).toEqual([before.refresh_token]);
      const after = await keptUnder("@sign-in");
      expect(after.access_token).not.toBe(before.access_token);
      // Whatever was shown was the provider's, and lives: nothing was ended for a refresh token that came twice.
      const shown = elsewhere.strict.asked.map((form) => form.get("subject_token") ?? "");
      expect(shown.length).toBeGreaterThan(0);
      expect([before.access_token, after.access_token]).toEqual(expect.arrayContaining(shown));
      await expectAlive(after);
    });

    test("the account that the person connected at a third party is renewed once on the wire, and both go on with what lives", async () => {
      await connectDesk({ person, visits, idp: elsewhere.idp() });
      const before = await keptUnder("desk");
      await race("misbehave");
      await race("misbehave");
      expect(elsewhere.refreshedBy(DESK_CLIENT)).toEqual([before.refresh_token]);
      const after = await keptUnder("desk");
      expect(after.access_token).not.toBe(before.access_token);
      const shown = installation.upstream.arrived.flatMap(({ headers, body }) =>
        body.includes("misbehave") ? headers.flatMap(([name, value]) => (name === "authorization" ? [value] : [])) : [],
      );
      expect(shown).toHaveLength(2 * CALLS);
      const living = [before, after].map(({ access_token }) => `Bearer ${access_token}`);
      expect(living).toEqual(expect.arrayContaining([...new Set(shown)]));
      await expectAlive(after);
    });

    test("nothing of either was ever readable in the files of the database", () => {
      // Of the sign-in and of the account: an access token and a refresh token before, and those after.
      expect(everKept.size).toBe(8);
      const files = filesBelow(database.folderOf(installation));
      // They are the right ones: what is no secret stands there in the clear.
      expect(findCanaries({ secrets: new Map([[person.sub, "a person"]]) }, files)).not.toEqual([]);
      expect(findCanaries({ secrets: everKept }, files)).toEqual([]);
    });
  });
}

interface Elsewhere {
  /** The identity provider, and the third party too; there once the installation is. */
  idp(): ForeignIdp;
  readonly strict: StrictTokenEndpoint;
  readonly settings: (issuer: string) => Promise<MoreSettings>;
  /** Refresh tokens that a client of ours brought, taken or refused, in order. */
  refreshedBy(client_id: string): readonly string[];
  /** From now on the answer to a refresh waits for the next one, or for the function that is answered. */
  hold(): () => void;
  close(): Promise<void>;
}

async function startElsewhere(): Promise<Elsewhere> {
  let idp: ForeignIdp | undefined;
  const started = () => {
    if (idp === undefined) throw new Error("no provider yet");
    return idp;
  };
  const strict = await startStrictTokenEndpoint(started);
  const refreshes: { readonly client_id: string; readonly refresh_token: string }[] = [];
  let gate = Promise.resolve();
  let open = () => {};
  const note = ({ oidc }: KoaContextWithOIDC) => {
    const { grant_type, refresh_token } = oidc.params ?? {};
    if (grant_type !== "refresh_token") return;
    refreshes.push({ client_id: String(oidc.client?.clientId), refresh_token: String(refresh_token) });
  };
  let waiting = 0;
  /** Asked before a refresh token is used up. */
  const rotate = async () => {
    waiting += 1;
    if (waiting > 1) open();
    await gate;
    waiting -= 1;
    return true;
  };
  return {
    idp: started,
    strict,
    settings: async (issuer) => {
      idp = await startProvider(issuer, rotate);
      idp.provider.on("grant.success", note);
      idp.provider.on("grant.error", note);
      return settingsFor(idp.issuer, strict.url);
    },
    refreshedBy: (client_id) =>
      refreshes.filter((one) => one.client_id === client_id).map(({ refresh_token }) => refresh_token),
    hold: () => {
      gate = new Promise((resolve) => {
        open = resolve;
      });
      return open;
    },
    close: async () => {
      await Promise.all([idp?.close(), strict.close()]);
    },
  };
}

function startProvider(issuer: string, rotateRefreshToken: () => Promise<boolean>): Promise<ForeignIdp> {
  const client = (client_id: string, path: string) => ({
    ...{ client_id, client_secret: CLIENT.clientSecret, redirect_uris: [`${issuer}${path}`] },
    ...{ grant_types: ["authorization_code", "refresh_token"], response_types: ["code" as const] },
  });
  return startForeignIdp({
    redirectUris: [],
    clients: [client(SIGN_IN_CLIENT, "/sign-in/oidc/callback"), client(DESK_CLIENT, "/account/connections/callback")],
    configuration: {
      rotateRefreshToken,
      issueRefreshToken: async () => true,
      ttl: {
        ...{ Session: 3600, Grant: 3600, Interaction: 600, IdToken: 3600, RefreshToken: 3600 },
        AccessToken: ({ oidc }) => (oidc.params?.grant_type === "refresh_token" ? 3600 : FIRST_LIFE),
      },
      scopes: ["openid", "profile", "offline_access", "tickets:read"],
    },
  });
}

/** Two tools of one server: one takes what is made of the person's sign-in, the other the person's own account. */
function settingsFor(provider: string, strict: string): MoreSettings {
  return {
    top: `
signIn:
  oidc:
    issuer: ${provider}
    clientId: ${SIGN_IN_CLIENT}
    clientSecret: ${CLIENT.clientSecret}
    label: Acme
    roles: { staff: support }
    keepTokens: true
    parameters: { prompt: consent }
connections:
  desk:
    title: Ticket Desk
    issuer: ${provider}
    clientId: ${DESK_CLIENT}
    clientSecret: ${CLIENT.clientSecret}
    scopes: [openid, "tickets:read"]
`,
    server: `credentials:
      - for: tools/look
        exchange: { tokenEndpoint: "${strict}", client: { id: ${AT_STRICT.id}, secret: "${AT_STRICT.secret}" }, audience: crm, subject: idp-access-token }
      - { for: tools/misbehave, connect: desk }`,
  };
}

interface AtProvider {
  readonly person: NewPerson;
  readonly visits: Visits;
  readonly idp: ForeignIdp;
}

async function connectDesk({ person, visits, idp }: AtProvider): Promise<void> {
  const browser = visits.newBrowser();
  const page = await visits.signIn(person.account, browser, await browser.get("/account/connect/desk"));
  const { away } = await visits.follow(browser, await browser.submit(page, "/account/connect/desk"));
  if (away === undefined) throw new Error(`not sent to the third party: ${page.html}`);
  const back = await idp.visit(away, person.account);
  const done = await visits.follow(browser, await browser.get(back.pathname + back.search));
  expect(done.page.html).toContain("Ticket Desk is connected");
}
