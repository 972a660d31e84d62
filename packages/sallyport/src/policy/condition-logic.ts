import { type CelEnv, celError, isCelError, plan } from "@bufbuild/cel";
import { isUnknown, UNKNOWN } from "./condition-unknown.js";

type Expr = Parameters<typeof plan>[1];
/** One evaluation: true, false, a value, or a CelError. */
export type Run = (bindings: object) => unknown;

/**
 * CEL's `&&`, `||` and `!` around what the engine evaluates, with the engine's own rules: an operand that settles the answer settles it,
 * whatever else failed. The engine merges errors by the message of the first and forgets what that one was merged of; here "not known"
 * is never lost among other errors, since a list must not hide a tool, nor a replay guess, because of one.
 */
export function planLogic(environment: CelEnv, expr: Expr): Run {
  const { case: kind, value } = (expr as { exprKind: { case: string; value: unknown } }).exprKind;
  if (kind === "callExpr") {
    const { function: name, args } = value as { readonly function: string; readonly args: readonly Expr[] };
    const operands = () => args.map((arg) => planLogic(environment, arg));
    if (name === "_&&_") return settledBy(false, operands());
    if (name === "_||_") return settledBy(true, operands());
    if (name === "!_" && args.length === 1) return negated(operands()[0] as Run);
  }
  return plan(environment, expr) as Run;
}

function settledBy(settles: boolean, operands: readonly Run[]): Run {
  return (bindings) => {
    let failed: unknown;
    for (const run of operands) {
      const answer = asBoolean(run(bindings));
      if (answer === settles) return settles;
      if (typeof answer !== "boolean" && (failed === undefined || isUnknown(answer))) {
        failed = isUnknown(answer) ? UNKNOWN : answer;
      }
    }
    return failed ?? !settles;
  };
}

function negated(run: Run): Run {
  return (bindings) => {
    const answer = asBoolean(run(bindings));
    return typeof answer === "boolean" ? !answer : answer;
  };
}

function asBoolean(answer: unknown): unknown {
  return typeof answer === "boolean" || isCelError(answer) ? answer : celError("type mismatch: expected bool");
}
