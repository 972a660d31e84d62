import { randomToken, type System } from "@sallyport/auth";
import type { Cookies } from "./cookies.js";
import { sha256 } from "./hash.js";
import type { Site } from "./site.js";
import type { BrowserSession, SignInStorage, User } from "./storage.js";

export type Purpose = BrowserSession["purpose"];

/** Seconds. `flow` and `account` are short because every program on this host could collect the cookie (design §5.12). */
const SESSION_LIFETIMES: Readonly<Record<Purpose, number>> = { flow: 600, account: 300, browser: 12 * 3600 };

/** A browser that showed a live session of a person who may sign in. */
export interface SignedIn {
  readonly user: User;
  readonly session: BrowserSession;
}

export interface BrowserSessions {
  /** The purpose a sign-in has here: on https always `browser`. */
  purpose(wanted: "flow" | "account"): Purpose;
  /**
   * Signs `sub` in: always a new token, and the one the browser showed before ends (session fixation). `pending_id` is the hash of the
   * authorization that a `flow` session serves. Returns the `Set-Cookie` value.
   */
  start(
    request: Request,
    session: {
      readonly sub: string;
      readonly purpose: Purpose;
      readonly pending_id: string | undefined;
      /** When the person proved who they are; default now. */
      readonly auth_time?: number;
    },
  ): Promise<string>;
  /** After a change of credentials: ends every browser session of the person, and gives this browser a new token for the same use. */
  restart(request: Request, session: BrowserSession): Promise<string>;
  /** Who is there; `undefined` for no, ended or expired sessions and for disabled people. */
  find(request: Request, purpose: Purpose): Promise<SignedIn | undefined>;
  /** Ends what the browser shows. Returns the `Set-Cookie` value that clears it, or `undefined` when there was none. */
  end(request: Request, purpose: Purpose): Promise<string | undefined>;
}

export function createBrowserSessions(parts: {
  readonly site: Site;
  readonly cookies: Cookies;
  readonly storage: SignInStorage;
  readonly system: System;
}): BrowserSessions {
  const { site, cookies, storage, system } = parts;
  const end = async (request: Request, purpose: Purpose) => {
    const token = cookies.read(request, purpose);
    if (token === undefined) return undefined;
    await storage.browserSessions.end(sha256(token));
    return cookies.clear(purpose);
  };
  const start: BrowserSessions["start"] = async (request, { sub, purpose, pending_id, auth_time }) => {
    await end(request, purpose);
    const token = randomToken(system);
    const now = system.now();
    await storage.browserSessions.save(sha256(token), {
      sub,
      auth_time: auth_time ?? now,
      purpose,
      pending_id: purpose === "flow" ? pending_id : undefined,
      csrf_secret: randomToken(system),
      expires: now + SESSION_LIFETIMES[purpose],
    });
    return cookies.set(purpose, token);
  };
  return {
    purpose: (wanted) => (site.secure ? "browser" : wanted),
    start,
    restart: async (request, { sub, purpose, pending_id, auth_time }) => {
      await storage.browserSessions.endAll(sub);
      return start(request, { sub, purpose, pending_id, auth_time });
    },
    find: async (request, purpose) => {
      const token = cookies.read(request, purpose);
      if (token === undefined) return undefined;
      const session = await storage.browserSessions.find(sha256(token), system.now());
      // A session is good for its own purpose only, whatever cookie it was put into.
      if (session === undefined || session.purpose !== purpose || session.expires <= system.now()) return undefined;
      const user = await storage.users.find(session.sub);
      return user === undefined || user.disabled ? undefined : { user, session };
    },
    end,
  };
}

/** Nobody counts as signed in before a way to do it again exists: the one-time code alone is only the way to set one. */
export async function hasCredential(storage: SignInStorage, user: User): Promise<boolean> {
  if (user.password_hash !== undefined || (await storage.users.passkeys(user.sub)).length > 0) return true;
  return (await storage.identities.list(user.sub)).length > 0;
}
