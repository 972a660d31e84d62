import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-node";
import { afterEach, describe, expect, test } from "vitest";
import { type Answer, events, json } from "../gateway/testing/fake-upstream.js";
import { call, createHarness, type Harness, TOOLS } from "../gateway/testing/harness.js";
import { createDefaultPolicy } from "../policy/default-policy.js";
import { compileRules, withRules } from "../policy/rules.js";
import { UpstreamError } from "../upstream/upstream.js";
import { createObserver, type Sink } from "./observer.js";
import { createMeterSink, findMeter } from "./otel-metrics.js";
import { createPrometheus } from "./prometheus.js";
import { createToolLabels } from "./tool-labels.js";
import { createTraceSink, findTracer } from "./traces.js";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const SECRET = "sk-very-secret-9e107d9d372bb6826bd81d3542a419d6";
const RULES = [
  { deny: "tools/read_notes", when: "has(args.forbidden)", because: "Not that one." },
  { deny: "requests/sampling", because: "No model here." },
];

async function observed(sinks: readonly Sink[], answer?: Answer): Promise<Harness> {
  const rules = compileRules({ rules: RULES, servers: {} }, "");
  const policy = withRules(createDefaultPolicy({ scopeOf: (tool) => TOOLS[tool] }), rules);
  const errors: unknown[] = [];
  const harness = await createHarness({
    ...(answer && { answer }),
    resourceServer: { policy },
    server: {
      observer: createObserver({
        server: "notes",
        system: { monotonicMs: () => performance.now() },
        sinks,
        toolLabel: createToolLabels((tool) => Object.hasOwn(TOOLS, tool)),
        onUpstream: (error) => errors.push(error),
      }),
    },
  });
  closers.push(() => harness.gateway.close());
  return harness;
}

function tracing() {
  const exporter = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  closers.push(() => provider.shutdown());
  const spans = async (count: number): Promise<readonly ReadableSpan[]> => {
    await expect.poll(() => exporter.getFinishedSpans().length).toBe(count);
    return exporter.getFinishedSpans();
  };
  return { sink: createTraceSink(provider.getTracer("test")), spans };
}

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const traceparent = `00-${TRACE}-00f067aa0ba902b7-01`;

