import type { CelEnv, CelFunc, parse } from "@bufbuild/cel";
import {
  ANY,
  BOOL,
  describeKinds,
  itemOf,
  type Kind,
  kindsOfType,
  NUMBERS,
  ROOTS,
  type Shape,
  shapeOf,
  TYPE_NAMES,
  union,
} from "./condition-shapes.js";

type Parsed = ReturnType<typeof parse>;
export type Expr = Parsed["expr"];

/** One thing wrong with a condition; `offset` is where in its text, in UTF-16 units. */
export interface ConditionProblem {
  readonly offset: number;
  readonly message: string;
}

export interface CheckedCondition {
  /** The names of {@link ROOTS} that it reads, and `principal.chain`. */
  readonly reads: ReadonlySet<string>;
  readonly problems: readonly ConditionProblem[];
}

type Scope = ReadonlyMap<string, Shape>;
type Case<Name extends string> = Extract<Expr["exprKind"], { case: Name }>["value"];

/**
 * Walks a condition and finds what would make it fail whenever it is evaluated: names and functions that do not exist, operations that no
 * type of their operands has, an answer that is not true or false; and what costs too much: going through arguments for each item of
 * arguments, and patterns of regular expressions that a caller chooses. What may hold or fail is left to the evaluation, where failing denies.
 */
export function checkCondition(parsed: Parsed, env: CelEnv): CheckedCondition {
  const walk = new Walk(parsed, env);
  const answer = walk.shape(parsed.expr, new Map());
  if (!answer.kinds.has("bool")) {
    walk.say(parsed.expr, `the condition is ${describeKinds(answer)}; it must be true or false`);
  }
  return { reads: walk.reads, problems: walk.problems };
}

/** Operators, as people write them. */
const WRITTEN: Readonly<Record<string, string>> = { "@in": "in", "-_": "-", "!_": "!", "_[_]": "[]" };
const written = (name: string) => WRITTEN[name] ?? name.replaceAll("_", "");

interface Cost {
  readonly name: string;
  readonly args: readonly Expr[];
  readonly given: readonly Shape[];
  /** Arguments themselves are among the operands, and not only an item of them. */
  readonly readsArguments: boolean;
}

/** What takes no longer for a longer operand than the other one is long. */
const CHEAP: ReadonlySet<string> = new Set(["_<_", "_<=_", "_>_", "_>=_", "@in", "startsWith", "endsWith"]);

class Walk {
  readonly problems: ConditionProblem[] = [];
  readonly reads = new Set<string>();
  readonly #positions: Readonly<Record<string, number>>;
  readonly #env: CelEnv;
  /** How many loops over arguments are around the expression. */
  #loops = 0;
  /** How often `args` was met so far. */
  #argsMet = 0;

  constructor(parsed: Parsed, env: CelEnv) {
    this.#positions = parsed.sourceInfo?.positions ?? {};
    this.#env = env;
  }

