import { expandScopes, type McpCall, type Policy, type Principal } from "@sallyport/auth";
import type { CredentialRequest } from "./contract.js";
import { CredentialError } from "./credential-error.js";

/** Scope of a server → scopes at the system behind it, space-separated. */
export type ScopeMapping = Readonly<Record<string, string>>;

/** By principal object: a change of grant, entitlement or policy makes another one. */
const held = new WeakMap<Principal, ReadonlySet<string>>();

function heldBy(principal: Principal, { hierarchy }: Policy): ReadonlySet<string> {
  const known = held.get(principal);
  if (known !== undefined) return known;
  const expanded = expandScopes(hierarchy, principal.scopes);
  held.set(principal, expanded);
  return expanded;
}

/**
 * The least scopes of the server that the allowed calls needed: what goes on is as narrow as the call, whatever else the caller holds. Calls
 * that need none (answers to a server's requests) count as the least that the caller holds.
 */
export function scopesOfCalls(policy: Policy, { principal, calls }: CredentialRequest): readonly string[] {
  const holds = heldBy(principal, policy);
  // What was allowed without a scope was agreed to call by call (RFC 9396): it goes on as the least scope that permits it would.
  const leastOf = (call: McpCall) => {
    const permitting = policy.permittedBy(call);
    return permitting.find((scope) => holds.has(scope)) ?? permitting[0];
  };
  const [only] = calls;
  if (calls.length === 1 && only !== undefined) {
    const least = leastOf(only);
    return least === undefined ? [] : [least];
  }
  const needed = new Set(calls.map(leastOf).filter((scope) => scope !== undefined));
  return [...needed];
}

/** @throws CredentialError `credential_refused` when a scope that a call needs means nothing behind: nothing is guessed */
export function mapScopes(mapping: ScopeMapping, needed: readonly string[]): string {
  const [only] = needed;
  if (needed.length === 1 && only !== undefined) return mapped(mapping, only);
  const scopes = needed.flatMap((scope) => mapped(mapping, scope).split(" "));
  // An answer to a server's request needs no scope here: it goes on with the first that is mapped.
  return scopes.length === 0 ? (Object.values(mapping)[0] ?? "") : [...new Set(scopes)].sort().join(" ");
}

function mapped(mapping: ScopeMapping, scope: string): string {
  const found = Object.hasOwn(mapping, scope) ? mapping[scope] : undefined;
  if (found !== undefined) return found;
  throw new CredentialError("credential_refused", `nothing is mapped to the scope ${JSON.stringify(scope)}`);
}
