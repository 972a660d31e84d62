import type { Decision, Denied } from "../core/decision.js";
import { evaluate } from "../core/evaluate.js";
import { judgedCalls } from "../core/judged-calls.js";
import { type McpCall, MODERN } from "../core/mcp-call.js";
import type { McpBody, McpMessage } from "../core/mcp-message.js";
import type { Policy, RequestFacts } from "../core/policy.js";
import { quote } from "../core/quote.js";
import { formatScope } from "../core/scope.js";
import type { Awaitable } from "../oauth/awaitable.js";
import type { ReplayRecorder } from "../oauth/dpop.js";
import { randomToken, type System } from "../system.js";
import type { Authenticated, Judged, Judgement, Refusal } from "./contract.js";
import { type ChallengeContext, formatChallenges, formatRpcErrors, JSON_HEADERS, type MessageId } from "./refusal.js";
import { isOnce, useUp } from "./use-up.js";

export interface AuthorizePorts {
  readonly policy: Policy;
  readonly challenge: ChallengeContext;
  readonly system: System;
  readonly denials: "status" | "result";
  /** Where calls are used up that may be made once; absent: such calls are not in the tokens either. */
  readonly once: ReplayRecorder | undefined;
}

/** The kinds of denial in the order in which one of them answers for a whole body. */
const KINDS = ["unknown", "rule", "scope"] as const satisfies readonly Denied["kind"][];

/**
 * Judges every call of a body. One refused element refuses all of it; a batch with several kinds of denial is answered by the first kind in
 * the order of the design, and by all its missing scopes at once.
 * A promise only where a call may be made once: it is used up then, and nothing may go on before.
 * @throws TypeError when a message came without its call: that would be a message nobody judged.
 */
export function authorize(
  {
    who,
    body,
    calls,
    request,
  }: { who: Authenticated; body: McpBody; calls: readonly McpCall[]; request: RequestFacts },
  ports: AuthorizePorts,
): Awaitable<Judgement> {
  if (calls.length < body.messages.filter(isJudged).length)
    throw new TypeError("authorize: a message without its call");
  const { principal, entitled } = who;
  const now = ports.system.now();
  const seen = judgedCalls(body, calls);
  const judged = calls.map((call, index) => ({
    call,
    decision: evaluate(ports.policy, { principal, entitled, call: seen[index] ?? call, request, now }),
  }));
  tellRecorded(judged, ports.system);
  if (!judged.every(({ decision }) => decision.outcome === "allow")) return refused({ who, body, judged }, ports);
  if (!judged.some(isOnce)) return { judged, refusal: undefined };
  return useUp(judged, { iss: principal.iss, now }, ports.once).then((used) =>
    used.some(({ decision }) => isDenied(decision))
      ? refused({ who, body, judged: used }, ports)
      : { judged: used, refusal: undefined },
  );
}

function refused(body: Refused, ports: AuthorizePorts): Judgement {
  return { judged: body.judged, refusal: refuseBody(body, ports) };
}

function isJudged(message: McpMessage): boolean {
  return message.type !== "response";
}

/** A rule that is being tried says in the log what it would have done: names only, no arguments. */
function tellRecorded(judged: readonly Judged[], { log }: System): void {
  for (const { call, decision } of judged) {
    if (decision.outcome !== "allow" || decision.recorded === undefined) continue;
    const { server, method, name } = call;
    for (const { rule, reason } of decision.recorded) {
      log("info", "a rule in record mode would have denied", { rule, reason, server, method, name });
    }
  }
}

interface Refused {
  readonly who: Authenticated;
  readonly body: McpBody;
  readonly judged: readonly Judged[];
}

type DeniedCall = { readonly call: McpCall; readonly decision: Denied };

function refuseBody(refused: Refused, ports: AuthorizePorts): Refusal {
  const denied = refused.judged.filter((one): one is DeniedCall => isDenied(one.decision));
  for (const kind of KINDS) {
    const ofKind = denied.filter(({ decision }) => decision.kind === kind);
    const first = ofKind[0];
    if (first !== undefined) return REFUSERS[kind]({ ...refused, first, ofKind }, ports);
  }
  throw new TypeError("authorize: a denial of no known kind");
}

function isDenied(decision: Decision): decision is Denied {
  return decision.outcome === "deny";
}

