import { serve } from "@hono/node-server";
import { createMcpHandler } from "@modelcontextprotocol/server";
import { authInfoOf, createResourceServer, liveSessions, localKeySet, randomToken, system } from "@sallyport/auth";
import { createAuthorizationServer, html, page, type SignedInUser } from "@sallyport/auth/authorization-server";
import { protect } from "@sallyport/auth/hono";
import { createSafeFetchDocument } from "@sallyport/auth/node";
import { createMemoryStorage, createTestKeys } from "@sallyport/auth/testing";
import { Hono } from "hono";
import { setCookie } from "hono/cookie";
import { createNotesServer, describeNotes, policy } from "./notes.js";

const { PASSWORD = randomToken(system), RESOURCE: resource = "http://localhost:3000/mcp" } = process.env;
const issuer = new URL(resource).origin;
const [storage, keys] = [createMemoryStorage(), await createTestKeys()]; // both forget everything with the process
const signedIn = new Map<string, SignedInUser>();
const app = new Hono();

const form = html`<h1>Notes</h1><form method="post"><input type="password" name="password"><button>Sign in</button></form>`;
app.get("/sign-in", () => page({ title: "Sign in", body: form }));
app.post("/sign-in", async (context) => {
  if ((await context.req.parseBody()).password !== PASSWORD) return page({ title: "Try again", body: form });
  const session = randomToken(system);
  signedIn.set(session, { sub: "ada", name: "Ada", auth_time: system.now(), csrfSecret: randomToken(system) });
  setCookie(context, "session", session, { httpOnly: true, sameSite: "Lax", secure: issuer.startsWith("https:") });
  return context.redirect(`/consent?request=${encodeURIComponent(context.req.query("request") ?? "")}`, 303);
});
const sessionOf = (request: Request) => /\bsession=([\w-]+)/.exec(request.headers.get("cookie") ?? "")?.[1] ?? "";
const authorizationServer = createAuthorizationServer({
  issuer,
  storage,
  keys,
  resources: () => [resource],
  describeResource: async () => describeNotes(resource),
  mayBeGranted: async (sub) => (sub === "ada" ? policy.scopes : []),
  currentUser: async (request, { pending }) =>
    signedIn.get(sessionOf(request)) ?? Response.redirect(`${issuer}/sign-in?request=${pending.id}`, 303),
  fetchDocument: createSafeFetchDocument(),
  registration: { dynamic: true, documents: "open" },
});
app.use(async (context, next) => (await authorizationServer.handle(context.req.raw)) ?? next());
const mcp = createMcpHandler(createNotesServer);
protect(app, {
  resourceServer: createResourceServer({
    resource,
    policy,
    issuers: [{ issuer, keys: localKeySet({ keys: await keys.publicKeys() }) }],
    baseline: ["notes:read"],
    isLive: liveSessions(storage.sessions, policy.scopes),
  }),
  handler: (request, who) => mcp.fetch(request, { authInfo: authInfoOf(who) }),
});

export const server = serve({ fetch: app.fetch, port: Number(new URL(resource).port), hostname: "127.0.0.1" });
