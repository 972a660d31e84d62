import type { LogReport, ReadRecord } from "../decision-log/index.js";
import { ruleSentence } from "../policy/rule-reason.js";

type ChainReport = LogReport["chains"][number];

/** What `log verify` found, for people. */
export function formatLogReport({ chains, problems }: LogReport): string {
  const lines = chains.map(chainLine);
  for (const { kind, writer, file, message } of problems) {
    lines.push(`  ✗ ${kind}: chain ${writer}${file === undefined ? "" : `, ${file}`}: ${message}`);
  }
  const decisions = chains.reduce((sum, { records }) => sum + records, 0);
  const what = `${count(decisions, "decision")} in ${count(chains.length, "chain")}`;
  lines.push(problems.length === 0 ? `${what}: nothing is wrong.` : `${what}: ${count(problems.length, "problem")}.`);
  return lines.join("\n");
}

function chainLine(chain: ChainReport): string {
  const { writer, records, ended, removed, lost } = chain;
  const tail = ended ? "closed by its writer" : tailOf(chain);
  const notes = [
    ...(removed > 0 ? [`records 0 to ${removed - 1} removed by retention`] : []),
    ...(lost > 0 ? [`${count(lost, "decision")} let through without a record`] : []),
  ];
  return [`  chain ${writer}: ${count(records, "decision")}; ${tail}`, ...notes].join("; ");
}

function tailOf({ complete, checkpoint, head, removed }: ChainReport): string {
  if (complete < 0) return "nothing is signed yet: all of it unknown";
  const last = head?.seq ?? removed - 1;
  const unsigned = last > complete ? ` (records ${complete + 1} to ${last} fit together and are not signed)` : "";
  const upTo = complete > checkpoint ? `record ${complete}, which a head names` : `checkpoint ${complete}`;
  return `complete to ${upTo}, later unknown${unsigned}`;
}

const count = (many: number, what: string) => `${many} ${what}${many === 1 ? "" : "s"}`;

/** One record on one line, for people. Everything in it was ASCII in the log; what it decodes to is shown, not sent to the terminal. */
export function formatRecordLine(record: ReadRecord): string {
  const { time, decision, denial, server, method, kind, name, sub, client, rule, reason, because, writer, seq } =
    record;
  const when = new Date(time * 1000).toISOString().replace(".000Z", "Z");
  const what = name === undefined ? method : `${method} ${kind}s/${name}`;
  const answer = decision === "allow" ? "allow" : `deny (${denial})`;
  const words = denial === "rule" && reason !== undefined ? ruleSentence({ reason, because }) : reason;
  const why = words === undefined ? rule : `${rule}: ${words}`;
  const text = `${when}  ${answer.padEnd(14)} ${server} ${what}  ${sub} via ${client}  ${why}  [${writer}:${seq}]`;
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (unit) => `\\u{${(unit.codePointAt(0) ?? 0).toString(16)}}`);
}
