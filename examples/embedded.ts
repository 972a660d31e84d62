import { serve } from "@hono/node-server";
import { createMcpHandler } from "@modelcontextprotocol/server";
import { authInfoOf, createResourceServer, liveSessions, localKeySet, randomToken, system } from "@sallyport/auth";
import { createAuthorizationServer, html, page, type SignedInUser } from "@sallyport/auth/authorization-server";
import { protect } from "@sallyport/auth/hono";
import { createSafeFetchDocument } from "@sallyport/auth/node";
import { createMemoryStorage, createTestKeys } from "@sallyport/auth/testing";
import { Hono } from "hono";
import { setCookie } from "hono/cookie";
import { createNotesServer, describeNotes, placeOf, policy, sayWhere } from "./notes.js";

const { PASSWORD = randomToken(system), RESOURCE: resource = "http://localhost:3000/mcp" } = process.env;
const [issuer, storage, keys] = [new URL(resource).origin, createMemoryStorage(), await createTestKeys()]; // to try out
const signedIn = new Map<string, SignedInUser>();
const app = new Hono();

const form = html`<form method="post"><label>Password <input type="password" name="password"></label><button>Sign in</button></form>`;
const signIn = (title: string) => page({ title, body: html`<h1>${title}</h1>${form}` });
app.get("/sign-in", () => signIn("Notes"));
app.post("/sign-in", async (context) => {
  if ((await context.req.parseBody()).password !== PASSWORD) return signIn("Wrong password");
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

export const server = serve({ fetch: app.fetch, ...placeOf(resource) }, sayWhere(resource, PASSWORD));
