import { sha256 } from "./hash.js";
import type { Site } from "./site.js";

/**
 * - `form`: the browser before sign-in; forms and passkey ceremonies are bound to it.
 * - `browser`: the session of an https site.
 * - `known`: https only; this browser has signed somebody in by password before. It opens nothing.
 * - `flow`: the session of one authorization, http only. `account`: the session of /account, http only.
 */
export type CookieKind = "form" | "browser" | "known" | "flow" | "account";

interface CookieRow {
  readonly suffix: string;
  /** Below the site's prefix; https cookies are always `/`, which `__Host-` demands. */
  readonly path: string;
  readonly sameSite: "Lax" | "Strict";
  /** Seconds. The server's own expiry rules; this only cleans up. */
  readonly maxAge: number;
}

const COOKIES: Readonly<Record<CookieKind, CookieRow>> = {
  form: { suffix: "-form", path: "/sign-in", sameSite: "Lax", maxAge: 3600 },
  browser: { suffix: "", path: "/", sameSite: "Lax", maxAge: 12 * 3600 },
  known: { suffix: "-known", path: "/", sameSite: "Strict", maxAge: 180 * 86_400 },
  flow: { suffix: "-flow", path: "/", sameSite: "Lax", maxAge: 600 },
  account: { suffix: "-account", path: "/account", sameSite: "Strict", maxAge: 300 },
};

export interface Cookies {
  read(request: Request, kind: CookieKind): string | undefined;
  /** `Set-Cookie` values. */
  set(kind: CookieKind, value: string): string;
  clear(kind: CookieKind): string;
}

/** RFC 6265bis §4.1.3.2: `__Host-` on https. On http the port goes into the name, since cookies do not know ports. */
export function createCookies(site: Site): Cookies {
  const port = new URL(site.origin).port || "80";
  const world = site.prefix === "" ? "" : `-${sha256(site.prefix).slice(0, 8)}`;
  const base = site.secure ? `__Host-sallyport${world}` : `sallyport-${port}${world}`;
  const format = (kind: CookieKind, value: string, maxAge: number): string => {
    const row = COOKIES[kind];
    const path = site.secure || row.path === "/" ? (site.secure ? "/" : site.prefix || "/") : site.prefix + row.path;
    const secure = site.secure ? "; Secure" : "";
    return `${base}${row.suffix}=${value}; Path=${path}; Max-Age=${maxAge}; HttpOnly; SameSite=${row.sameSite}${secure}`;
  };
  return {
    read: (request, kind) => readCookie(request.headers.get("cookie"), base + COOKIES[kind].suffix),
    set: (kind, value) => format(kind, value, COOKIES[kind].maxAge),
    clear: (kind) => format(kind, "", 0),
  };
}

function readCookie(header: string | null, name: string): string | undefined {
  for (const pair of (header ?? "").split(";")) {
    const at = pair.indexOf("=");
    if (at > 0 && pair.slice(0, at).trim() === name) {
      const value = pair.slice(at + 1).trim();
      // Our values are 256 bits in base64url; what is not, is not ours.
      return /^[A-Za-z0-9_-]{43}$/.test(value) ? value : undefined;
    }
  }
  return undefined;
}
