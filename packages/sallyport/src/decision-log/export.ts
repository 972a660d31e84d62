import type { ReadRecord } from "./read.js";

/** One line for each record. */
export type ExportFormat = "jsonl" | "ocsf" | "cef";

type Formatter = (record: ReadRecord, version: string) => string;

export const EXPORTS: Readonly<Record<ExportFormat, Formatter>> = {
  jsonl: (record) => JSON.stringify(record),
  ocsf: (record, version) => JSON.stringify(toOcsf(record, version)),
  cef: toCef,
};

const API_ACTIVITY = 6003;
/** OCSF activities of API Activity: what only looks is a read, what may change is an update, as far as the method tells. */
const READ = 2;
const OTHER = 99;

function severityOf({ decision, denial }: ReadRecord): { readonly ocsf: number; readonly cef: number } {
  if (decision === "allow") return { ocsf: 1, cef: 1 };
  return denial === "rule" ? { ocsf: 3, cef: 6 } : { ocsf: 2, cef: 4 };
}

/** OCSF 1.3.0 API Activity (6003) with the security control profile. */
function toOcsf(record: ReadRecord, version: string): object {
  const allowed = record.decision === "allow";
  const activity = record.kind === "tool" || record.kind === "task" ? OTHER : READ;
  return {
    class_uid: API_ACTIVITY,
    category_uid: 6,
    activity_id: activity,
    ...(activity === OTHER && { activity_name: record.method }),
    type_uid: API_ACTIVITY * 100 + activity,
    severity_id: severityOf(record).ocsf,
    time: record.time * 1000,
    duration: Math.round(record.latencyUs / 1000),
    status_id: allowed ? 1 : 2,
    ...(record.reason !== undefined && { status_detail: record.reason }),
    action_id: allowed ? 1 : 2,
    disposition_id: allowed ? 1 : 2,
    metadata: {
      version: "1.3.0",
      profiles: ["security_control"],
      product: { name: "Sallyport", vendor_name: "Sallyport", version },
      uid: `${record.writer}:${record.seq}`,
      ...(record.trace !== undefined && { correlation_uid: record.trace }),
    },
    actor: {
      user: {
        uid: record.sub,
        ...(record.names?.[0] !== undefined && { name: record.names[0] }),
        domain: record.iss,
        groups: (record.roles ?? []).map((name) => ({ name })),
      },
      app_uid: record.client,
      ...(record.session !== undefined && { session: { uid: record.session } }),
    },
    api: {
      operation: record.method,
      service: { name: record.server },
      ...(record.requestId !== undefined && { request: { uid: String(record.requestId) } }),
      version: record.revision,
    },
    ...(record.name !== undefined && { resources: [{ type: record.kind, name: record.name }] }),
    src_endpoint: { ip: record.address ?? "0.0.0.0" },
    firewall_rule: { uid: record.rule },
    unmapped: {
      scopes: record.scopes,
      entitled: record.entitled,
      actors: record.actors,
      decision_id: record.decisionId,
    },
  };
}

/** ArcSight Common Event Format, version 0: `|` and `\` escaped in the head, `=`, `\` and line breaks in the extension. */
function toCef(record: ReadRecord, version: string): string {
  const { decision, denial, method, name, kind } = record;
  const head = ["Sallyport", "Sallyport", version, `${decision}${denial === undefined ? "" : `:${denial}`}`];
  const title = `${method} ${decision === "allow" ? "allowed" : "denied"}`;
  const extension: readonly (readonly [string, string | number | undefined])[] = [
    ["rt", record.time * 1000],
    ["act", decision],
    ["outcome", decision === "allow" ? "success" : "failure"],
    ["reason", record.reason],
    ["suid", record.sub],
    ["src", record.address],
    ["requestMethod", record.http],
    ["externalId", `${record.writer}:${record.seq}`],
    ["cs1Label", "rule"],
    ["cs1", record.rule],
    ["cs2Label", "client"],
    ["cs2", record.client],
    ["cs3Label", "server"],
    ["cs3", record.server],
    ["cs4Label", kind],
    ["cs4", name ?? method],
    ["cs5Label", "issuer"],
    ["cs5", record.iss],
    ["cs6Label", "trace"],
    ["cs6", record.trace],
  ];
  const pairs = extension.flatMap(([key, value]) =>
    value === undefined ? [] : `${key}=${inExtension(String(value))}`,
  );
  const fields = [...head, title, String(severityOf(record).cef)].map(inHead);
  return `CEF:0|${fields.join("|")}|${pairs.join(" ")}`;
}

function inHead(text: string): string {
  return visible(text)
    .replace(/[\r\n]+/g, " ")
    .replace(/[\\|]/g, "\\$&");
}

function inExtension(text: string): string {
  return visible(text).replace(/[\\=]/g, "\\$&").replace(/\r/g, "\\r").replace(/\n/g, "\\n");
}

/** Other controls, line separators and halves of characters have no form here; receivers may end a line at them. */
function visible(text: string): string {
  return text.replace(/[^\P{Cc}\r\n]|[\p{Cs}\u2028\u2029]/gu, "\ufffd");
}
