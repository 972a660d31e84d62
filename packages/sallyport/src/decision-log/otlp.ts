import type { ReadRecord } from "./read.js";

/** OpenTelemetry, severity numbers of the log data model: INFO, WARN. */
const INFO = 9;
const WARN = 13;

/** Names of the OpenTelemetry conventions where there is one, and our own under `sallyport.`. */
const ATTRIBUTES: readonly (readonly [name: string, of: (record: ReadRecord) => string | undefined])[] = [
  ["event.name", () => "sallyport.decision"],
  ["log.record.uid", ({ writer, seq }) => `${writer}:${seq}`],
  ["mcp.method.name", ({ method }) => method],
  ["gen_ai.tool.name", ({ kind, name }) => (kind === "tool" ? name : undefined)],
  ["mcp.resource.uri", ({ kind, name }) => (kind === "resource" ? name : undefined)],
  ["gen_ai.prompt.name", ({ kind, name }) => (kind === "prompt" ? name : undefined)],
  ["enduser.id", ({ sub }) => sub],
  ["client.address", ({ address }) => address],
  ["sallyport.server", ({ server }) => server],
  ["sallyport.client", ({ client }) => client],
  ["sallyport.decision", ({ decision }) => decision],
  ["sallyport.denial", ({ denial }) => denial],
  ["sallyport.rule", ({ rule }) => rule],
];

/** The body of one `POST /v1/logs` (OTLP 1.x over HTTP, JSON encoding): 64-bit numbers are texts, trace ids hexadecimal. */
export function formatOtlp(
  lines: readonly { readonly record: ReadRecord; readonly text: string }[],
  about: { readonly version: string; readonly host: string },
): string {
  const text = (key: string, value: string) => ({ key, value: { stringValue: value } });
  const logRecords = lines.map(({ record, text: body }) => {
    const nanoseconds = `${record.time}000000000`;
    const denied = record.decision === "deny";
    return {
      timeUnixNano: nanoseconds,
      observedTimeUnixNano: nanoseconds,
      severityNumber: denied ? WARN : INFO,
      severityText: denied ? "WARN" : "INFO",
      body: { stringValue: body },
      attributes: ATTRIBUTES.flatMap(([key, of]) => {
        const value = of(record);
        return value === undefined ? [] : [text(key, value)];
      }),
      ...(record.trace !== undefined && { traceId: record.trace }),
    };
  });
  const attributes = [
    text("service.name", "sallyport"),
    text("service.version", about.version),
    text("host.name", about.host),
  ];
  const scopeLogs = [{ scope: { name: "sallyport.decisions", version: about.version }, logRecords }];
  return JSON.stringify({ resourceLogs: [{ resource: { attributes }, scopeLogs }] });
}
