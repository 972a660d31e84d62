import type { Denied } from "@sallyport/auth";

/**
 * Why a rule denies, in the words that everybody reads: `explain`, `replay` and the log. The reason of a decision itself is for programs.
 * `conditional`: whether the rule has a condition, where the file is at hand.
 */
export function ruleReason(reason: string, conditional?: boolean): string {
  const [, failure] = /^deny rule failed: (.*)$/s.exec(reason) ?? [];
  if (failure !== undefined) return `the condition of this deny rule fails, which denies: ${failure}`;
  if (reason === "deny rule unknown") return "the condition of this deny rule cannot be told, which denies";
  if (reason === "no allow rule holds") return "an allow rule names it, and no allow rule that does holds";
  if (reason !== "deny rule applies") return reason;
  if (conditional === undefined) return "this deny rule applies";
  return conditional ? "the condition of this deny rule holds" : "this deny rule names it and has no condition";
}

/** The same with what the caller is told. */
export function ruleSentence(
  { reason, because }: { readonly reason: string; readonly because?: Denied["because"] | undefined },
  conditional?: boolean,
): string {
  const words = ruleReason(reason, conditional);
  return because === undefined ? words : `${words}: “${because}”`;
}
