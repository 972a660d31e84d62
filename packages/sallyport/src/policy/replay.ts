import {
  type CallGlob,
  createCallGlob,
  type Decision,
  type Denied,
  type EvaluationInput,
  evaluate,
  type JsonObject,
  judgedCalls,
  type McpCall,
  type Policy,
  parseJson,
  type Revision,
  type Rule,
  targetOf,
} from "@sallyport/auth";
import type { Config } from "../config/schema.js";
import { withNameCut } from "./condition.js";
import { LOST_ARGUMENTS, partlyKnown } from "./condition-unknown.js";
import { CUT, entitledOf, isNameCut, listOf, type RecordedQuestion } from "./recorded.js";
import { ruleSentence } from "./rule-reason.js";
import { createServerPolicy, type ServerPolicy } from "./server-policy.js";

/** What one record has to itself. */
export interface RecordedMoment {
  /** Integer seconds. */
  readonly time: number;
  /** The call had arguments. */
  readonly committed: boolean;
  /** Conditions could not read them. */
  readonly inexact: boolean;
  /** JSON text of what was kept of them; `undefined`: nothing. */
  keptArguments(): string | undefined;
}

export type Answer = "allow" | Denied["kind"];

/** One recorded call as another policy answers it. */
export interface Replayed {
  /** `undecidable`: it depends on what was not recorded, and is not guessed. */
  readonly answer: Answer | "undecidable";
  /** What decides: a rule, `scope:<name>` or `default`. Of an undecidable one: what would have to be known for it. */
  readonly rule: string;
  readonly reason: string;
  /** Where a rule denies: the reason as `explain` says it, and what the caller would be told. */
  readonly why?: string;
  /** Rules in record mode that would have denied. */
  readonly recorded: readonly string[];
  /** Rules in record mode that cannot tell whether they would have. */
  readonly unsure: readonly string[];
}

export interface ReplayOptions {
  readonly config: Pick<Config, "rules" | "servers" | "source">;
  /** The text that stands for a part of arguments that was not kept. */
  readonly redacted: string;
}

/** Decides recorded calls anew. `question` is the same object for records that agree in all of it: what was found out is kept by it. */
export type Replay = (question: RecordedQuestion, moment: RecordedMoment) => Replayed;

/**
 * Decides recorded calls by the policy of a file: its scopes, rules and `access`; tools by what the catalogue said then, and entitlements by
 * the names, roles and additions of then. Where the file has no `access`, what was entitled then is. Nothing is guessed: what depends on
 * arguments or on a part of a name that was not recorded is undecidable.
 */
export function createReplay({ config, redacted }: ReplayOptions): Replay {
  const servers = new Map(Object.entries(config.servers).map(([name]) => [name, createReplayServer(config, name)]));
  const prepared = new WeakMap<RecordedQuestion, Prepared>();
  return (question, moment) => {
    const server = servers.get(question.server);
    if (server === undefined) return NO_SERVER;
    if (question.kind === "request" && question.rule === "protocol") return UNREADABLE;
    let known = prepared.get(question);
    if (known === undefined) {
      known = prepare(question, server);
      prepared.set(question, known);
    }
    return answerOf(known, moment, redacted);
  };
}

/** The same policy with every rule enforced, whatever mode it is in. */
export function enforceAll<T extends Pick<Config, "rules" | "servers">>(config: T): T {
  const enforced = (rules: Config["rules"]) => rules.map(({ mode: _, ...rule }) => rule);
  const servers = Object.entries(config.servers).map(
    ([name, server]) => [name, { ...server, mode: "enforce" as const, rules: enforced(server.rules) }] as const,
  );
  return { ...config, rules: enforced(config.rules), servers: Object.fromEntries(servers) };
}

const NOTHING_RECORDED = { recorded: [], unsure: [] } as const;
const NO_SERVER: Replayed = {
  answer: "unknown",
  rule: "default",
  reason: "no such server in the file",
  ...NOTHING_RECORDED,
};

/** Stands in the log instead of a scope. */
export const QUARANTINE = "quarantine";

/** What a server asked and nobody could read is refused whatever the rules are. */
const UNREADABLE: Replayed = {
  answer: "rule",
  rule: "protocol",
  reason: "what the server asked could not be read",
  ...NOTHING_RECORDED,
};

interface ReplayServer {
  readonly current: ServerPolicy;
  /** Refuses where a condition cannot tell, and says that it met one. */
  readonly worst: Watched;
  /** Lets through where a condition cannot tell. */
  readonly best: Wrap;
  /** Everything that names of calls are matched with. */
  readonly globs: readonly CallGlob[];
  /** What the catalogue says of the tool in question. */
  says(toolScope: string | undefined): void;
}

