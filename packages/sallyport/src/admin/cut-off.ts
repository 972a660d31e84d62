import type { RevocationSelector } from "@sallyport/auth/authorization-server";
import type { ExternalSelector } from "../federation/index.js";
import type { AdminParts } from "./contract.js";
import { AdminRefusal } from "./route.js";

/** What to end; all that is given must match. */
export interface CutOff {
  /** By name. */
  readonly user?: string | undefined;
  readonly client_id?: string | undefined;
  readonly resource?: string | undefined;
  readonly session_id?: string | undefined;
  /** Integer seconds: sessions that began, grants last consented to, and external tokens issued, before it. */
  readonly issued_before?: number | undefined;
  /** External authorization server whose tokens are meant instead of ours. */
  readonly issuer?: string | undefined;
  readonly subject?: string | undefined;
  readonly all?: boolean | undefined;
}

export interface CutOffResult {
  readonly sessions: number;
  /** What was kept of people's sign-ins at the identity provider. */
  readonly sign_ins: number;
  readonly external: { readonly issuer: string; readonly known: number }[];
}

export type CutOffParts = Pick<AdminParts, "userStore" | "sessions" | "externalGrants" | "endSignIns" | "system"> & {
  servers(): readonly { readonly issuers: readonly string[] }[];
};

/**
 * Ends what is named here, and with `all` (or `issuer`) tokens of other authorization servers too. Durable before it resolves; every process
 * refuses it within 2 s.
 * @throws AdminRefusal for a person or issuer that nobody knows, for what does not go together, and when nothing is named.
 */
export async function cutOff(parts: CutOffParts, asked: CutOff): Promise<CutOffResult> {
  const now = parts.system.now();
  const selectors = externalSelectors(parts, asked);
  // A token issued in the very second is meant by "until now", and not by "before".
  const at = asked.issued_before === undefined ? now : asked.issued_before - 1;
  const selector = asked.issuer === undefined ? await selectorOf(parts, asked, now) : undefined;
  const external: CutOffResult["external"] = [];
  for (const one of selectors) {
    external.push({ issuer: one.issuer, known: await parts.externalGrants.revoke(one, at) });
  }
  if (selector === undefined) return { sessions: 0, sign_ins: 0, external };
  // First, so that nothing new is made from them while the sessions end.
  const sign_ins = await endSignIns(parts, selector);
  return { sessions: await parts.sessions.revoke(selector, now), sign_ins, external };
}

/** A sign-in is a person's, with whatever client: it ends where nothing narrower than the person is named. */
async function endSignIns({ endSignIns: end }: CutOffParts, selector: RevocationSelector): Promise<number> {
  const { sub, issued_before, ...narrower } = selector;
  if (Object.keys(narrower).length > 0) return 0;
  return end({
    ...(sub !== undefined && { sub }),
    ...(issued_before !== undefined && { createdBefore: issued_before }),
  });
}

/** What is ended of other authorization servers. With `all` everything of every one that a server names. */
function externalSelectors(parts: CutOffParts, asked: CutOff): readonly ExternalSelector[] {
  const { issuer, subject, client_id, user, session_id, resource, all } = asked;
  const issuers = [...new Set(parts.servers().flatMap((server) => server.issuers))];
  if (issuer === undefined) {
    if (subject !== undefined) throw new AdminRefusal("request_refused", "subject goes with issuer");
    return all === true && (user ?? client_id ?? session_id ?? resource) === undefined
      ? issuers.map((one) => ({ issuer: one }))
      : [];
  }
  if ((user ?? session_id ?? resource) !== undefined || all === true) {
    throw new AdminRefusal("request_refused", "issuer goes with subject and client_id only");
  }
  if (!issuers.includes(issuer)) {
    const known = issuers.join(", ") || "none";
    throw new AdminRefusal(
      "not_found",
      `issuer ${JSON.stringify(issuer)}: no server of this installation names it; there are: ${known}`,
    );
  }
  return [{ issuer, ...(subject !== undefined && { sub: subject }), ...(client_id !== undefined && { client_id }) }];
}

async function selectorOf({ userStore }: CutOffParts, asked: CutOff, now: number): Promise<RevocationSelector> {
  const { user, client_id, session_id, resource, all } = asked;
  const sub = user === undefined ? undefined : (await userStore.findByName(user))?.sub;
  if (user !== undefined && sub === undefined) {
    throw new AdminRefusal("not_found", `there is no user ${JSON.stringify(user)}`);
  }
  const issued_before = asked.issued_before ?? (all === true ? now + 1 : undefined);
  const named = Object.entries({ sub, client_id, session_id, resource, issued_before }).filter(
    ([, value]) => value !== undefined,
  );
  if (named.length === 0) throw new AdminRefusal("request_refused", "say what to end; everything is `all`");
  return Object.fromEntries(named) as RevocationSelector;
}
