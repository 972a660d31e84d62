import { principalKey } from "@sallyport/auth";
import type { RefusalObserver } from "./contract.js";

/** Seconds for which a consent page may name the call that wanted more. */
const REMEMBERED = 600;
const MAX_REMEMBERED = 10_000;

export interface Refusals extends RefusalObserver {
  /** The newest scope refusal of this person through this client there: names only. */
  last(
    sub: string,
    client_id: string,
    resource: string,
    now: number,
  ): { readonly tool: string; readonly scopes: readonly string[] } | undefined;
}

/** In memory, bounded, newest kept: what it forgets costs a sentence on the consent page and nothing else. */
export function createRefusals(): Refusals {
  const newest = new Map<string, { readonly tool: string; readonly scopes: readonly string[]; readonly at: number }>();
  const key = (sub: string, client_id: string, resource: string) => principalKey({ iss: resource, sub, client_id });
  return {
    observe({ principal: { sub, client_id } }, resource, refused) {
      const name = key(sub, client_id, resource);
      newest.delete(name);
      newest.set(name, refused);
      const [oldest] = newest.keys();
      if (newest.size > MAX_REMEMBERED && oldest !== undefined) newest.delete(oldest);
    },
    last(sub, client_id, resource, now) {
      const found = newest.get(key(sub, client_id, resource));
      return found === undefined || found.at + REMEMBERED <= now
        ? undefined
        : { tool: found.tool, scopes: found.scopes };
    },
  };
}
