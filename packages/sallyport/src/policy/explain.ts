import {
  callsOf,
  clientRequestCall,
  type Decision,
  type Denied,
  type EvaluationInput,
  evaluate,
  expandScopes,
  judgedCalls,
  type McpBody,
  type McpCall,
  McpError,
  parseMcpBody,
  type Revision,
  targetOf,
} from "@sallyport/auth";
import { ruleReason } from "./rule-reason.js";
import type { PolicyRule } from "./rules.js";
import type { ServerPolicy } from "./server-policy.js";

/** What one rule had to say. */
export interface RuleTrace {
  readonly rule: string;
  readonly line?: number;
  readonly effect: "allow" | "deny";
  readonly mode: "enforce" | "record";
  /** `other` = it names other things; the rest is its condition. A rule without condition holds. */
  readonly result: "holds" | "does not hold" | "failed" | "other";
  /** Why: the condition, the failure, or what the rule names instead. */
  readonly why: string;
}

/** Where one scope that would permit the call stands. */
export interface ScopeTrace {
  readonly scope: string;
  readonly line?: number;
  readonly entitled: boolean;
  readonly granted: boolean;
}

/** Why a request is allowed or not. */
export interface Explanation {
  readonly allow: boolean;
  /** The kind of the answer; `invalid`: no such method, or a name that is none. */
  readonly outcome: "allow" | Denied["kind"] | "invalid";
  /** What decided: a rule, `scope:<name>`, `default`, or `protocol` for `invalid`. */
  readonly rule: string;
  /** Line of the deciding rule or scope in the file. */
  readonly line?: number;
  readonly reason: string;
  /** What the caller is told. */
  readonly because?: string;
  /** What the caller would have to be granted, and could be. */
  readonly missingScopes: readonly string[];
  /** What would permit it if the subject were entitled to it. */
  readonly notEntitled: readonly string[];
  /** Rules in record mode that would have denied. */
  readonly recorded: readonly string[];
  /** What was judged, as `tools/<name>` and so on, or the method. */
  readonly target: string;
  readonly scopes: readonly ScopeTrace[];
  readonly rules: readonly RuleTrace[];
}

/** Who asks what, as a gateway would see it. */
export interface Question extends Omit<EvaluationInput, "call"> {
  readonly server: string;
  readonly revision: Revision;
  creatingCall?(taskId: string): McpCall | undefined;
}

/** The order in which one denial answers for a whole body (design: the order of a decision). */
const KINDS = ["unknown", "rule", "scope"] as const satisfies readonly Denied["kind"][];

/** Explains a whole body, text or bytes of JSON-RPC, as the gateway would answer it. Never throws for what a caller sends. */
export function explainBody(policy: ServerPolicy, body: Uint8Array, question: Question): Explanation {
  try {
    const parsed = parseMcpBody(body);
    return explainCalls(policy, judgedCalls(parsed, callsOfBody(parsed, question)), question);
  } catch (error) {
    if (!(error instanceof McpError)) throw error;
    return invalid(error);
  }
}

/** The same for what a server asks of the client. */
export function explainClientRequest(policy: ServerPolicy, body: Uint8Array, question: Question): Explanation {
  const parsed = parseMcpBody(body);
  const calls = parsed.messages.flatMap((message) =>
    message.type === "response" ? [] : (clientRequestCall(message, question) ?? []),
  );
  return explainCalls(policy, judgedCalls(parsed, calls), question);
}

function callsOfBody({ messages }: McpBody, question: Question): readonly McpCall[] {
  return messages.flatMap((message) => (message.type === "response" ? [] : callsOf(message, question)));
}

/** One refused call refuses all, and all their missing scopes are asked for at once. */
function explainCalls(policy: ServerPolicy, calls: readonly McpCall[], question: Question): Explanation {
  const judged = calls.map((call) => {
    const input = { ...question, call };
    return { input, decision: evaluate(policy.policy, input) };
  });
  for (const kind of KINDS) {
    const denied = judged.filter(({ decision }) => decision.outcome === "deny" && decision.kind === kind);
    const [first] = denied;
    if (first === undefined) continue;
    const missing = denied.flatMap(({ decision }) => (decision.outcome === "deny" ? decision.scopes : []));
    return { ...explanationOf(policy, first.input, first.decision), missingScopes: [...new Set(missing)] };
  }
  const [first] = judged;
  if (first === undefined) return invalid(new McpError(400, -32600, "Nothing is asked."));
  return explanationOf(policy, first.input, first.decision);
}

