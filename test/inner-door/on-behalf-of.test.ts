import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { cutOff } from "../../packages/sallyport/src/admin/index.js";
import {
  CLIENT,
  type ForeignIdp,
  startForeignIdp,
} from "../../packages/sallyport/src/federation/testing/foreign-idp.js";
import { newPersonAt } from "../federation/new-person.js";
import { type Site, startSite } from "../federation/site.js";
import { createVisits, type Visits } from "../federation/visits.js";
import { call, headersOf } from "../hostile/ground.js";
import { send } from "../hostile/wire.js";
import {
  AT_STRICT,
  SIGN_IN_CLIENT,
  type StrictTokenEndpoint,
  startStrictTokenEndpoint,
} from "./strict-token-endpoint.js";

const KEPT_FOR = 1_800;
const ROBOT = "the robot's own secret, long enough";
const within2s = { timeout: 2_000, interval: 50 };

let idp: ForeignIdp;
let strict: StrictTokenEndpoint;
let site: Site;
let visits: Visits;

beforeAll(async () => {
  strict = await startStrictTokenEndpoint(() => idp);
  site = await startSite(async (publicUrl) => {
    idp = await startForeignIdp({
      redirectUris: [],
      clients: [
        {
          client_id: SIGN_IN_CLIENT,
          client_secret: CLIENT.clientSecret,
          redirect_uris: [`${publicUrl}/sign-in/oidc/callback`],
          grant_types: ["authorization_code", "refresh_token"],
          response_types: ["code"],
          backchannel_logout_uri: `${publicUrl}/sign-in/oidc/backchannel-logout`,
        },
      ],
      backchannelLogoutUri: `${publicUrl}/sign-in/oidc/backchannel-logout`,
      configuration: {
        rotateRefreshToken: true,
        // The site's clock is moved on, the provider's is not.
        ttl: { Session: 7200, Grant: 7200, Interaction: 600, IdToken: 36_000, AccessToken: 600, RefreshToken: 7200 },
        scopes: ["openid", "profile", "email", "offline_access"],
        features: { revocation: { enabled: true } },
      },
    });
    const client = `client: { id: ${AT_STRICT.id}, secret: "${AT_STRICT.secret}" }`;
    const at = `tokenEndpoint: "${strict.url}", ${client}`;
    const server = (name: string, credential: string) => `
  ${name}:
    upstream: UPSTREAM?server=${name}
    access: [{ roles: [staff], scopes: [mcp:read] }, { clients: [robot], scopes: [mcp:read] }]
    credential: { exchange: { ${at}, ${credential} } }`;
    return `
lifetimes: { accessToken: 3600 }
signIn:
  oidc:
    issuer: ${idp.issuer}
    clientId: ${SIGN_IN_CLIENT}
    clientSecret: ${CLIENT.clientSecret}
    label: Acme
    roles: { staff: staff }
    rolesMaxAge: ${KEPT_FOR}
    keepTokens: true
    parameters: { prompt: consent }
clients:
  robot: { name: Robot, secret: "${ROBOT}" }
servers:${[
      server("exchanged", "audience: crm, subject: idp-access-token"),
      server("identified", "audience: crm, subject: idp-id-token"),
      server("behalf", 'grant: on-behalf-of, scope: "api://crm/.default", subject: idp-access-token'),
    ].join("")}
`;
  });
  visits = createVisits(site, idp);
});
afterAll(async () => {
  await site?.close();
  await Promise.all([idp?.close(), strict?.close()]);
});

const newPerson = (server = "exchanged") => newPersonAt({ visits, idp, store: site.store, server });

const look = async (server: string, token: string) => {
  site.upstream.forget();
  const answer = await send(site.publicUrl, { path: `/mcp/${server}`, headers: headersOf(token), body: call("look") });
  const [authorization] = site.upstream.arrived.flatMap(({ headers }) =>
    headers.filter(([name]) => name === "authorization").map(([, value]) => value),
  );
  return { status: answer.status, authorization, text: answer.text };
};
const reasonOf = async (server: string, token: string) => {
  const { status, text, authorization } = await look(server, token);
  expect(authorization).toBeUndefined();
  expect(site.upstream.arrived).toEqual([]);
  return [status, JSON.parse(text).error?.data?.reason];
};
const SIGN_IN_NEEDED = [403, "sign_in_needed"];
async function robot(): Promise<string> {
  const form = { grant_type: "client_credentials", resource: `${site.publicUrl}/mcp/exchanged`, scope: "mcp:read" };
  const answer = await visits.token({ ...form, client_id: "robot", client_secret: ROBOT });
  return answer.body.access_token;
}
/** Moves the site's clock on, and waits until it has looked at the store again. */
async function advance(seconds: number): Promise<void> {
  site.system.advance(seconds);
  await vi.waitFor(async () => expect((await look("exchanged", await robot())).status).not.toBe(503), within2s);
}
const shown = () => strict.asked.at(-1)?.get("subject_token") ?? strict.asked.at(-1)?.get("assertion") ?? "";
const kept = (sub: string) => site.store.connections.find(sub, "@sign-in");
const isLive = async (token: string) => (await idp.provider.AccessToken.find(token)) !== undefined;

