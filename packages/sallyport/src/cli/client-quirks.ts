import type { Principal, System } from "@sallyport/auth";
import type { ClientStore } from "@sallyport/auth/authorization-server";
import { CLIENT_QUIRKS, type ClientQuirk } from "./client-data.js";

/** What is known of one client for certain. */
export interface KnownClient {
  readonly client_id: string;
  /** Of its registration, if it has one here. */
  readonly redirect_uris: readonly string[] | undefined;
}

/** The row that a client has, if it has one. Its name, which anybody can take, does not count. */
export function quirkOf({ client_id, redirect_uris }: KnownClient): ClientQuirk | undefined {
  const host = documentHostOf(client_id);
  return CLIENT_QUIRKS.find(
    ({ documentHosts, redirects }) =>
      (host !== undefined && documentHosts.includes(host)) ||
      (redirect_uris !== undefined &&
        redirect_uris.length > 0 &&
        redirect_uris.every((uri) => redirects.some((known) => isBelow(uri, known)))),
  );
}

/** A client_id that is a URL was proven by its document before any token named it. */
function documentHostOf(client_id: string): string | undefined {
  if (!client_id.startsWith("https://")) return undefined;
  return URL.canParse(client_id) ? new URL(client_id).host : undefined;
}

/** Compared as parsed: `https://chatgpt.com/connector/oauth/../../x` lies elsewhere. */
function isBelow(uri: string, known: string): boolean {
  if (!URL.canParse(uri)) return false;
  const { href } = new URL(uri);
  return known.endsWith("/*") ? href.startsWith(known.slice(0, -1)) && href.length >= known.length : href === known;
}

export interface QuirkPorts {
  /** Only tokens of this issuer name clients that were proven here. */
  readonly issuer: string;
  readonly clients: Pick<ClientStore, "find">;
  readonly system: Pick<System, "now" | "log">;
}

/** Does this caller's client read a scope refusal as a tool result only? Unknown clients read statuses, as the specification says. Never rejects. */
export function createScopeResultReader({ issuer, clients, system }: QuirkPorts) {
  return async ({ iss, client_id }: Principal): Promise<boolean> => {
    if (iss !== issuer) return false;
    try {
      const record = await clients.find(client_id, system.now());
      return quirkOf({ client_id, redirect_uris: record?.metadata.redirect_uris })?.scopeRefusal === "result";
    } catch (error) {
      system.log("warn", "client not read for its quirks", { error: String(error) });
      return false;
    }
  };
}
