import { createTraceState, type SpanContext } from "@opentelemetry/api";
import type { HeaderLookup, JsonObject, McpBody } from "@sallyport/auth";

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const MAX_TRACESTATE = 512;

/**
 * W3C Trace Context §3.2. `undefined` for whatever is malformed: then there is no parent. Versions to come may have more after the flags, `00`
 * may not, and `ff` is none.
 */
export function parseTraceparent(traceparent: unknown, tracestate?: unknown): SpanContext | undefined {
  if (typeof traceparent !== "string") return undefined;
  const [, version, traceId = "", spanId = "", flags = "", more] = TRACEPARENT.exec(traceparent) ?? [];
  if (version === undefined || version === "ff" || (version === "00" && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  const state = typeof tracestate === "string" && tracestate.length <= MAX_TRACESTATE ? tracestate : undefined;
  return {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & 1,
    isRemote: true,
    ...(state !== undefined && { traceState: createTraceState(state) }),
  };
}

/** The header of our own span for a server behind HTTP. */
export function formatTraceparent({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
}

export interface Parents {
  readonly parent: SpanContext | undefined;
  /** The other one, where header and body name different spans. */
  readonly linked: SpanContext | undefined;
}

/**
 * Under which span a request belongs: what the last hop says in the header, else what MCP carries in `params._meta` (2026-07-28, SEP-414).
 * Where both are there and differ, a proxy between has made spans of its own, or somebody is wrong; neither is refused, the header is the
 * parent and the body's span is linked.
 */
export function findParents(header: HeaderLookup, { batch, messages }: McpBody): Parents {
  const ofHeader = parseTraceparent(header("traceparent"), header("tracestate"));
  const [first] = messages;
  const params = batch || first === undefined || first.type === "response" ? undefined : first.params;
  const meta = params?._meta as JsonObject | undefined;
  const ofBody = parseTraceparent(meta?.traceparent, meta?.tracestate);
  if (ofHeader === undefined || ofBody === undefined) return { parent: ofHeader ?? ofBody, linked: undefined };
  const same = ofHeader.traceId === ofBody.traceId && ofHeader.spanId === ofBody.spanId;
  return { parent: ofHeader, linked: same ? undefined : ofBody };
}