beforeEach(() => {
  strict.instead = undefined;
});

describe("Of somebody who is disabled, cut off by the operator, or whom the provider signs out", () => {
  test("it is ended here and there within two seconds", async () => {
    for (const end of [
      ({ sub }: { readonly sub: string }) => site.store.users.update(sub, { disabled: true }),
      async ({ account }: { readonly account: string }) => {
        const user = (await site.store.users.list()).find(({ name }) => name.startsWith(`${account}~`))?.name;
        const { store, system } = site;
        const parts = {
          ...{ userStore: store.users, sessions: store.sessions, externalGrants: store.externalGrants, system },
          endSignIns: (which: object) => store.connections.end("@sign-in", which, system.now()),
          servers: () => [],
        };
        expect(await cutOff(parts, { user })).toEqual({ sessions: 1, sign_ins: 1, external: [] });
      },
      async ({ account }: { readonly account: string }) => {
        const client = await idp.provider.Client.find(SIGN_IN_CLIENT);
        await (client as unknown as { backchannelLogout(sub: string, sid: string): Promise<void> }).backchannelLogout(
          account,
          "a session there",
        );
      },
    ]) {
      const person = await newPerson();
      const token = (await kept(person.sub))?.tokens?.access_token ?? "";
      await end(person);
      await vi.waitFor(async () => expect(await kept(person.sub)).toBeUndefined(), within2s);
      await vi.waitFor(async () => expect(await isLive(token)).toBe(false), within2s);
    }
  });
});