describe("spans", () => {
  test("are one for the call and one for the upstream, which gets that one for a parent", async () => {
    const { sink, spans } = tracing();
    const harness = await observed([sink]);
    const response = await harness.post(call("read_notes", { token: SECRET }, 7), {
      ...(await harness.caller()),
      traceparent,
      tracestate: "a=1",
    });
    await response.text();
    const [upstream, server] = await spans(2);
    expect(server).toMatchObject({
      name: "tools/call read_notes",
      kind: 1,
      parentSpanContext: { spanId: "00f067aa0ba902b7" },
      attributes: {
        "mcp.method.name": "tools/call",
        "gen_ai.tool.name": "read_notes",
        "jsonrpc.request.id": "7",
        "sallyport.decision": "allow",
        "sallyport.rule": "scope:mcp:read",
        "http.response.status_code": 200,
      },
    });
    expect(upstream).toMatchObject({ kind: 2, parentSpanContext: { spanId: server?.spanContext().spanId } });
    const sent = harness.upstream.exchanges[0]?.request.headers;
    expect(sent).toMatchObject({ traceparent: `00-${TRACE}-${upstream?.spanContext().spanId}-01`, tracestate: "a=1" });
  });

  test("belong under what `_meta` says where there is no header, and the bytes go on as they were", async () => {
    const { sink, spans } = tracing();
    const harness = await observed([sink]);
    const body = JSON.stringify({ ...call("read_notes"), params: { name: "read_notes", _meta: { traceparent } } });
    await (await harness.post(body)).text();
    const [, server] = await spans(2);
    expect(server?.spanContext().traceId).toBe(TRACE);
    expect(Buffer.from(harness.upstream.exchanges[0]?.request.body ?? []).toString()).toBe(body);
  });

  test.each([
    ["a rule denies", call("read_notes", { forbidden: 1 }), "tools/call read_notes", "denied_by_rule", "rule"],
    ["a scope is short", call("write_note"), "tools/call write_note", "insufficient_scope", "scope"],
    ["nobody knows", call(SECRET), "tools/call", "unknown", "unknown"],
  ])("of what %s have no upstream, say why, and are no errors of the server", async (_, body, name, type, denial) => {
    const { sink, spans } = tracing();
    const harness = await observed([sink]);
    await (await harness.post(body)).text();
    const [server] = await spans(1);
    expect(server).toMatchObject({
      name,
      status: { code: 0 },
      attributes: { "error.type": type, "sallyport.decision": "deny", "sallyport.denial": denial },
    });
    expect(harness.upstream.exchanges).toHaveLength(0);
  });

  test("of what the upstream fails at are errors, both", async () => {
    const { sink, spans } = tracing();
    const harness = await observed([sink], ({ handler }) => handler.onError(new UpstreamError("timeout", "slow")));
    await (await harness.post(call("read_notes"))).text();
    for (const span of await spans(2)) {
      expect(span).toMatchObject({ status: { code: 2 }, attributes: { "error.type": "upstream_timeout" } });
    }
  });

  test("hold no argument and no token, and nothing of who called", async () => {
    const { sink, spans } = tracing();
    const harness = await observed([sink]);
    const headers = await harness.caller({ sub: "ada-lovelace" });
    await (await harness.post(call("read_notes", { password: SECRET }), headers)).text();
    const text = JSON.stringify(
      (await spans(2)).map(({ name, attributes, events, links }) => [name, attributes, events, links]),
    );
    expect(text).not.toContain(SECRET);
    expect(text).not.toContain("ada-lovelace");
    expect(text).not.toContain(headers.authorization?.slice(-20));
  });

  test("are not made for strangers", async () => {
    const { sink, spans } = tracing();
    const harness = await observed([sink]);
    const refused = await harness.post(call("read_notes"), { "content-type": "application/json", traceparent });
    expect(refused.status).toBe(401);
    await refused.text();
    await (await harness.post(call("read_notes"))).text();
    expect(await spans(2)).toHaveLength(2);
  });
});

test("without an SDK there is no tracer and no meter, so that calls are not observed", () => {
  expect(findTracer("1")).toBeUndefined();
  expect(findMeter("1")).toBeUndefined();
});

test("OpenTelemetry metrics say how long calls took, by names of the semantic conventions", async () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  closers.push(() => provider.shutdown());
  const harness = await observed([createMeterSink(provider.getMeter("test"))]);
  await (await harness.post(call("read_notes"))).text();
  await (await harness.post(call("invented"))).text();
  await expect.poll(() => harness.gateway.openExchanges).toBe(0);
  await provider.forceFlush();
  const metrics = exporter.getMetrics().at(-1)?.scopeMetrics[0]?.metrics ?? [];
  const points = Object.fromEntries(
    metrics.map(({ descriptor, dataPoints }) => [descriptor.name, dataPoints.map(({ attributes }) => attributes)]),
  );
  expect(points).toMatchObject({
    "mcp.server.operation.duration": [
      { "mcp.method.name": "tools/call", "gen_ai.tool.name": "read_notes", "sallyport.server": "notes" },
      { "gen_ai.tool.name": "other", "error.type": "unknown" },
    ],
    "mcp.client.operation.duration": [{ "mcp.method.name": "tools/call" }],
    "sallyport.decisions": [{ "sallyport.outcome": "allow" }, { "sallyport.outcome": "unknown" }],
  });
});

