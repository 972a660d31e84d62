// Our authorization server as the program serves it, here with the store in memory.
import { createHash, randomBytes } from "node:crypto";
import { nodeCryptography, sendPlainAnswer, toPlainRequest } from "../../packages/auth/dist/adapters/node.js";
import { createAuthorizationServer } from "../../packages/auth/dist/authorization-server/index.js";
import { formatAccessToken, system } from "../../packages/auth/dist/index.js";
import { createMemoryStorage, createTestKeys } from "../../packages/auth/dist/testing/index.js";
import { AGENT, CALLBACK, CLIENT, EXCHANGE, RESOURCE, SCOPE, serve } from "./serve.mjs";

const hash = (text) => createHash("sha256").update(text).digest("base64url");
const storage = createMemoryStorage();
await storage.clients.add({
  metadata: {
    client_id: CLIENT,
    client_name: "Bench",
    redirect_uris: [CALLBACK],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
    application_type: "native",
  },
  origin: "configured",
  secret_hash: undefined,
  created: system.now(),
  expires: undefined,
});
await storage.clients.add({
  metadata: {
    client_id: AGENT.client_id,
    client_name: "Agent",
    redirect_uris: [],
    grant_types: ["client_credentials", EXCHANGE],
    response_types: [],
    token_endpoint_auth_method: "client_secret_post",
    application_type: "web",
  },
  origin: "configured",
  secret_hash: hash(AGENT.client_secret),
  created: system.now(),
  expires: undefined,
});
const issuer = "http://localhost:1";
const keys = await createTestKeys();
const server = createAuthorizationServer({
  issuer,
  storage,
  keys,
  resources: () => [RESOURCE],
  describeResource: async () => ({
    resource: RESOURCE,
    name: "CRM",
    baseline: [SCOPE],
    scopes: [{ scope: SCOPE, title: SCOPE, includes: [] }],
  }),
  mayBeGranted: async () => [SCOPE],
  currentUser: async () => new Response(null, { status: 403 }),
  fetchDocument: async () => {
    throw new Error("no documents here");
  },
  registration: { dynamic: false, documents: "off" },
  clientCredentials: true,
  mayExchange: () => ({ resources: [RESOURCE] }),
  actorFor: () => AGENT.client_id,
  cryptography: nodeCryptography,
  system: { ...system, log: () => {} },
});

let people = 0;
async function prepareCode() {
  people += 1;
  const [code, verifier, now] = [
    randomBytes(32).toString("base64url"),
    randomBytes(32).toString("base64url"),
    system.now(),
  ];
  const who = { sub: `person-${people}`, client_id: CLIENT, resource: RESOURCE, scopes: [SCOPE] };
  const grant = await storage.grants.widen({ ...who, id: `grant-${people}`, created: now, updated: now });
  await storage.codes.save(hash(code), {
    ...who,
    redirect_uri: CALLBACK,
    code_challenge: hash(verifier),
    grant_id: grant.id,
    session_id: `session-${people}`,
    dpop_jkt: undefined,
    auth_time: now,
    expires: now + 600,
  });
  return { code, verifier, elsewhere: await elsewhere(who, { now, grant_id: grant.id }) };
}

/** A token that another process on the same store has issued, so that this one has never seen it. */
async function elsewhere({ scopes, ...who }, { now, grant_id }) {
  const session = {
    id: randomBytes(16).toString("base64url"),
    grant_id,
    ...who,
    scopes,
    dpop_jkt: undefined,
    label: "Bench",
    auth_time: now,
    created: now,
    last_used: now,
    idle_expires: now + 600,
    expires: now + 600,
    revoked: undefined,
  };
  await storage.sessions.create(session, undefined);
  const { sub, client_id, resource: aud } = who;
  const times = { iat: now, exp: now + 600, auth_time: now };
  const jti = randomBytes(16).toString("base64url");
  const may_act = { sub: AGENT.client_id, client_id: AGENT.client_id };
  const claims = { iss: issuer, sub, aud, client_id, scope: scopes.join(" "), jti, ...times, sid: session.id, may_act };
  return formatAccessToken(claims, keys, nodeCryptography.sign);
}

await serve((request, response) => {
  const answer = server.answer(toPlainRequest(request, issuer));
  if (answer === undefined) response.writeHead(404).end();
  else void answer.then((answered) => sendPlainAnswer(response, answered));
}, prepareCode);