describe("A call goes on as the person, made from their own sign-in at the identity provider", () => {
  test.each(["exchanged", "identified", "behalf"])("%s", async (server) => {
    const person = await newPerson(server);
    const { status, authorization } = await look(server, person.access_token);
    expect(status).toBe(200);
    expect(authorization).toMatch(new RegExp(`^Bearer for-${person.account}-`));
    const again = await look(server, person.access_token);
    expect(again.authorization).toBe(authorization);
    // What was shown is the provider's, and the caller's token went nowhere.
    const tokens = (await kept(person.sub))?.tokens;
    expect(shown()).toBe(server === "identified" ? tokens?.id_token?.token : tokens?.access_token);
    const everything = JSON.stringify([strict.asked.map(String), site.upstream.arrived]);
    expect(everything).not.toContain(person.access_token);
  });

  test("with a token that is refreshed ahead of its end, once", async () => {
    const person = await newPerson();
    await look("exchanged", person.access_token);
    const before = shown();
    await advance(560);
    const answers = await Promise.all([1, 2, 3].map(() => look("exchanged", person.access_token)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(shown()).not.toBe(before);
    expect(shown()).toBe((await kept(person.sub))?.tokens?.access_token);
    expect(await isLive(shown())).toBe(true);
  });

  test("which each sign-in replaces", async () => {
    const person = await newPerson();
    const first = (await kept(person.sub))?.tokens?.access_token;
    const page = await visits.signIn(person.account, person.browser, await person.browser.get("/sign-in"));
    expect(page.html).toContain("Acme");
    const second = (await kept(person.sub))?.tokens?.access_token;
    expect(second).not.toBe(first);
    await advance(1);
    await look("exchanged", person.access_token);
    expect(shown()).toBe(second);
  });

  test("which the account page names as what it is, and ends here and there", async () => {
    const person = await newPerson();
    await look("exchanged", person.access_token);
    const token = shown();
    expect(await isLive(token)).toBe(true);
    const page = await visits.signIn(person.account, person.browser, await person.browser.get("/sign-in"));
    expect(page.html).toContain("What it gave for you is kept, sealed, and exchanged for your calls to exchanged");
    const now = (await kept(person.sub))?.tokens?.access_token ?? "";
    await person.browser.submit(page, "/account/connections/remove");
    expect(await kept(person.sub)).toBeUndefined();
    expect(await isLive(now)).toBe(false);
    await advance(1);
    expect(await reasonOf("exchanged", person.access_token)).toEqual(SIGN_IN_NEEDED);
  });
});

describe("Without it nothing goes on, and nothing weaker takes its place", () => {
  const ENDINGS: readonly (readonly [string, (person: Awaited<ReturnType<typeof newPerson>>) => Promise<unknown>])[] = [
    [
      "after signing out",
      async ({ browser, account }) => {
        await visits.signIn(account, browser, await browser.get("/sign-in"));
        const page = await browser.get("/account/sign-out");
        expect(page.html).toContain("What was kept of your sign-in at Acme ends");
        return browser.submit(page, "/account/sign-out");
      },
    ],
    [
      "when the provider has ended it and says so at the next refresh",
      async ({ sub }) => {
        const refresh_token = (await kept(sub))?.tokens?.refresh_token ?? "";
        await (await idp.provider.RefreshToken.find(refresh_token))?.destroy();
        await advance(700);
      },
    ],
  ];
  test.each(ENDINGS)("%s", async (_, end) => {
    const person = await newPerson();
    expect((await look("exchanged", person.access_token)).status).toBe(200);
    await end(person);
    await advance(1);
    const asked = strict.asked.length;
    expect(await reasonOf("exchanged", person.access_token)).toEqual(SIGN_IN_NEEDED);
    expect(strict.asked).toHaveLength(asked);
    await vi.waitFor(async () => expect((await kept(person.sub))?.tokens).toBeUndefined(), within2s);
  });

  test.each([
    ["the provider wants the person back", "interaction_required"],
    ["the provider does not take the token any more, though it was renewed", "invalid_grant"],
  ])("when %s", async (_, error) => {
    const person = await newPerson("behalf");
    strict.instead = error;
    const before = strict.asked.length;
    const { status, text } = await look("behalf", person.access_token);
    const { data } = JSON.parse(text).error;
    if (error === "invalid_grant") {
      expect([status, data.reason, data.error]).toEqual([502, "credential_refused", "invalid_grant"]);
      // Renewed once, and not at every call.
      expect(strict.asked.length - before).toBe(2);
      await look("behalf", person.access_token);
      expect(strict.asked.length - before).toBe(3);
    } else {
      expect([status, data.reason]).toEqual(SIGN_IN_NEEDED);
    }
    strict.instead = undefined;
    expect((await look("behalf", person.access_token)).status).toBe(200);
  });

  test("after its time, when it is ended at the provider too", async () => {
    const person = await newPerson();
    const token = (await kept(person.sub))?.tokens?.access_token ?? "";
    await advance(KEPT_FOR);
    // Whose roles are over is nobody here any more, and what was kept goes with the next look at what has ended.
    await newPerson();
    await vi.waitFor(async () => expect(await kept(person.sub)).toBeUndefined(), within2s);
    await vi.waitFor(async () => expect(await isLive(token)).toBe(false), within2s);
  });

  test("and a program that calls for itself is refused", async () => {
    const asked = strict.asked.length;
    expect(await reasonOf("exchanged", await robot())).toEqual([403, "person_needed"]);
    expect(strict.asked).toHaveLength(asked);
  });
});

test("a real client is led to the sign-in page, and its call works afterwards", async () => {
  const person = await newPerson();
  const client = new Client({ name: "agent", version: "1" });
  const headers = { authorization: `Bearer ${person.access_token}` };
  const url = new URL(`${site.publicUrl}/mcp/exchanged`);
  await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }));
  await client.callTool({ name: "look", arguments: {} });
  await site.store.connections.remove(person.sub, "@sign-in");
  await advance(1);
  const failed = await client.callTool({ name: "look", arguments: {} }).catch((error: unknown) => error);
  expect(String(failed)).toContain("Sign in at the address");
  const { elicitations } = (failed as { readonly data: { readonly elicitations: readonly { readonly url: string }[] } })
    .data;
  const connectUrl = elicitations[0]?.url ?? "";
  expect(connectUrl).toMatch(new RegExp(`^${site.publicUrl}/sign-in\\?`));
  const browser = visits.newBrowser();
  const page = await browser.get(connectUrl.slice(site.publicUrl.length));
  expect(page.html).toContain("done with your own sign-in at Acme");
  await visits.signIn(person.account, browser, page);
  const { content } = (await client.callTool({ name: "look", arguments: {} })) as { readonly content: unknown };
  expect(content).toMatchObject([{ type: "text" }]);
  await client.close();
});
