// Our authorization server as the program serves it, here with the store in memory.
import { createHash, randomBytes } from "node:crypto";
import { nodeCryptography, sendPlainAnswer, toPlainRequest } from "../../packages/auth/dist/adapters/node.js";
import { createAuthorizationServer } from "../../packages/auth/dist/authorization-server/index.js";
import { system } from "../../packages/auth/dist/index.js";
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
const server = createAuthorizationServer({
  issuer: "http://localhost:1",
  storage,
  keys: await createTestKeys(),
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
  return { code, verifier };
}

await serve((request, response) => {
  const answer = server.answer(toPlainRequest(request, "http://localhost:1"));
  if (answer === undefined) response.writeHead(404).end();
  else void answer.then((answered) => sendPlainAnswer(response, answered));
}, prepareCode);
