import type {
  ClientRecord,
  CodeRecord,
  Grant,
  PendingAuthorization,
  Redemption,
  Rotation,
  Session,
} from "../authorization-server/storage.js";
import type { CallDetail } from "../core/call-details.js";

/* Complete records for tests: name what the test is about, leave the rest. All times are relative to `TEST_NOW`. */

export const TEST_NOW = 1_800_000_000;

const who = { sub: "ada", client_id: "editor", resource: "https://mcp.example/crm" };

export function testClient(client_id: string, change: Partial<Omit<ClientRecord, "metadata">> = {}): ClientRecord {
  return {
    metadata: {
      client_id,
      client_name: "Editor",
      redirect_uris: ["http://127.0.0.1/callback"],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
      application_type: "native",
    },
    origin: "registered",
    secret_hash: undefined,
    created: TEST_NOW,
    expires: TEST_NOW + 86_400,
    ...change,
  };
}

export function testPending(change: Partial<PendingAuthorization> = {}): PendingAuthorization {
  return {
    id: "pending",
    client_id: who.client_id,
    redirect_uri: "http://127.0.0.1:4711/callback",
    state: "xyz",
    code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    scopes: ["mcp:read"],
    resource: who.resource,
    prompt: undefined,
    dpop_jkt: undefined,
    created: TEST_NOW,
    expires: TEST_NOW + 600,
    ...change,
  };
}

export function testCode(change: Partial<CodeRecord> = {}): CodeRecord {
  return {
    ...who,
    redirect_uri: "http://127.0.0.1:4711/callback",
    code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    scopes: ["mcp:read"],
    grant_id: "grant",
    session_id: "session",
    dpop_jkt: undefined,
    auth_time: TEST_NOW,
    expires: TEST_NOW + 60,
    ...change,
  };
}

export function testGrant(change: Partial<Grant> = {}): Grant {
  return { id: "grant", ...who, scopes: ["mcp:read"], created: TEST_NOW, updated: TEST_NOW, ...change };
}

export function testDetail(id: string, change: Partial<CallDetail> = {}): CallDetail {
  const call = { type: "mcp_call", tools: ["update_customer"], arguments: { id: 7, name: "Ada" } } as const;
  return { ...call, locations: [who.resource], id, scope: "mcp:write", ...change };
}

export function testSession(change: Partial<Session> = {}): Session {
  return {
    id: "session",
    grant_id: "grant",
    ...who,
    scopes: ["mcp:read"],
    dpop_jkt: undefined,
    label: "Editor",
    auth_time: TEST_NOW,
    created: TEST_NOW,
    last_used: TEST_NOW,
    idle_expires: TEST_NOW + 1_000,
    expires: TEST_NOW + 5_000,
    revoked: undefined,
    ...change,
  };
}

/** What redeeming {@link testCode} makes; `change` is of its session. */
export function testRedemption(change: Partial<Session> = {}, now = TEST_NOW): Redemption {
  const session = testSession(change);
  return { session, refresh_hash: `${session.id} r1`, now };
}

export function testRotation(presented_hash: string, change: Partial<Rotation> = {}): Rotation {
  return {
    presented_hash,
    client_id: who.client_id,
    dpop_jkt: undefined,
    successor_hash: `${presented_hash}+`,
    sealed_successor: `sealed(${presented_hash}+)`,
    now: TEST_NOW + 10,
    grace: 30,
    idle_lifetime: 1_000,
    ...change,
  };
}
