import type {
  AuthorizationServer,
  AuthorizationServerOptions,
  ResourceDescription,
  SignedInUser,
} from "../authorization-server/contract.js";
import { createAuthorizationServer } from "../authorization-server/create-authorization-server.js";
import { createTestBrowser, type TestBrowser } from "./browser.js";
import { createTestKeys } from "./keys.js";
import { createMemoryStorage } from "./memory-storage.js";
import { createTestSystem, type TestSystem } from "./system.js";

export const TEST_ISSUER = "https://auth.example";
export const TEST_RESOURCE = "https://mcp.example/crm";

/** An authorization server in memory with one signed-in person, who may be granted everything unless `entitlement` says less. */
export interface TestAuthorizationServer extends AuthorizationServer {
  readonly options: AuthorizationServerOptions;
  readonly system: TestSystem;
  readonly browser: TestBrowser;
  /** What may change in a test: who is signed in (`undefined`: nobody), and what they may be granted. */
  readonly person: { user: SignedInUser | undefined; entitlement: readonly string[] };
  /** In process; what `handle` does not know is a 404. Fits `customFetch` of oauth4webapi. */
  fetch: (input: string | URL | Request, init?: TestRequestInit) => Promise<Response>;
}

/** `RequestInit` as clients hand it on, `undefined` members included. */
export type TestRequestInit = { readonly [Name in keyof RequestInit]?: RequestInit[Name] | undefined };

export async function createTestAuthorizationServer(
  change: Partial<AuthorizationServerOptions> = {},
): Promise<TestAuthorizationServer> {
  const system = createTestSystem();
  const person: TestAuthorizationServer["person"] = {
    user: { sub: "ada", name: "Ada", auth_time: system.now() - 60, csrfSecret: "secret of this browser session" },
    entitlement: ["mcp:read", "mcp:write"],
  };
  const options: AuthorizationServerOptions = {
    issuer: TEST_ISSUER,
    storage: createMemoryStorage(),
    keys: await createTestKeys(),
    resources: () => [TEST_RESOURCE],
    describeResource: async (resource) => describeTestResource(resource),
    mayBeGranted: async () => person.entitlement,
    currentUser: async (_request, { returnTo }) =>
      person.user ??
      new Response(null, { status: 302, headers: { location: `/sign-in?to=${encodeURIComponent(returnTo)}` } }),
    fetchDocument: async (url) => {
      throw new Error(`no document at ${url}`);
    },
    registration: { dynamic: true, documents: "open" },
    system,
    ...change,
  };
  const server = createAuthorizationServer(options);
  const fetch = async (input: string | URL | Request, init?: TestRequestInit) =>
    (await server.handle(new Request(input, init as RequestInit))) ?? new Response("not found", { status: 404 });
  return { ...server, options, system, person, fetch, browser: createTestBrowser(fetch) };
}

export function describeTestResource(resource: string): ResourceDescription {
  return {
    resource,
    name: new URL(resource).pathname.slice(1),
    baseline: ["mcp:read"],
    scopes: [
      { scope: "mcp:read", title: "Read", description: "Look things up.", includes: [], tools: ["search_customers"] },
      { scope: "mcp:write", title: "Read and change", includes: ["mcp:read"], tools: ["update_customer"] },
    ],
  };
}
