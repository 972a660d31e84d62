import {
  type Attributes,
  type Context,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import type { Observed } from "./observed.js";
import type { Ended, Following, Sink, UpstreamEnded } from "./observer.js";
import { findParents, formatTraceparent } from "./trace-context.js";

/** The tracer of an SDK that the operator has loaded; `undefined` where there is none, so that nothing is done for nobody. */
export function findTracer(version: string): Tracer | undefined {
  const provider = trace.getTracerProvider();
  const loaded = !(provider instanceof ProxyTracerProvider) || provider.getDelegateTracer("sallyport", version);
  return loaded ? trace.getTracer("sallyport", version) : undefined;
}

/**
 * One server span for every request that was judged, and one client span below it for what the upstream did. Names and attributes follow the
 * semantic conventions for MCP; what they lack is called `sallyport.…`. No argument, no result, no token, and nobody's name is in them: who
 * called is in the decision log, which keeps the trace id.
 *
 * A request that is refused before it is judged (no token, no JSON) makes no span, so that strangers cannot make any.
 */
export function createTraceSink(tracer: Tracer): Sink {
  return {
    judged(observed, _, { header, judgement, receivedMs }) {
      const { parent, linked } = findParents(header, judgement.body);
      const context = parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
      const name = nameOf(observed);
      const span = tracer.startSpan(
        name,
        {
          kind: SpanKind.SERVER,
          // The API takes monotonic milliseconds of `performance.now()` as they are.
          startTime: receivedMs,
          attributes: attributesOf(observed),
          ...(linked !== undefined && { links: [{ context: linked }] }),
        },
        context,
      );
      return new Spans(tracer, span, { context: trace.setSpan(ROOT_CONTEXT, span), name, observed });
    },
  };
}

class Spans implements Following {
  #upstream: Span | undefined;

  constructor(
    private readonly tracer: Tracer,
    private readonly span: Span,
    private readonly place: { readonly context: Context; readonly name: string; readonly observed: Observed },
  ) {}

  sending(headers: Record<string, string>): void {
    const { context, name, observed } = this.place;
    const attributes = { "mcp.method.name": observed.method, "sallyport.server": observed.server };
    this.#upstream = this.tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }, context);
    const own = this.#upstream.spanContext();
    headers.traceparent = formatTraceparent(own);
    const state = own.traceState?.serialize();
    if (state === undefined || state === "") delete headers.tracestate;
    else headers.tracestate = state;
  }

  upstreamEnded({ error }: UpstreamEnded): void {
    if (error !== undefined) fail(this.#upstream, `upstream_${error}`);
    this.#upstream?.end();
  }

  ended({ status, error }: Ended): void {
    const { span } = this;
    if (status !== 0) span.setAttribute("http.response.status_code", status);
    // What is denied is an answer, and no fault of this server.
    if (error !== undefined) span.setAttribute("error.type", error);
    if (error?.startsWith("upstream_") || status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end();
  }
}

function fail(span: Span | undefined, type: string): void {
  span?.setAttribute("error.type", type);
  span?.setStatus({ code: SpanStatusCode.ERROR });
}

/** `{mcp.method.name} {target}`, where the target is one of few. */
function nameOf({ method, tool, denial }: Observed): string {
  return tool === undefined || denial === "unknown" ? method : `${method} ${tool}`;
}

const MAX_TEXT = 256;
const cut = (text: string) => (text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT - 1)}…`);

function attributesOf(observed: Observed): Attributes {
  const { server, method, revision, call, decision, denial, rule, decisionId, requestId } = observed;
  const attributes: Attributes = {
    "mcp.method.name": cut(method),
    "mcp.protocol.version": revision,
    "network.transport": "tcp",
    "network.protocol.name": "http",
    "sallyport.server": server,
    "sallyport.decision": decision,
    "sallyport.rule": rule,
  };
  if (denial !== undefined) attributes["sallyport.denial"] = denial;
  if (decisionId !== undefined) attributes["sallyport.decision.id"] = decisionId;
  if (requestId !== undefined) attributes["jsonrpc.request.id"] = cut(String(requestId));
  return { ...attributes, ...targetOf(call) };
}

function targetOf(call: Observed["call"]): Attributes {
  if (call?.name === undefined) return {};
  if (call.kind === "tool") return { "gen_ai.tool.name": cut(call.name), "gen_ai.operation.name": "execute_tool" };
  if (call.kind === "prompt") return { "gen_ai.prompt.name": cut(call.name) };
  // RFC 3986 §3.4: queries hold keys and tokens often enough.
  return call.kind === "resource" ? { "mcp.resource.uri": cut(call.name.replace(/\?.*$/s, "?…")) } : {};
}