function explanationOf(policy: ServerPolicy, input: EvaluationInput, decision: Decision): Explanation {
  const scopes = traceScopes(policy, input);
  const seen = asJudged(policy, input);
  const rules = policy.rules.map((rule) => traceRule(rule, seen));
  const line = lineOfDecision(policy, decision.rule);
  const common = {
    rule: decision.rule,
    ...(line !== undefined && { line }),
    target: targetOf(input.call) ?? input.call.method,
    notEntitled: scopes.filter(({ entitled }) => !entitled).map(({ scope }) => scope),
    scopes,
    rules,
  };
  if (decision.outcome === "allow") {
    const recorded = (decision.recorded ?? []).map(({ rule }) => rule);
    return {
      allow: true,
      outcome: "allow",
      ...common,
      reason: reasonToAllow(decision.rule),
      missingScopes: [],
      recorded,
    };
  }
  const { kind, because, scopes: missingScopes } = decision;
  const reason = reasonToDeny(policy, { input, decision, common });
  return { allow: false, outcome: kind, ...common, reason, because, missingScopes, recorded: [] };
}

/** Conditions see all entitled scopes first and, where no rule denies then, those really granted: whichever decided is what is traced. */
function asJudged({ policy }: ServerPolicy, input: EvaluationInput): EvaluationInput {
  const { principal } = input;
  const entitled = expandScopes(policy.hierarchy, input.entitled);
  const atBest = { ...input, principal: { ...principal, scopes: [...entitled] } };
  const decision = input.call.kind === "request" ? undefined : evaluate(policy, atBest);
  if (decision?.outcome === "deny" && decision.kind === "rule") return atBest;
  const granted = [...expandScopes(policy.hierarchy, principal.scopes)].filter((scope) => entitled.has(scope));
  return { ...input, principal: { ...principal, scopes: granted } };
}

function reasonToAllow(rule: string): string {
  if (rule === "default") return "no rule denies what servers ask";
  if (rule.startsWith("detail:"))
    return `the single call ${rule.slice("detail:".length)} was agreed to and no rule denies`;
  return rule.startsWith("scope:")
    ? `${rule.slice("scope:".length)} permits it and no rule denies`
    : "an allow rule holds";
}

/** In one sentence for whoever asks why; the caller is told less. */
function reasonToDeny(
  policy: ServerPolicy,
  about: {
    readonly input: EvaluationInput;
    readonly decision: Denied;
    readonly common: Pick<Explanation, "rules" | "scopes">;
  },
): string {
  const { input, decision, common } = about;
  if (decision.kind === "rule")
    return reasonOfRule(
      decision,
      common.rules.find(({ rule }) => rule === decision.rule),
    );
  const names = common.scopes.map(({ scope }) => scope).join(" or ");
  if (decision.kind === "scope") return `it needs ${names}, which the token lacks and the subject may be granted`;
  if (names !== "") return `it needs ${names}, to which the subject is not entitled`;
  const { kind, name = "" } = input.call;
  if (kind === "tool" && policy.isQuarantined(name))
    return "the tool is in quarantine until it is accepted, or was never seen: see `sallyport tools diff`";
  if (policy.config.scopes !== undefined) return "no scope of the file permits it";
  return kind === "tool" ? "no tool of this name was seen at the server" : "no scope permits it";
}

function reasonOfRule({ reason }: Denied, trace: RuleTrace | undefined): string {
  if (trace?.effect !== "deny") return ruleReason(reason);
  // The trace says besides in which condition.
  if (trace.result === "failed") return ruleReason(`deny rule failed: ${trace.why}`);
  return ruleReason(reason, trace.why !== UNCONDITIONAL);
}

function lineOfDecision({ rules, lineOfScope }: ServerPolicy, decided: string): number | undefined {
  if (decided.startsWith("scope:")) return lineOfScope(decided.slice("scope:".length));
  return rules.find(({ id }) => id === decided)?.line;
}

function traceScopes(
  { policy, lineOfScope }: ServerPolicy,
  { call, principal, entitled }: EvaluationInput,
): readonly ScopeTrace[] {
  const may = expandScopes(policy.hierarchy, entitled);
  const has = expandScopes(policy.hierarchy, principal.scopes);
  return policy.permittedBy(call).map((scope) => {
    const line = lineOfScope(scope);
    return { scope, ...(line !== undefined && { line }), entitled: may.has(scope), granted: has.has(scope) };
  });
}

const UNCONDITIONAL = "it has no condition";

function traceRule(rule: PolicyRule, input: EvaluationInput): RuleTrace {
  const { id, effect, line } = rule;
  const mode = rule.mode ?? "enforce";
  const common = { rule: id, ...(line !== undefined && { line }), effect, mode } as const;
  if (!rule.applies(input.call)) {
    return { ...common, result: "other", why: `names ${rule.patterns.map(({ pattern }) => pattern).join(", ")}` };
  }
  const { condition } = rule;
  if (condition === undefined) return { ...common, result: "holds", why: UNCONDITIONAL };
  try {
    const holds = condition.evaluate(input) === true;
    return { ...common, result: holds ? "holds" : "does not hold", why: condition.text.trim() };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { ...common, result: "failed", why: `${why} in ${condition.text.trim()}` };
  }
}

function invalid(error: McpError): Explanation {
  return {
    allow: false,
    outcome: "invalid",
    rule: "protocol",
    reason: error.message,
    because: error.message,
    missingScopes: [],
    notEntitled: [],
    recorded: [],
    target: "",
    scopes: [],
    rules: [],
  };
}