  say(expr: Expr, message: string): Shape {
    this.problems.push({ offset: this.#positions[String(expr.id)] ?? 0, message });
    return ANY;
  }

  shape(expr: Expr, scope: Scope): Shape {
    const { exprKind: kind } = expr;
    switch (kind.case) {
      case "constExpr":
        return shapeOf(CONSTANTS[kind.value.constantKind.case ?? ""] ?? "null");
      case "identExpr":
        return this.#ident(expr, kind.value.name, scope);
      case "selectExpr":
        return this.#select(expr, kind.value, scope);
      case "callExpr":
        return this.#call(expr, kind.value, scope);
      case "listExpr":
        return { kinds: new Set<Kind>(["list"]), ...this.#items(kind.value.elements, scope) };
      case "structExpr":
        return this.#struct(expr, kind.value, scope);
      case "comprehensionExpr":
        return this.#loop(expr, kind.value, scope);
      default:
        return this.say(expr, "this form is not available in conditions");
    }
  }

  #ident(expr: Expr, name: string, scope: Scope): Shape {
    const known = scope.get(name);
    if (known !== undefined) return known;
    if (Object.hasOwn(ROOTS, name)) {
      this.reads.add(name);
      if (name === "args") this.#argsMet++;
      return ROOTS[name] ?? ANY;
    }
    if (TYPE_NAMES.has(name)) return shapeOf("type");
    return this.say(expr, `unknown name ${JSON.stringify(name)}; a condition has ${Object.keys(ROOTS).join(", ")}`);
  }

  #select(expr: Expr, { operand, field, testOnly }: Case<"selectExpr">, scope: Scope): Shape {
    if (operand === undefined) return this.say(expr, "a member of nothing");
    const from = this.shape(operand, scope);
    const found = this.#member(expr, from, field);
    if (operand.exprKind.case === "identExpr" && operand.exprKind.value.name === "principal" && field === "chain") {
      this.reads.add("principal.chain");
    }
    return testOnly ? BOOL : found;
  }

  #member(expr: Expr, from: Shape, field: string): Shape {
    if (!from.kinds.has("map")) return this.say(expr, `no member ${JSON.stringify(field)} in ${describeKinds(from)}`);
    if (from.members === undefined) return itemOf(from);
    const { members } = from;
    if (Object.hasOwn(members, field)) return members[field] ?? ANY;
    return this.say(expr, `no member ${JSON.stringify(field)} here; there are ${Object.keys(members).join(", ")}`);
  }

  #items(elements: readonly Expr[], scope: Scope): { readonly item?: Shape; readonly sent?: boolean } {
    if (elements.length === 0) return {};
    const item = union(elements.map((element) => this.shape(element, scope)));
    return { item, ...(item.sent && { sent: true }) };
  }

  #struct(expr: Expr, { messageName, entries }: Case<"structExpr">, scope: Scope): Shape {
    if (messageName !== "") return this.say(expr, `unknown type ${JSON.stringify(messageName)}`);
    for (const { keyKind, value } of entries) {
      if (keyKind.case === "mapKey") this.shape(keyKind.value, scope);
      if (value !== undefined) this.shape(value, scope);
    }
    return shapeOf("map");
  }

  #call(expr: Expr, { function: name, target, args }: Case<"callExpr">, scope: Scope): Shape {
    const metBefore = this.#argsMet;
    const on = target && this.shape(target, scope);
    const given = args.map((arg) => this.shape(arg, scope));
    const operator = OPERATORS[name];
    if (operator !== undefined) return operator(this, expr, given);
    this.#checkCost(expr, { name, args, given, readsArguments: this.#argsMet > metBefore });
    return this.overloaded(expr, name, { on, given });
  }

  #checkCost(expr: Expr, { name, args, given, readsArguments }: Cost): void {
    const searches = name === "@in" && given.at(-1)?.sent === true;
    const works = readsArguments && !CHEAP.has(name);
    if (this.#loops > 0 && (searches || works)) {
      this.say(expr, "this works through arguments for each item of arguments, which a caller can make slow");
    }
    if (name === "matches" && args.at(-1)?.exprKind.case !== "constExpr") {
      this.say(expr, "the pattern of matches must be written out, not taken from a value");
    }
  }

  /** By the engine's own table of functions: one that takes the kinds given must exist. */
  overloaded(
    expr: Expr,
    name: string,
    { on, given }: { readonly on?: Shape | undefined; readonly given: readonly Shape[] },
  ): Shape {
    const overloads: readonly CelFunc[] = [...(this.#env.funcs.find(name) ?? [])];
    if (overloads.length === 0) return this.say(expr, `unknown function ${JSON.stringify(name)}`);
    const fitting = overloads.filter(
      (one) =>
        (one.target === undefined) === (on === undefined) &&
        (one.target === undefined || on === undefined || takes(one.target, on)) &&
        one.arguments.length === given.length &&
        one.arguments.every((type, index) => takes(type, given[index] ?? ANY)),
    );
    if (fitting.length === 0) return this.say(expr, misfit(name, on, given));
    const sent = [on, ...given].some((shape) => shape?.sent);
    const kinds = new Set(fitting.flatMap((one) => [...kindsOfType(one.result)]));
    return { kinds, ...(sent && (kinds.has("list") || kinds.has("map")) && { sent }) };
  }

  #loop(expr: Expr, loop: Case<"comprehensionExpr">, scope: Scope): Shape {
    const { iterRange, accuInit, loopCondition, loopStep, result } = loop;
    if (!iterRange || !accuInit || !loopCondition || !loopStep || !result) return this.say(expr, "incomplete macro");
    const range = this.shape(iterRange, scope);
    if (!range.kinds.has("list") && !range.kinds.has("map")) {
      this.say(iterRange, `only lists and maps can be gone through, not ${describeKinds(range)}`);
    }
    const sent = range.sent === true;
    if (sent && this.#loops > 0) {
      this.say(expr, "this goes through arguments for each item of arguments, which a caller can make slow");
    }
    const keys = range.kinds.has("map") ? [shapeOf("string")] : [];
    const items = range.kinds.has("list") ? [itemOf(range)] : [];
    const start = this.shape(accuInit, scope);
    const grows = start.kinds.has("list");
    const accumulated: Shape = grows ? { ...start, item: ANY, sent } : start;
    const inner = new Map([
      ...scope,
      [loop.iterVar, union([...keys, ...items, shapeOf()])],
      [loop.accuVar, accumulated],
    ]);
    if (sent) this.#loops++;
    this.shape(loopCondition, inner);
    this.shape(loopStep, inner);
    if (sent) this.#loops--;
    return this.shape(result, inner);
  }
}