interface RefusedKind extends Refused {
  readonly first: DeniedCall;
  readonly ofKind: readonly DeniedCall[];
}

type Refuser = (refused: RefusedKind, ports: AuthorizePorts) => Refusal;

const REFUSERS: Readonly<Record<Denied["kind"], Refuser>> = {
  unknown: refuseUnknown,
  rule: refuseByRule,
  scope: refuseForScope,
};

/** As if it did not exist, and the same whether it does not or is hidden: no decision id either, which a missing name would not have. */
function refuseUnknown({ body, first, who }: RefusedKind, { system }: AuthorizePorts): Refusal {
  const { call, decision } = first;
  const decisionId = randomToken(system, 12);
  const ids = idsOf(body);
  if (call.kind === "protocol" && who.entitled.length === 0) {
    const error = {
      code: -32000,
      message: "You have no access to this server.",
      data: { reason: "no_access", decisionId },
    };
    const text = formatRpcErrors(ids, error, body.batch);
    return { status: 403, headers: JSON_HEADERS, body: text, reason: decision.reason, decisionId };
  }
  const isMethod = call.kind === "protocol";
  const error = isMethod
    ? { code: -32601, message: "Method not found" }
    : { code: -32602, message: `Unknown ${call.kind}: ${quote(call.name ?? "")}` };
  // A legacy server answers in the JSON-RPC layer, with 200; only the modern transport gives statuses to these errors (SEP-2243).
  const status = call.revision !== MODERN ? 200 : isMethod ? 404 : 400;
  const text = formatRpcErrors(ids, error, body.batch);
  return { status, headers: JSON_HEADERS, body: text, reason: decision.reason, decisionId };
}

/** 403 without a challenge: no consent would change the answer, so no client is sent to ask for it. */
function refuseByRule({ body, first }: RefusedKind, { system, denials }: AuthorizePorts): Refusal {
  const { because, reason } = first.decision;
  const decisionId = randomToken(system, 12);
  if (denials === "result" && !body.batch && first.call.method === "tools/call") {
    const text = formatToolRefusal(idsOf(body)[0] ?? null, first, decisionId);
    return { status: 200, headers: JSON_HEADERS, body: text, reason, decisionId };
  }
  const error = { code: -32000, message: because, data: { reason: "denied_by_rule", because, decisionId } };
  const text = formatRpcErrors(idsOf(body), error, body.batch);
  return { status: 403, headers: JSON_HEADERS, body: text, reason, decisionId };
}

/** A tool's own way to say no, which a client hands to the model. A task that a call would have made is not made either. */
function formatToolRefusal(id: MessageId, { call, decision }: DeniedCall, decisionId: string): string {
  const result = {
    ...(call.revision === MODERN ? { resultType: "complete" } : {}),
    content: [{ type: "text", text: decision.because }],
    isError: true,
    _meta: { "sallyport/denial": { reason: "denied_by_rule", decisionId } },
  };
  return JSON.stringify({ jsonrpc: "2.0", id, result });
}

/** RFC 6750 §3.1 `insufficient_scope`, R-15: one challenge with every scope that these calls need. */
function refuseForScope({ who, body, first, ofKind }: RefusedKind, { system, challenge }: AuthorizePorts): Refusal {
  const { because, reason } = first.decision;
  const needed = ofKind.flatMap(({ decision }) => decision.scopes);
  // clients up to 2025-11-25 ask for exactly what a challenge names; a modern client adds it to what it has.
  const held = first.call.revision === MODERN ? [] : who.principal.scopes;
  const scope = formatScope([...held, ...needed]);
  const decisionId = randomToken(system, 12);
  const data = { reason: "insufficient_scope", because, scope, decisionId };
  const wwwAuthenticate = formatChallenges(challenge, {
    error: "insufficient_scope",
    error_description: "This call needs scopes that were not granted yet.",
    scope,
    scheme: who.principal.cnf === undefined ? "Bearer" : "DPoP",
  });
  return {
    status: 403,
    headers: { ...JSON_HEADERS, "www-authenticate": wwwAuthenticate },
    body: formatRpcErrors(idsOf(body), { code: -32000, message: because, data }, body.batch),
    reason,
    decisionId,
  };
}

function idsOf(body: McpBody): readonly MessageId[] {
  return body.messages.flatMap((message) => (message.type === "request" ? [message.id] : []));
}