describe("Prometheus metrics", () => {
  const readings = {
    openExchanges: () => 3,
    children: () => [{ server: "files", children: 2 }],
    storeSilentMs: () => 1500,
    logLagMs: () => 20,
  };
  const collected = async (prometheus: ReturnType<typeof createPrometheus>) =>
    (await prometheus.render()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));

  test("count decisions, tool calls, statuses and durations, and read the rest when asked", async () => {
    const prometheus = createPrometheus({ version: "1.2.3", readings, process: false });
    const harness = await observed([prometheus.sink]);
    await (await harness.post(call("read_notes"))).text();
    await (await harness.post(call("read_notes", { forbidden: true }))).text();
    await (await harness.post(call("read_notes"), { "content-type": "application/json" })).text();
    prometheus.tokenAnswered("invalid_grant");
    prometheus.upstreamFailed("notes", "timeout");
    await expect
      .poll(() => collected(prometheus))
      .toContain('sallyport_http_requests_total{server="notes",status="401"} 1');
    expect(await collected(prometheus)).toEqual(
      expect.arrayContaining([
        'sallyport_decisions_total{server="notes",kind="tool",outcome="allow"} 1',
        'sallyport_decisions_total{server="notes",kind="tool",outcome="rule"} 1',
        'sallyport_tool_calls_total{server="notes",tool="read_notes",outcome="allow"} 1',
        'sallyport_http_requests_total{server="notes",status="403"} 1',
        'sallyport_request_duration_seconds_count{server="notes",outcome="allow"} 1',
        'sallyport_upstream_duration_seconds_count{server="notes"} 1',
        'sallyport_upstream_errors_total{server="notes",kind="timeout"} 1',
        'sallyport_token_requests_total{result="invalid_grant"} 1',
        'sallyport_children{server="files"} 2',
        "sallyport_open_exchanges 3",
        "sallyport_store_silent_seconds 1.5",
        "sallyport_log_lag_seconds 0.02",
        'sallyport_build_info{version="1.2.3"} 1',
      ]),
    );
  });

  test("count what servers ask of clients", async () => {
    const prometheus = createPrometheus({ version: "1", readings, process: false });
    const ask = { jsonrpc: "2.0", id: 1, result: { inputRequests: { a: { method: "sampling/createMessage" } } } };
    const harness = await observed([prometheus.sink], json(ask));
    expect(await (await harness.post(call("read_notes"))).text()).toContain("No model here.");
    expect(await collected(prometheus)).toContain(
      'sallyport_decisions_total{server="notes",kind="request",outcome="rule"} 1',
    );
  });

  test("have no label that a caller can make", async () => {
    const prometheus = createPrometheus({ version: "1", readings, process: false });
    const harness = await observed([prometheus.sink]);
    for (const name of ["invented-1", "invented-2", SECRET]) await (await harness.post(call(name))).text();
    await expect
      .poll(() => collected(prometheus))
      .toContain('sallyport_http_requests_total{server="notes",status="200"} 3');
    const lines = await collected(prometheus);
    expect(lines).toContain('sallyport_tool_calls_total{server="notes",tool="other",outcome="unknown"} 3');
    expect(lines.join()).not.toMatch(/invented|secret/);
  });

  test("know how many event streams are open, and forget one whose client has left", async () => {
    const prometheus = createPrometheus({ version: "1", readings, process: false });
    const harness = await observed([prometheus.sink], events(": hello\n\n"));
    const left = new AbortController();
    const response = await fetch(harness.url, {
      method: "POST",
      headers: await harness.caller(),
      body: JSON.stringify(call("read_notes")),
      signal: left.signal,
    });
    await response.body?.getReader().read();
    expect(await collected(prometheus)).toContain('sallyport_open_streams{server="notes"} 1');
    left.abort();
    await expect.poll(() => collected(prometheus)).toContain('sallyport_open_streams{server="notes"} 0');
  });
});

test("only so many tools have labels, however many the server names", () => {
  const label = createToolLabels(() => true, 2);
  expect(["a", "b", "c", "a"].map(label)).toEqual(["a", "b", "other", "a"]);
});
