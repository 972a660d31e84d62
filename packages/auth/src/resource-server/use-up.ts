import type { CallDetail } from "../core/call-details.js";
import type { Denied } from "../core/decision.js";
import { OAuthError } from "../core/oauth-error.js";
import type { ReplayRecorder } from "../oauth/dpop.js";
import type { Judged } from "./contract.js";

/** Seconds beyond its `exp` for which a used detail is remembered, for processes whose clocks differ. */
const CLOCK_MARGIN = 120;

export interface OnceFacts {
  readonly iss: string;
  /** Integer seconds. */
  readonly now: number;
}

export function isOnce({ decision }: Judged): boolean {
  return decision.outcome === "allow" && decision.once !== undefined;
}

/**
 * Uses up a detail for each call that may be made once, and denies the calls for which none is left. One body needs as many as it has such
 * calls, which is looked at first, so that a batch that asks for one twice costs nothing; of a batch that loses one to somebody else, those
 * that it had taken stay used. @throws OAuthError `store_unavailable`: then nobody knows, and nothing may go on.
 */
export async function useUp(
  judged: readonly Judged[],
  facts: OnceFacts,
  replay: ReplayRecorder | undefined,
): Promise<readonly Judged[]> {
  const planned = new Set<string>();
  const short = judged.map((one) => isOnce(one) && !take(candidates(one), planned));
  if (short.includes(true)) return judged.map((one, index) => (short[index] ? deny(one, "asked for twice") : one));
  const taken = new Set<string>();
  const answers: Judged[] = [];
  for (const one of judged) {
    if (!isOnce(one)) answers.push(one);
    else answers.push((await useOne(one, taken, { ...facts, replay })) ?? deny(one, "used up before"));
  }
  return answers;
}

function candidates({ decision }: Judged): readonly CallDetail[] {
  return decision.outcome === "allow" ? (decision.once ?? []) : [];
}

function take(details: readonly CallDetail[], taken: Set<string>): boolean {
  const free = details.find(({ id }) => !taken.has(id));
  if (free !== undefined) taken.add(free.id);
  return free !== undefined;
}

async function useOne(
  one: Judged,
  taken: Set<string>,
  { iss, now, replay }: OnceFacts & { readonly replay: ReplayRecorder | undefined },
): Promise<Judged | undefined> {
  for (const { id, exp = now } of candidates(one)) {
    if (taken.has(id) || !(await record(replay, { key: JSON.stringify([iss, id]), exp, now }))) continue;
    taken.add(id);
    return { call: one.call, decision: { ...one.decision, rule: `detail:${id}` } };
  }
  return undefined;
}

async function record(
  replay: ReplayRecorder | undefined,
  { key, exp, now }: { readonly key: string; readonly exp: number; readonly now: number },
): Promise<boolean> {
  if (replay === undefined) throw new OAuthError("store_unavailable", { detail: "nowhere to use a call up" });
  try {
    return (await replay.record("call", key, exp + CLOCK_MARGIN, now)) === true;
  } catch (cause) {
    if (cause instanceof OAuthError && cause.status === 503) throw cause;
    throw new OAuthError("store_unavailable", { detail: "call not used up", retryAfter: 1, cause });
  }
}

/** 403 without challenge: more scope is not what was agreed to, and nobody is to be led to ask for it. */
function deny({ call, decision }: Judged, reason: string): Judged {
  const denied: Denied = {
    outcome: "deny",
    kind: "rule",
    rule: decision.rule,
    reason,
    because: "This call was allowed once, and has been made. To make it again, ask again.",
    scopes: [],
  };
  return { call, decision: denied };
}
