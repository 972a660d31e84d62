import type { ReplayGroup, ReplayReport } from "../policy/replay-report.js";
import { showText } from "../policy/tool-changes.js";

/** Groups of one kind that are printed; `--json` has them all. */
const SHOWN = 50;
const CALLERS = 5;

const ANSWERS: Readonly<Record<ReplayGroup["after"], string>> = {
  allow: "allowed",
  rule: "denied",
  scope: "step-up",
  unknown: "as if missing",
  undecidable: "undecidable",
};

/** What a replay found, for people. Everything that a caller chose is shown, and not sent to the terminal. */
export function formatReplay(report: ReplayReport, file: string): string {
  const { records, unchanged, changed, undecidable, changes, open, recorded, unsure } = report;
  const refused = changes.filter(({ after }) => after !== "allow");
  const permitted = changes.filter(({ after }) => after === "allow");
  const sections = [
    section("would be refused, or refused otherwise", refused),
    section("would be allowed", permitted),
    section("cannot be decided from what was recorded", open),
    section("would be refused by rules in record mode, which change nothing yet", recorded),
    section("rules in record mode that cannot tell from what was recorded", unsure),
  ];
  const total = `${count(records)} replayed with ${file}: ${count(changed)} would change, ${count(unchanged)} would not`;
  const rest = undecidable === 0 ? "" : `, ${count(undecidable)} cannot be decided`;
  return [...sections.flat(), `${total}${rest}.`].join("\n");
}

const count = (many: number) => many.toLocaleString("en");

function section(title: string, groups: readonly ReplayGroup[]): readonly string[] {
  if (groups.length === 0) return [];
  const rest = groups.length - SHOWN;
  const more = rest > 0 ? [`  … and ${count(rest)} more; --json has them all`] : [];
  return [title, ...groups.slice(0, SHOWN).flatMap(groupLines), ...more, ""];
}

function groupLines({
  server,
  target,
  before,
  after,
  rule,
  reason,
  why = reason,
  ...group
}: ReplayGroup): readonly string[] {
  const callers = Object.entries(group.callers).sort(([, a], [, b]) => b - a);
  const named = callers.slice(0, CALLERS).map(([caller, calls]) => `${showText(caller)} (${count(calls)})`);
  const others = callers.length > CALLERS ? `, ${count(callers.length - CALLERS)} more` : "";
  const when = group.first === group.last ? timeOf(group.first) : `${timeOf(group.first)} to ${timeOf(group.last)}`;
  const change = before === after ? ANSWERS[after] : `${ANSWERS[before]} → ${ANSWERS[after]}`;
  const what = [server, showText(target)].filter((part) => part !== "").join(" ");
  return [
    `  ${count(group.count)} × ${what}: ${change}, by ${showText(rule)}: ${showText(why)}`,
    `      ${named.join(", ")}${others}; ${when}; for example ${group.examples.join(" ")}`,
  ];
}

const timeOf = (seconds: number) => new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