/** The same rule with another say about what its condition answers; the same one each time. */
type Wrap = (rule: Rule) => Rule;

interface Watched {
  readonly wrap: Wrap;
  /** Rules that could not tell since the last look. */
  met(): readonly string[];
}

const NONE: readonly string[] = [];

function createReplayServer(config: ReplayOptions["config"], name: string): ReplayServer {
  const server = config.servers[name];
  if (server === undefined) throw new TypeError(`replay: no server ${JSON.stringify(name)}`);
  let toolScope: string | undefined;
  const current = createServerPolicy(
    config,
    { name, config: server },
    {
      scopeOf: () => toolScope,
      isQuarantined: () => toolScope === QUARANTINE,
    },
  );
  const ofScopes = Object.values(server.scopes ?? {}).flatMap(({ allow = [] }) => allow.map(createCallGlob));
  return {
    current,
    worst: watch(),
    best: wrapWith((rule, answer) => (answer === "unknown" ? rule.effect === "allow" : answer)),
    globs: [...ofScopes, ...current.rules.flatMap(({ patterns }) => patterns)],
    says: (scope) => {
      toolScope = scope;
    },
  };
}

type Answered = boolean | "unknown";

function watch(): Watched {
  let met: readonly string[] | undefined;
  return {
    wrap: wrapWith((rule, answer) => {
      if (answer === "unknown") met = [...(met ?? NONE), rule.id];
      return answer;
    }),
    met: () => {
      const those = met ?? NONE;
      met = undefined;
      return those;
    },
  };
}

function wrapWith(say: (rule: Rule, answer: Answered) => Answered): Wrap {
  const wrapped = new Map<Rule, Rule>();
  return (rule) => {
    const { when } = rule;
    if (when === undefined) return rule;
    const known = wrapped.get(rule) ?? { ...rule, when: (input: EvaluationInput) => say(rule, when(input)) };
    wrapped.set(rule, known);
    return known;
  };
}

/** What is found out once about one question: which scopes permit it and which rules apply, whatever its arguments are. */
function policyFor(policy: Policy, call: McpCall, wrap: Wrap): Policy {
  const applying = (policy.rulesFor?.(call) ?? policy.rules.filter((rule) => rule.applies(call))).map(wrap);
  const permitting = policy.permittedBy(call);
  return { hierarchy: policy.hierarchy, permittedBy: () => permitting, rules: applying, rulesFor: () => applying };
}

/** A question with everything that does not change from one record to the next. */
interface Prepared {
  readonly question: RecordedQuestion;
  /** The policies of the server as far as they speak of this question. */
  readonly worst: Policy;
  readonly best: Policy;
  met(): readonly string[];
  readonly input: Omit<EvaluationInput, "now">;
  readonly readsArguments: boolean;
  readonly readsTime: boolean;
  readonly isCut: boolean;
  /** The answer where the rest of the name would have to be known. */
  readonly undecided: Replayed | undefined;
  /** The last answer and the arguments it was for: they repeat themselves at once or not at all. Only where the time does not matter. */
  last: { readonly args: string; readonly answer: Replayed } | undefined;
}

function prepare(question: RecordedQuestion, server: ReplayServer): Prepared {
  const call = callOf(question);
  const applying = server.current.rules.filter((rule) => rule.applies(call));
  const reads = (name: string) => applying.some(({ condition }) => condition?.reads.has(name));
  const isCut = isNameCut(question);
  const [actor, ...chain] = question.actors ?? [];
  const { iss, sub, client, http, address } = question;
  server.says(question.toolScope);
  const judgedCall = isCut ? withNameCut(call) : call;
  return {
    question,
    worst: policyFor(server.current.policy, judgedCall, server.worst.wrap),
    best: policyFor(server.current.policy, judgedCall, server.best),
    met: server.worst.met,
    input: {
      principal: {
        ...{ iss, sub, client_id: client, actor, chain, roles: question.roles ?? [] },
        kind: question.asClient ? "client" : "user",
        scopes: listOf(question.scopes),
        // No condition reads these.
        ...{ sid: undefined, jti: undefined, cnf: undefined, exp: 0, iat: 0 },
      },
      entitled: entitledOf(question, server.current),
      call: judgedCall,
      request: { method: http, remoteAddress: address },
    },
    readsArguments: reads("args"),
    readsTime: reads("time"),
    isCut,
    undecided: isCut && !server.globs.every((glob) => isDecided(glob, targetOf(call) ?? "")) ? NAME_CUT : undefined,
    last: undefined,
  };
}

