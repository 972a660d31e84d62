import { randomToken, type System } from "@sallyport/auth";
import type { IdpTokens, RelyingParty } from "../federation/index.js";
import { type Cookies, createCookies } from "./cookies.js";
import { createForeignFlows, type ForeignFlows } from "./foreign-flows.js";
import { type Form, formToken } from "./form.js";
import { createPasskeys, type Passkeys } from "./passkeys.js";
import { addressKey, createRateLimit, type Limits, type RateLimit } from "./rate-limit.js";
import { parseReturnTo } from "./return-to.js";
import { type BrowserSessions, createBrowserSessions, type Purpose } from "./sessions.js";
import { createSite, type Site } from "./site.js";
import type { SignInStorage } from "./storage.js";
import { createTickets, type Tickets } from "./tickets.js";

export interface SignInOptions {
  /** The installation's public URL, https or loopback http, with or without a path. */
  readonly publicUrl: string;
  readonly storage: SignInStorage;
  readonly system: System;
  /** Address of the peer, for rate limits; never read from a header here. Default: one bucket for everybody. */
  remoteAddress?(request: Request): string | undefined;
  /** Paths below the public URL that sign-in may return to, with all below them; default `/authorize`, `/consent`. */
  readonly returnPaths?: readonly string[];
  /** Where people may sign in instead of here; its callback is `/sign-in/oidc/callback` below the public URL. */
  readonly idp?: RelyingParty | undefined;
  /** What signing out at the identity provider ends here; absent: such messages are not taken. */
  readonly logout?: LogoutPorts | undefined;
  /** Keeps what the identity provider gives with a sign-in; absent: nothing is kept. */
  readonly kept?: KeptSignIns | undefined;
  /** Whether there is an owner, who gets a code from the terminal; otherwise an operator invites everybody. Default true. */
  readonly hasOwner?: boolean;
  /** Paths of the MCP endpoints, which others serve: for advice at an address that is almost one of them. */
  readonly endpoints?: readonly string[];
  /** Tries per window; default {@link LIMITS}. */
  readonly limits?: Partial<Limits>;
}

export interface LogoutPorts {
  /** Ends what the person granted before `before`, sessions and grants; refused at every process within 2 s. Answers how many sessions. */
  endAccess(sub: string, before: number): Promise<number>;
  /** Atomic: `true` the first time that a logout token is seen, until `expires`. */
  recordOnce(key: string, expires: number): Promise<boolean>;
}

/** Port: what the identity provider gave for people, for requests in their name. */
export interface KeptSignIns {
  /** In place of what was there. */
  keep(sub: string, tokens: IdpTokens): Promise<void>;
  /** Ends it, here and there; with `before`, in seconds, only what was kept earlier. */
  end(sub: string, before?: number): Promise<unknown>;
}

/** What every route of the sign-in and account pages works with. */
export interface Kit {
  readonly site: Site;
  readonly storage: SignInStorage;
  readonly system: System;
  readonly cookies: Cookies;
  readonly sessions: BrowserSessions;
  readonly passkeys: Passkeys;
  readonly tickets: Tickets;
  readonly limit: RateLimit;
  readonly hasOwner: boolean;
  readonly endpoints: readonly string[];
  readonly idp: RelyingParty | undefined;
  readonly logout: LogoutPorts | undefined;
  readonly kept: KeptSignIns | undefined;
  readonly foreignFlows: ForeignFlows;
  /** Rate limit key of the peer. */
  address(request: Request): string;
  /** Where a form or link says to go afterwards. */
  parseCarried(source: { get(name: string): string | null | undefined }): Carried;
}

/** A page of ours: takes a request below the public URL, answers it. Refusals are thrown as PageRefusal. */
export type Page = (kit: Kit, request: Request) => Promise<Response>;

export interface PageRow {
  readonly method: "GET" | "POST";
  /** Below the public URL's path. */
  readonly path: string;
  readonly page: Page;
}

/** What travels with a person through the sign-in pages. */
export interface Carried {
  /** A path of this site, checked; `undefined` = /account. */
  readonly returnTo: string | undefined;
  /** Hash of the pending authorization's id, as the page of that authorization gave it. */
  readonly flow: string | undefined;
  /** Whoever is signed in elsewhere has to show again who they are. */
  readonly fresh?: boolean;
}

export function createKit(options: SignInOptions): Kit {
  const { storage, system, returnPaths = ["/authorize", "/consent"] } = options;
  const site = createSite(options.publicUrl);
  const cookies = createCookies(site);
  const paths = [...returnPaths, "/account"];
  return {
    site,
    storage,
    system,
    cookies,
    sessions: createBrowserSessions({ site, cookies, storage, system }),
    passkeys: createPasskeys({ site, storage, system }),
    tickets: createTickets(storage, system),
    limit: createRateLimit(options.limits),
    hasOwner: options.hasOwner ?? true,
    endpoints: options.endpoints ?? [],
    idp: options.idp,
    logout: options.logout,
    kept: options.kept,
    foreignFlows: createForeignFlows(storage, system),
    address: (request) => addressKey(options.remoteAddress?.(request)),
    parseCarried: (source) => {
      const flow = source.get("flow") ?? "";
      return {
        returnTo: parseReturnTo(source.get("return_to"), site, paths),
        flow: /^[A-Za-z0-9_-]{43}$/.test(flow) ? flow : undefined,
        ...(source.get("fresh") === "1" && { fresh: true }),
      };
    },
  };
}

/** `carried` as a query string with its `?`, or `""`. */
export function carriedQuery({ returnTo, flow, fresh }: Carried): string {
  const query = new URLSearchParams();
  if (returnTo !== undefined) query.set("return_to", returnTo);
  if (flow !== undefined) query.set("flow", flow);
  if (fresh === true) query.set("fresh", "1");
  return query.size === 0 ? "" : `?${query}`;
}

/** `carried` as hidden fields, with the CSRF token of `secret`. */
export function carriedFields(
  { returnTo, flow, fresh }: Carried,
  secret: string,
): Readonly<Record<string, string | undefined>> {
  return { csrf: formToken(secret), return_to: returnTo, flow, fresh: fresh === true ? "1" : undefined };
}

/** Whether the person is here for /account, and not for an authorization. */
export function isForAccount({ site }: Kit, { returnTo }: Carried): boolean {
  const [path] = returnTo?.split("?") ?? [];
  const account = `${site.prefix}/account`;
  return path === undefined || path === account || path.startsWith(`${account}/`);
}

/** Which session a sign-in makes. */
export function purposeOf(kit: Kit, carried: Carried): Purpose {
  return kit.sessions.purpose(isForAccount(kit, carried) ? "account" : "flow");
}

/** Where a finished sign-in goes. Ways back to the authorization pages pass the page that ends the form's redirect chain. */
export function destination(kit: Kit, carried: Carried): string {
  if (isForAccount(kit, carried)) return carried.returnTo ?? `${kit.site.prefix}/account`;
  return `${kit.site.prefix}/sign-in/continue${carriedQuery({ returnTo: carried.returnTo, flow: undefined })}`;
}

/** What this browser's forms and ceremonies are bound to before anybody signed in; `cookie` when it has to be set first. */
export function formSecret(
  kit: Kit,
  request: Request,
): { readonly secret: string; readonly cookie: string | undefined } {
  const known = kit.cookies.read(request, "form");
  if (known !== undefined) return { secret: known, cookie: undefined };
  const secret = randomToken(kit.system);
  return { secret, cookie: kit.cookies.set("form", secret) };
}

export function field(form: Form, name: string): string {
  return form.get(name) ?? "";
}
