import { afterAll, beforeAll, expect, test } from "vitest";
import {
  CLIENT,
  type ForeignIdp,
  startForeignIdp,
} from "../../packages/sallyport/src/federation/testing/foreign-idp.js";
import { createVisits } from "../federation/visits.js";
import {
  AT_STRICT,
  SIGN_IN_CLIENT,
  type StrictTokenEndpoint,
  startStrictTokenEndpoint,
} from "../inner-door/strict-token-endpoint.js";
import { call, type Installation, startInstallation } from "./replica.js";

/** Too short for another call that is sure to arrive: whoever needs it next has to renew it. */
const FIRST_LIFE = 20;

let idp: ForeignIdp;
let strict: StrictTokenEndpoint;
let installation: Installation;
const refreshes: string[] = [];

beforeAll(async () => {
  strict = await startStrictTokenEndpoint(() => idp);
  installation = await startInstallation("sqlite:./sallyport.db", async (issuer) => {
    idp = await startForeignIdp({
      redirectUris: [],
      clients: [
        {
          client_id: SIGN_IN_CLIENT,
          client_secret: CLIENT.clientSecret,
          redirect_uris: [`${issuer}/sign-in/oidc/callback`],
          grant_types: ["authorization_code", "refresh_token"],
          response_types: ["code"],
        },
      ],
      configuration: {
        // RFC 9700 §4.14.2: a refresh token that comes twice ends everything that came of that sign-in.
        rotateRefreshToken: true,
        ttl: {
          ...{ Session: 3600, Grant: 3600, Interaction: 600, IdToken: 3600, RefreshToken: 3600 },
          AccessToken: ({ oidc }) => (oidc.params?.grant_type === "refresh_token" ? 3600 : FIRST_LIFE),
        },
        scopes: ["openid", "profile", "offline_access"],
      },
    });
    idp.people.set("ada", { preferred_username: "ada", groups: ["staff"] });
    idp.provider.on("grant.success", ({ oidc }) => {
      if (oidc.params?.grant_type === "refresh_token") refreshes.push(String(oidc.params.refresh_token));
    });
    return {
      top: `
signIn:
  oidc:
    issuer: ${idp.issuer}
    clientId: ${SIGN_IN_CLIENT}
    clientSecret: ${CLIENT.clientSecret}
    label: Acme
    roles: { staff: support }
    keepTokens: true
    parameters: { prompt: consent }
`,
      server: `credential: { exchange: { tokenEndpoint: "${strict.url}", client: { id: ${AT_STRICT.id}, secret: "${AT_STRICT.secret}" }, audience: crm, subject: idp-access-token } }`,
    };
  });
});
afterAll(async () => {
  await installation?.close();
  await Promise.all([idp?.close(), strict?.close()]);
});

test("two processes that need the same person's sign-in renewed do it once on the wire, and both go on with what lives", async () => {
  const visits = createVisits({ publicUrl: installation.issuer }, idp);
  const asked = await visits.ask("ada", await visits.register("Agent"), { server: "notes" });
  const { access_token } = await visits.approve(asked);
  const [user] = await installation.store.users.list();
  const kept = () => installation.store.connections.find(user?.sub ?? "", "@sign-in");
  const before = (await kept())?.tokens;
  // One at each process: both find at the same moment that it has to be renewed.
  await Promise.all(installation.replicas.map(async (replica) => (await call(replica, access_token)).arrayBuffer()));
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) => {
      const [first, second] = installation.replicas;
      return call(index % 2 === 0 ? first : second, access_token, "look");
    }),
  );
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  expect(refreshes).toEqual([before?.refresh_token]);
  const after = (await kept())?.tokens;
  expect(after?.access_token).not.toBe(before?.access_token);
  expect(after?.refresh_token).not.toBe(before?.refresh_token);
  // Whatever was shown was the provider's, and lives: nothing was ended for a refresh token that came twice.
  const shown = strict.asked.map((form) => form.get("subject_token") ?? "");
  expect(new Set([before?.access_token, after?.access_token])).toEqual(
    new Set([before?.access_token, after?.access_token, ...shown]),
  );
  expect(await idp.provider.AccessToken.find(after?.access_token ?? "")).toBeDefined();
  expect(await idp.provider.RefreshToken.find(after?.refresh_token ?? "")).toMatchObject({ accountId: "ada" });
});