function callOf({ server, method, kind, name, revision }: RecordedQuestion): McpCall {
  return { server, method, kind, name, revision: revision as Revision, arguments: undefined };
}

const NAME_CUT: Replayed = {
  answer: "undecidable",
  rule: "default",
  reason: "the name was not recorded whole",
  ...NOTHING_RECORDED,
};
const DETAILS_UNKNOWN: Replayed = {
  answer: "undecidable",
  rule: "default",
  reason: "the token held single calls, and what they allow was not recorded",
  ...NOTHING_RECORDED,
};
/** Whether what is left of a cut name says by itself if the whole matches; where it does, what is left matches just so. */
function isDecided({ pattern, exact, prefix }: CallGlob, target: string): boolean {
  const known = target.slice(0, -CUT.length);
  if (exact !== undefined) return !exact.startsWith(known);
  if (!known.startsWith(prefix)) return !prefix.startsWith(known);
  const rest = pattern.slice(pattern.indexOf("*"));
  return rest === "**" || (rest === "*" && known.slice(prefix.length).includes("/"));
}

function answerOf(prepared: Prepared, moment: RecordedMoment, redacted: string): Replayed {
  if (prepared.undecided !== undefined) return prepared.undecided;
  const { readsTime, last } = prepared;
  const readsArguments = prepared.readsArguments && moment.committed;
  const kept = readsArguments ? moment.keptArguments() : undefined;
  // No JSON of an object is one of these words.
  const args = !readsArguments ? "none" : moment.inexact ? "unreadable" : (kept ?? "lost");
  if (last?.args === args && !readsTime) return last.answer;
  const decided = decide(prepared, readsArguments ? argumentsOf(kept, redacted) : undefined, moment);
  const answer = decided.answer === "scope" && prepared.question.details !== undefined ? DETAILS_UNKNOWN : decided;
  prepared.last = { args, answer };
  return answer;
}

function argumentsOf(kept: string | undefined, redacted: string): JsonObject {
  if (kept === undefined) return LOST_ARGUMENTS;
  const args = parseJson(kept) as JsonObject;
  return kept.includes(redacted) ? partlyKnown(args, redacted) : args;
}

/**
 * Where conditions cannot tell, the answer is looked for at both ends: as if each of them refused, and as if none did. More refusing never
 * allows, so that two equal answers are the answer.
 */
function decide(prepared: Prepared, args: JsonObject | undefined, moment: RecordedMoment): Replayed {
  const { input, worst, best } = prepared;
  const asked = Object.assign({}, input, { call: callWith(prepared, args, moment), now: moment.time });
  const atWorst = evaluate(worst, asked);
  const met = prepared.met();
  if (met.length === 0) return replayed(atWorst, worst);
  const atBest = evaluate(best, asked);
  if (answerIn(atBest) === answerIn(atWorst)) {
    const sure = replayed(atBest, best);
    return { ...sure, unsure: replayed(atWorst, worst).recorded.filter((rule) => !sure.recorded.includes(rule)) };
  }
  const reason = "a condition reads what was not kept of the arguments, or of the name";
  return { answer: "undecidable", rule: met[0] ?? "default", reason, ...NOTHING_RECORDED };
}

/** Conditions that could not read a body's arguments then cannot now. */
function callWith(
  { input: { call }, isCut }: Prepared,
  args: JsonObject | undefined,
  { inexact }: RecordedMoment,
): McpCall {
  if (args === undefined) return call;
  const [asked = call] = judgedCalls({ inexactNumbers: inexact }, [Object.assign({}, call, { arguments: args })]);
  return isCut ? withNameCut(asked) : asked;
}

const answerIn = (decision: Decision): Answer => (decision.outcome === "allow" ? "allow" : decision.kind);

function replayed(decision: Decision, { rules }: Policy): Replayed {
  const allowed = decision.outcome === "allow";
  return {
    answer: answerIn(decision),
    rule: decision.rule,
    reason: allowed ? "allowed" : decision.reason,
    ...(!allowed &&
      decision.kind === "rule" && {
        why: ruleSentence(decision, rules.find(({ id }) => id === decision.rule)?.when !== undefined),
      }),
    recorded: allowed ? (decision.recorded ?? []).map(({ rule }) => rule) : [],
    unsure: [],
  };
}