const CONSTANTS: Readonly<Record<string, Kind>> = {
  boolValue: "bool",
  bytesValue: "bytes",
  doubleValue: "double",
  int64Value: "int",
  nullValue: "null",
  stringValue: "string",
  uint64Value: "uint",
};

type Operator = (walk: Walk, expr: Expr, given: readonly Shape[]) => Shape;

const logical: Operator = (walk, expr, given) => {
  const odd = given.find(({ kinds }) => !kinds.has("bool"));
  return odd === undefined ? BOOL : walk.say(expr, `this needs true or false, and not ${describeKinds(odd)}`);
};

const comparison: Operator = (walk, expr, [left = ANY, right = ANY]) => {
  if (isComparable(left, right)) return BOOL;
  return walk.say(expr, `${describeKinds(left)} is never equal to ${describeKinds(right)}`);
};

/** What the engine does itself, without a table. */
const OPERATORS: Readonly<Record<string, Operator>> = {
  "_&&_": logical,
  "_||_": logical,
  "@not_strictly_false": () => BOOL,
  "_==_": comparison,
  "_!=_": comparison,
  "_?_:_": (walk, expr, [asked = ANY, yes = ANY, no = ANY]) => {
    logical(walk, expr, [asked]);
    return union([yes, no]);
  },
  "_[_]": (walk, expr, [from = ANY]) => {
    if (from.kinds.has("list") || from.kinds.has("map")) return from.members === undefined ? itemOf(from) : ANY;
    return walk.say(expr, `${describeKinds(from)} has no items`);
  },
};

/** CEL compares numbers of all types with each other, and everything else within its own. */
function isComparable(left: Shape, right: Shape): boolean {
  for (const kind of left.kinds) {
    if (right.kinds.has(kind)) return true;
    if (NUMBERS.has(kind) && [...NUMBERS].some((number) => right.kinds.has(number))) return true;
  }
  return false;
}

function takes(type: CelFunc["result"], given: Shape): boolean {
  for (const kind of kindsOfType(type)) if (given.kinds.has(kind)) return true;
  return false;
}

function misfit(name: string, on: Shape | undefined, given: readonly Shape[]): string {
  const shown = [...(on === undefined ? [] : [on]), ...given].map(describeKinds).join(", ");
  const hint =
    [...given].some(({ sent }) => sent) && given.some(({ kinds }) => kinds.size === 1 && kinds.has("int"))
      ? " (a JSON number is a double: write 1.0 instead of 1)"
      : "";
  return `${JSON.stringify(written(name))} cannot be applied to ${shown}${hint}`;
}
