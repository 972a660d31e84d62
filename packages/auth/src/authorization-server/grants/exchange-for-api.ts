import { OAuthError } from "../../core/oauth-error.js";
import { expandScopes } from "../../core/scope.js";
import type { DownstreamApi } from "../contract.js";
import type { Server } from "../server.js";
import type { Session } from "../storage.js";
import { effective, scopesOf } from "./effective-scopes.js";

/** The API that a request names, in our spelling; `undefined`: it names none of them, which is for others to judge. */
export function findApi({ options }: Server, named: readonly string[]): DownstreamApi | undefined {
  const [only, ...more] = new Set(named);
  return more.length > 0 ? undefined : options.apis?.find(({ resource }) => resource === only);
}

/**
 * What of an API a caller may use who holds `held` of the resource of `parent`: what the operator derives from it, under what the person may
 * be granted there now. Asked for nothing, all of that.
 * @throws OAuthError `entitlement_gone`, `scope_exceeded`, `scope_refused`
 */
export async function scopesAtApi(
  server: Server,
  {
    api,
    asked,
    from: { audience, held },
  }: {
    readonly api: DownstreamApi;
    readonly asked: readonly string[];
    /** What the token is for, and its scopes there. */
    readonly from: { readonly audience: string; readonly held: readonly string[] };
  },
  parent: Pick<Session, "sub" | "client_id" | "resource" | "scopes" | "details">,
): Promise<readonly string[]> {
  // Of an API: its scopes were derived from the front's, and go no further than what is still granted there.
  const ofApi = audience !== parent.resource;
  const { scopes } = await effective(server, parent, ofApi ? parent : { scopes: held });
  const covered = ofApi ? new Set(held) : expandScopes(await scopesOf(server, parent.resource), scopes);
  const derived = api.behind === (ofApi ? audience : undefined) ? deriveScopes(api, covered) : [];
  if (derived.length === 0) throw new OAuthError("scope_refused");
  const beyond = asked.filter((scope) => !derived.includes(scope));
  if (beyond.length > 0) {
    throw new OAuthError("scope_exceeded", { description: "The subject_token does not reach to all of these scopes." });
  }
  return asked.length === 0 ? derived : asked;
}

/** Scopes of an API that one of `held` amounts to. */
export function deriveScopes({ scopes }: DownstreamApi, held: ReadonlySet<string>): readonly string[] {
  return Object.entries(scopes).flatMap(([scope, { from }]) => (from.some((each) => held.has(each)) ? [scope] : []));
}
