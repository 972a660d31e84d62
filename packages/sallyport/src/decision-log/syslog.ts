import type { ReadRecord } from "./read.js";

/** RFC 5424 §6.2.1: 13 is "log audit". */
const FACILITY = 13;
/** What happened as it should, what somebody has to ask for first, what a rule refused. */
const INFORMATIONAL = 6;
const NOTICE = 5;
const WARNING = 4;

/** RFC 5424 §6.4: a message in UTF-8 begins with a byte order mark. */
const BOM = "\ufeff";

function severityOf({ decision, denial }: ReadRecord): number {
  if (decision === "allow") return INFORMATIONAL;
  return denial === "rule" ? WARNING : NOTICE;
}

/** §6.2.4 and following: printable ASCII without spaces, cut to its length, or `-`. */
function field(text: string, longest: number): string {
  return text.replace(/[^\x21-\x7e]/g, "_").slice(0, longest) || "-";
}

/** One message of RFC 5424, with the export's line as its text. `host` is the machine's name, `pid` the process. */
export function formatSyslog(
  record: ReadRecord,
  text: string,
  { host, pid }: { readonly host: string; readonly pid: number },
): string {
  const time = new Date(record.time * 1000).toISOString().replace(".000Z", "Z");
  const head = [
    `<${FACILITY * 8 + severityOf(record)}>1`,
    ...[time, field(host, 255), "sallyport", field(String(pid), 128), field(record.decision, 32), "-"],
  ];
  // Nothing in a line of an export is a control character but what its own form escapes; a break would end the message for many receivers.
  const message = text.replace(/[\r\n]+/g, " ");
  return `${head.join(" ")} ${/[^\0-\x7e]/.test(message) ? BOM : ""}${message}`;
}

/** RFC 6587 §3.4.1: the number of octets, a space, the message; so that no text inside can end it. */
export function frameOctets(message: string): Buffer {
  const bytes = Buffer.from(message, "utf8");
  return Buffer.concat([Buffer.from(`${bytes.length} `, "latin1"), bytes]);
}
