import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { system } from "@sallyport/auth";
import type { PendingAuthorization } from "@sallyport/auth/authorization-server";
import { createMemoryStorage } from "@sallyport/auth/testing";
import { createExplained } from "../../../packages/sallyport/src/account/explain/testing/explained.js";
import { accountPages, type ConnectedSystem, explainPages } from "../../../packages/sallyport/src/account/index.js";
import { createSignIn, createUsers, type SignIn } from "../../../packages/sallyport/src/sign-in/index.js";
import { createMemorySignInStorage } from "../../../packages/sallyport/src/sign-in/testing/memory-storage.js";

export const RESOURCE = "http://localhost:4000/mcp";

export type SignInInstallation = Awaited<ReturnType<typeof startInstallation>>;

/** The pages on a loopback port, with `/authorize` standing for the authorization server: it asks who is there, and says the name. */
export async function startInstallation(host: "localhost" | "127.0.0.1" = "localhost") {
  const server = createServer((request, response) => void listener(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const publicUrl = `http://${host}:${(server.address() as AddressInfo).port}`;
  const storage = createMemorySignInStorage();
  const grants = createMemoryStorage();
  const connected: ConnectedSystem[] = [];
  const quiet = { ...system, log: () => {} };
  const signIn = createSignIn({ publicUrl, storage, system: quiet }, [
    ...accountPages({
      storage: grants,
      describeResource: async (resource) => DESCRIPTIONS.find((d) => d.resource === resource),
      connections: { list: async () => connected, disconnect: async () => undefined },
    }),
    ...explainPages(createExplained(() => storage, grants)),
  ]);
  const listener = getRequestListener((request) => answer(signIn, request), { hostname: host });
  return {
    publicUrl,
    storage,
    grants,
    /** What /account says is connected elsewhere: nothing at first. */
    connected,
    users: createUsers(storage, quiet),
    now: () => quiet.now(),
    liveSessions: async (sub: string) => (await grants.sessions.list(sub, quiet.now())).map(({ id }) => id),
    close: () => new Promise((resolve) => server.close(resolve).closeAllConnections()),
  };
}

async function answer(signIn: SignIn, request: Request): Promise<Response> {
  const url = new URL(request.url);
  if (url.pathname !== "/authorize") return signIn.app.fetch(request);
  const pending = { id: url.searchParams.get("id") ?? "", created: 0 } as PendingAuthorization;
  const user = await signIn.currentUser(request, { returnTo: url.pathname + url.search, pending, client: {} as never });
  if (user instanceof Response) return user;
  const [cookie = ""] = await signIn.afterConsent(request);
  return new Response(`consent of ${user.name}`, { headers: cookie === "" ? {} : { "set-cookie": cookie } });
}

const DESCRIPTIONS = [
  {
    resource: RESOURCE,
    name: "everything",
    baseline: ["mcp:read"],
    scopes: [
      {
        scope: "mcp:read",
        title: "Read",
        description: "Look things up through this server. The server says that these tools change nothing.",
        includes: [],
        tools: [],
      },
      {
        scope: "mcp:write",
        title: "Change",
        description: "Everything above, and tools that can create, change or delete things.",
        includes: ["mcp:read"],
        tools: [],
      },
    ],
  },
];
