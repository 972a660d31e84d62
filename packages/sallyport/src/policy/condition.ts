import { type CelEnv, celEnv, isCelError, parse } from "@bufbuild/cel";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type EvaluationInput, type JsonObject, type McpCall, UNKNOWN_ARGUMENTS } from "@sallyport/auth";
import { type ConditionProblem, checkCondition } from "./condition-check.js";
import { planLogic } from "./condition-logic.js";
import { celOfPartlyKnown, isUnknown, partlyKnown, UNKNOWN } from "./condition-unknown.js";
import { celOfObject } from "./condition-values.js";

/** A compiled CEL expression over `args`, `principal`, `call`, `time` and `request`. */
export interface Condition {
  readonly text: string;
  /** The names that it reads: `args`, `principal`, `principal.chain`, … */
  readonly reads: ReadonlySet<string>;
  /**
   * True, false, or `"unknown"`: while the arguments are unknown and the answer depends on them, the time or the request; and where it
   * depends on what is not known any more of a call that is long over (see `condition-unknown.ts`).
   * @throws Error for whatever fails: a missing member, a type that does not fit, a list over 1,000 items. That denies.
   */
  evaluate(input: EvaluationInput): boolean | "unknown";
}

/** All that is wrong with the text of one condition. */
export class ConditionError extends Error {
  override readonly name = "ConditionError";
  constructor(readonly problems: readonly ConditionProblem[]) {
    super(problems.map(({ message }) => message).join("; "));
  }
}

const ENVIRONMENT: CelEnv = celEnv();
const VOLATILE = ["args", "time", "request"] as const;

/** Compiles the text of a condition. @throws ConditionError that lists every problem with its place. */
export function compileCondition(text: string): Condition {
  const parsed = parseText(text);
  const { reads, problems } = checkCondition(parsed, ENVIRONMENT);
  if (problems.length > 0) throw new ConditionError(problems);
  const run = planLogic(ENVIRONMENT, parsed.expr);
  const readsVolatile = VOLATILE.some((name) => reads.has(name));
  return {
    text,
    reads,
    evaluate: (input) => {
      const listing = readsVolatile && input.call.arguments === UNKNOWN_ARGUMENTS;
      const answer = run(listing ? new Listed(input) : new Called(input));
      if (typeof answer === "boolean") return answer;
      if (!isCelError(answer)) throw new TypeError("the condition is neither true nor false");
      if (isUnknown(answer)) return "unknown";
      throw new Error(answer.message);
    },
  };
}

function parseText(text: string): ReturnType<typeof parse> {
  try {
    return parse(text);
  } catch (cause) {
    const at = (cause as { location?: { start?: { offset?: number } } }).location?.start?.offset ?? 0;
    const message = cause instanceof Error ? cause.message.replace(/^<input>:\d+:\d+: /, "") : String(cause);
    throw new ConditionError([{ offset: at, message: `not CEL: ${message}` }]);
  }
}

/** The bindings of one evaluation, each made when it is read. */
class Called {
  readonly #input: EvaluationInput;
  #args: unknown;

  constructor(input: EvaluationInput) {
    this.#input = input;
  }

  get args(): unknown {
    this.#args ??= argumentsOf(this.#input);
    return this.#args;
  }

  get principal(): unknown {
    const { iss, sub, client_id, scopes, roles, actor, chain, kind } = this.#input.principal;
    const members = { iss, sub, client_id, scopes, roles, kind, chain: chain.map(present) };
    return celOfObject(actor === undefined ? members : { ...members, actor: present(actor) });
  }

  get call(): unknown {
    const { call } = this.#input;
    const { server, method, kind, name, revision } = call;
    const members = present({ server, method, kind, name, revision });
    return isNameCut(call) ? celOfPartlyKnown(partlyKnown(members, name ?? "")) : celOfObject(members);
  }

  get time(): unknown {
    return timestampFromMs(this.#input.now * 1000);
  }

  get request(): unknown {
    const { method, remoteAddress } = this.#input.request;
    return celOfObject(present({ method, remoteAddress }));
  }
}

class Listed extends Called {
  override get args(): unknown {
    return UNKNOWN;
  }

  override get time(): unknown {
    return UNKNOWN;
  }

  override get request(): unknown {
    return UNKNOWN;
  }
}

function argumentsOf({ call: { arguments: args } }: EvaluationInput): unknown {
  if (typeof args !== "object") return celOfObject({});
  return celOfPartlyKnown(args) ?? celOfObject(args);
}

/** Calls whose name was not recorded whole. */
const CUT = new WeakSet<McpCall>();

/** From now on conditions do not know the name of `call`. Answers the same call. */
export function withNameCut(call: McpCall): McpCall {
  CUT.add(call);
  return call;
}

function isNameCut(call: McpCall): boolean {
  return CUT.has(call);
}

/** What is not there is missing, as `has()` understands it, and not null. */
function present(members: object): JsonObject {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
