import type { Explanation, RuleTrace, ScopeTrace } from "../policy/explain.js";

export interface Asked {
  readonly file: string;
  readonly server: string;
  readonly sub: string;
  /** Nothing was known of the tool. */
  readonly assumed: boolean;
}

/** The answer for a person: the decision first, then what decided, then everything that had a say. */
export function formatExplanation(answer: Explanation, asked: Asked): string {
  const who = `${asked.sub} ${answer.allow ? "may" : "may not"} use ${answer.target || "this"} on ${asked.server}`;
  return [
    `${answer.allow ? "ALLOW" : "DENY "}  ${who}`,
    row("decided by", placed(answer.rule, asked.file, answer.line)),
    row("because", answer.reason),
    ...(answer.because === undefined ? [] : [row("the caller reads", answer.because)]),
    ...(answer.missingScopes.length === 0
      ? []
      : [row("would change it", `the scope ${answer.missingScopes.join(" ")}`)]),
    ...(answer.outcome === "unknown" && answer.notEntitled.length > 0
      ? [
          row(
            "not entitled to",
            `${answer.notEntitled.join(" ")}: see \`access\` (with --role) or \`sallyport user allow\``,
          ),
        ]
      : []),
    ...answer.recorded.map((rule) => row("in record mode", `${rule} would deny`)),
    ...(asked.assumed ? [row("assumed", "annotations of the tool; name them with --catalogue or --read-only")] : []),
    ...section(
      "Scopes that permit it",
      answer.scopes.map((scope) => formatScope(scope, asked.file)),
    ),
    ...section(
      "Rules",
      answer.rules.map((rule) => formatRule(rule, asked.file)),
    ),
  ].join("\n");
}

const row = (name: string, text: string) => `  ${name.padEnd(17)}${text}`;

function place(file: string, line: number | undefined): string {
  return line === undefined ? "" : `  (${file}:${line})`;
}

/** A rule of a file is called by its place already. */
function placed(rule: string, file: string, line: number | undefined): string {
  return rule.includes("@") ? rule : `${rule}${place(file, line)}`;
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ["", title, ...lines.map((line) => `  ${line}`)];
}

function formatScope({ scope, entitled, granted, line }: ScopeTrace, file: string): string {
  const states = [entitled ? "entitled" : "not entitled", granted ? "granted" : "not granted"];
  return `${scope}  ${states.join(", ")}${place(file, line)}`;
}

const RESULTS: Readonly<Record<RuleTrace["result"], string>> = {
  holds: "holds",
  "does not hold": "does not hold",
  failed: "failed",
  other: "does not match",
};

function formatRule({ rule, effect, mode, result, why, line }: RuleTrace, file: string): string {
  const recording = mode === "record" ? " (record)" : "";
  const text = why.replace(/\s+/g, " ");
  return `${placed(rule, file, line)}  ${effect}${recording}  ${RESULTS[result]}: ${text}`;
}
