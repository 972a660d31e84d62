import { randomToken, type System } from "@sallyport/auth";
import { sha256 } from "./hash.js";
import type { BrowserSession, SignInStorage } from "./storage.js";

/** Seconds after signing in within which a person may change how they sign in. */
const RECENT = 600;

/**
 * Changing how somebody signs in takes more than their cookie, which on http every program of this host may have collected (design
 * §5.12): a ticket that only the page after a sign-in knows, from its address, and that its forms carry. It is taken once, and expires
 * ten minutes after the person proved who they are. It lies beside the WebAuthn ceremonies, which are consumed in the same way.
 */
export interface Tickets {
  /** `undefined` when the sign-in was too long ago. */
  issue(who: Pick<BrowserSession, "sub" | "auth_time">): Promise<string | undefined>;
  take(ticket: string | undefined, sub: string): Promise<boolean>;
}

export function isRecent({ auth_time }: Pick<BrowserSession, "auth_time">, now: number): boolean {
  return now < auth_time + RECENT;
}

export function createTickets({ ceremonies }: SignInStorage, system: System): Tickets {
  const idOf = (ticket: string) => sha256(`ticket ${ticket}`);
  return {
    issue: async (who) => {
      if (!isRecent(who, system.now())) return undefined;
      const ticket = randomToken(system);
      await ceremonies.save(idOf(ticket), {
        challenge: "ticket",
        sub: who.sub,
        expires: who.auth_time + RECENT,
      });
      return ticket;
    },
    take: async (ticket, sub) => {
      if (ticket === undefined) return false;
      const found = await ceremonies.consume(idOf(ticket), system.now());
      return found?.sub === sub && found.challenge === "ticket";
    },
  };
}

/** `path` with the ticket in its query, for the redirect to the page whose forms carry it. */
export function withTicket(path: string, ticket: string | undefined): string {
  return isTicket(ticket) ? `${path}${path.includes("?") ? "&" : "?"}ticket=${ticket}` : path;
}

/** The ticket in a page's address, for its forms. Only {@link Tickets.take} says whether it is worth anything. */
export function readTicket(request: Request): string | undefined {
  const ticket = new URL(request.url).searchParams.get("ticket") ?? undefined;
  return isTicket(ticket) ? ticket : undefined;
}

function isTicket(value: string | undefined): value is string {
  return value !== undefined && /^[A-Za-z0-9_-]{43}$/.test(value);
}
