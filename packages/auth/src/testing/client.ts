import type { CallDetail } from "../core/call-details.js";
import { sha256 } from "../oauth/digest.js";
import { TEST_RESOURCE, type TestAuthorizationServer } from "./authorization-server.js";

/** Parameters of a request; `undefined` leaves one out, an array sends it several times. */
export type TestParameters = Readonly<Record<string, string | readonly string[] | undefined>>;

/** What the token endpoint answered. */
export interface TestTokens {
  readonly access_token: string;
  readonly refresh_token?: string;
  readonly scope: string;
  readonly authorization_details?: readonly CallDetail[];
  readonly expires_in: number;
}

/** A client that does everything right, unless told to change a parameter. */
export interface TestClient {
  readonly client_id: string;
  readonly redirect_uri: string;
  /** Where a browser would be sent. */
  authorizationUrl(change?: TestParameters): Promise<string>;
  /** GET of that URL. */
  authorize(change?: TestParameters): Promise<Response>;
  /** Authorizes, ticks `scope` (default: what is ticked) and approves; the query that comes back. @throws when nothing comes back */
  approve(change?: TestParameters, scope?: readonly string[]): Promise<URLSearchParams>;
  /** POST /token with exactly these parameters and the client_id. */
  token(parameters: TestParameters): Promise<Response>;
  redeem(code: string, change?: TestParameters): Promise<Response>;
  refresh(refresh_token: string, change?: TestParameters): Promise<Response>;
  /** All of it. */
  connect(scope?: string): Promise<TestTokens>;
}

export const TEST_VERIFIER = "a-verifier-of-sufficient-length-for-rfc-7636-section-4-1";

/** Registers a public client, or stands for `client_id` when that is given. */
export async function createTestClient(
  server: TestAuthorizationServer,
  options: { readonly redirect_uri?: string; readonly client_id?: string; readonly metadata?: object } = {},
): Promise<TestClient> {
  const { redirect_uri = "http://127.0.0.1:4711/callback" } = options;
  const client_id =
    options.client_id ?? (await register(server, { redirect_uris: [redirect_uri], ...options.metadata }));
  const post = (path: string, parameters: TestParameters) =>
    server.fetch(`${server.issuer}${path}`, { method: "POST", body: encode(parameters) });
  const authorizationUrl = async (change?: TestParameters) => {
    const query = {
      response_type: "code",
      client_id,
      redirect_uri,
      scope: "mcp:read",
      state: "state of the client",
      resource: TEST_RESOURCE,
      code_challenge: await sha256(TEST_VERIFIER),
      code_challenge_method: "S256",
      ...change,
    };
    return `${server.issuer}/authorize?${encode(query)}`;
  };
  const authorize = async (change?: TestParameters) => server.fetch(await authorizationUrl(change));
  const client: TestClient = {
    client_id,
    redirect_uri,
    authorizationUrl,
    authorize,
    async approve(change, scope) {
      const page = await authorize(change);
      const decision = { decision: "approve", ...(scope && { scope }) } as const;
      const answer = page.status === 303 ? page : await server.browser.submit(page, decision, server.issuer);
      const location = answer.headers.get("location");
      if (location === null) throw new Error(`no answer came back, but ${answer.status}: ${await answer.text()}`);
      return new URL(location).searchParams;
    },
    token: (parameters) => post("/token", { client_id, ...parameters }),
    redeem: (code, change) =>
      client.token({ grant_type: "authorization_code", code, redirect_uri, code_verifier: TEST_VERIFIER, ...change }),
    refresh: (refresh_token, change) => client.token({ grant_type: "refresh_token", refresh_token, ...change }),
    async connect(scope = "mcp:read") {
      const answer = await client.redeem((await client.approve({ scope })).get("code") ?? "");
      return (await answer.json()) as TestTokens;
    },
  };
  return client;
}

async function register(server: TestAuthorizationServer, metadata: object): Promise<string> {
  const answer = await server.fetch(`${server.issuer}/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ client_name: "Editor", token_endpoint_auth_method: "none", ...metadata }),
  });
  const { client_id } = (await answer.json()) as { client_id?: string };
  if (client_id === undefined) throw new Error(`not registered: ${answer.status}`);
  return client_id;
}

function encode(parameters: TestParameters): URLSearchParams {
  const pairs = Object.entries(parameters).flatMap(([name, value]) => [value ?? []].flat().map((each) => [name, each]));
  return new URLSearchParams(pairs);
}
