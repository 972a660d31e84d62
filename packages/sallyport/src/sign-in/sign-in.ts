import type { ClientMetadata } from "@sallyport/auth";
import { OAuthError, randomToken } from "@sallyport/auth";
import type { PendingAuthorization, SignedInUser } from "@sallyport/auth/authorization-server";
import { Hono } from "hono";
import { FOREIGN_ROUTES } from "./foreign-routes.js";
import { sha256 } from "./hash.js";
import { type Carried, carriedQuery, createKit, type Kit, type PageRow, purposeOf, type SignInOptions } from "./kit.js";
import { failurePage, refusalPage } from "./message-page.js";
import { seeOther } from "./page.js";
import { PageRefusal } from "./refusal.js";
import { toPath } from "./return-to.js";
import { hasCredential, type SignedIn } from "./sessions.js";
import { SET_UP_ROUTES, toSignIn } from "./set-up-routes.js";
import { SIGN_IN_ROUTES } from "./sign-in-routes.js";
import { SIGN_OUT_ROUTES } from "./sign-out-routes.js";
import { elsewhere } from "./site.js";

/** What a person is asked to wait for a database. */
const STORE_RETRY_SECONDS = 5;

export interface SignIn {
  /** Serves `/sign-in`, `/sign-out` and `/account` below the public URL's path, with all below them; anything else is 404. */
  readonly app: Hono;
  /** Port of the authorization server: who is in this browser, or where to send it. */
  currentUser(
    request: Request,
    flow: { readonly returnTo: string; readonly client: ClientMetadata; readonly pending: PendingAuthorization },
  ): Promise<SignedInUser | Response>;
  /** Port of the authorization server: on http the browser session ends with the consent it was made for (design §5.12). */
  afterConsent(request: Request): Promise<readonly string[]>;
  /** Port of the authorization server: where "not you?" leads, and comes back from. */
  signOutUrl(returnTo: string): string;
  /** The person signed in for /account, or the redirect to sign in. */
  accountUser(request: Request): Promise<SignedInUser | Response>;
}

/**
 * The sign-in pages. `pages` adds further pages that share session, look and checks, such as those of /account.
 * @throws TypeError when `publicUrl` is not usable.
 */
export function createSignIn(options: SignInOptions, pages: readonly PageRow[] = []): SignIn {
  const kit = createKit(options);
  return {
    app: createApp(kit, [...SIGN_IN_ROUTES, ...FOREIGN_ROUTES, ...SET_UP_ROUTES, ...SIGN_OUT_ROUTES, ...pages]),
    currentUser: async (request, { returnTo, pending }) => {
      const carried: Carried = { returnTo: toPath(returnTo, kit.site), flow: sha256(pending.id) };
      const who = await kit.sessions.find(request, kit.sessions.purpose("flow"));
      if (who === undefined || !serves(who, pending, carried)) {
        return toSignIn(kit, wantsFresh(pending) ? { ...carried, fresh: true } : carried);
      }
      return vouch(kit, who, carried);
    },
    afterConsent: async (request) => {
      if (kit.sessions.purpose("flow") !== "flow") return [];
      const cleared = await kit.sessions.end(request, "flow");
      return cleared === undefined ? [] : [cleared];
    },
    signOutUrl: (returnTo) => {
      const carried: Carried = { returnTo: toPath(returnTo, kit.site), flow: undefined };
      return `${kit.site.origin}${kit.site.prefix}/sign-out${carriedQuery(carried)}`;
    },
    accountUser: async (request) => {
      const carried: Carried = { returnTo: `${kit.site.prefix}/account`, flow: undefined };
      const who = await kit.sessions.find(request, purposeOf(kit, carried));
      return who === undefined ? toSignIn(kit, carried) : vouch(kit, who, carried);
    },
  };
}

/** A flow session serves its own authorization only; `prompt=login` (OpenID Connect Core §3.1.2.1) wants a sign-in made for it. */
function serves({ session }: SignedIn, pending: PendingAuthorization, carried: Carried): boolean {
  if (session.purpose === "flow" && session.pending_id !== carried.flow) return false;
  return !wantsFresh(pending) || session.auth_time >= pending.created;
}

function wantsFresh({ prompt }: PendingAuthorization): boolean {
  return prompt?.split(" ").includes("login") === true;
}

async function vouch(kit: Kit, { user, session }: SignedIn, carried: Carried): Promise<SignedInUser | Response> {
  if (!(await hasCredential(kit.storage, user))) return toSignIn(kit, carried);
  return { sub: user.sub, name: user.name, auth_time: session.auth_time, csrfSecret: session.csrf_secret };
}

/** People get a page. A program, such as an MCP client with a mistyped URL, would show its user the whole of it as text. */
function unknownAddress({ site, endpoints }: Kit, request: Request): Response {
  if (request.headers.get("accept")?.includes("text/html")) return refusalPage(site, new PageRefusal("unknown_page"));
  const { pathname } = new URL(request.url);
  const advice = endpoints.some((endpoint) => pathname === `${endpoint}/`)
    ? "the MCP endpoint has the same address without the slash at its end."
    : "check the URL, with the server's name in it.";
  const error_description = `Nothing is served at this address; ${advice}`;
  const headers = { "cache-control": "no-store", "x-content-type-options": "nosniff" };
  return Response.json({ error: "not_found", error_description }, { status: 404, headers });
}

function createApp(kit: Kit, rows: readonly PageRow[]): Hono {
  const app = new Hono().basePath(kit.site.prefix === "" ? "/" : kit.site.prefix);
  app.use(async (context, next) => {
    const better = context.req.method === "GET" ? elsewhere(kit.site, context.req.raw) : undefined;
    return better === undefined ? next() : seeOther(better);
  });
  for (const { method, path, page } of rows) app.on(method, path, (context) => page(kit, context.req.raw));
  app.notFound((context) => unknownAddress(kit, context.req.raw));
  app.onError((error) => {
    if (error instanceof PageRefusal) {
      kit.system.log("warn", "page refused", { reason: error.message });
      return refusalPage(kit.site, error);
    }
    if (error instanceof OAuthError && error.reason === "store_unavailable") {
      kit.system.log("warn", "page refused", { reason: error.message });
      return refusalPage(kit.site, new PageRefusal("store_unavailable", STORE_RETRY_SECONDS));
    }
    const id = randomToken(kit.system, 9);
    kit.system.log("error", "page failed", { id, error: error.message });
    return failurePage(kit.site, id);
  });
  return app;
}
