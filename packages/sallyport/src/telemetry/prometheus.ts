import type { Judged } from "@sallyport/auth";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Sink } from "./observer.js";

/** Seconds: from an answer out of memory to a tool that thinks for minutes. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** Values that are read when somebody collects. Times in milliseconds, by server where they are lists. */
export interface Readings {
  openExchanges(): number;
  children(): readonly { readonly server: string; readonly children: number }[];
  /** How long ago the store last answered. */
  storeSilentMs(): number;
  /** Age of the oldest decision that is not durable yet; 0 where all are. */
  logLagMs(): number;
}

export interface PrometheusOptions {
  readonly version: string;
  readonly readings: Readings;
  /** Processor, memory and event loop of the process; default true. */
  readonly process?: boolean;
}

export interface Prometheus {
  readonly sink: Sink;
  /** The upstream of a server failed. */
  upstreamFailed(server: string, kind: string): void;
  /** One answer of the token endpoint: `issued`, or the OAuth error code. */
  tokenAnswered(result: string): void;
  reloaded(result: "applied" | "broken"): void;
  readonly contentType: string;
  render(): Promise<string>;
}

/**
 * The metrics that Prometheus collects. Every label has few values: servers of the configuration, fixed lists, and tools that the catalogue
 * knows. Callers, clients, sessions and resources are never labels.
 */
export function createPrometheus({ version, readings, process = true }: PrometheusOptions): Prometheus {
  const registry = new Registry();
  const registers = [registry];
  if (process) collectDefaultMetrics({ register: registry });
  const counter = (name: string, help: string, labelNames: readonly string[]) =>
    new Counter({ name: `sallyport_${name}`, help, labelNames: [...labelNames], registers });
  const histogram = (name: string, help: string, labelNames: readonly string[]) =>
    new Histogram({ name: `sallyport_${name}`, help, labelNames: [...labelNames], buckets: BUCKETS, registers });
  const decisions = counter("decisions_total", "Everything that was judged, by outcome: allow, unknown, rule, scope.", [
    "server",
    "kind",
    "outcome",
  ]);
  const toolCalls = counter(
    "tool_calls_total",
    "Requests that called a tool; `other` are tools that the catalogue does not know.",
    ["server", "tool", "outcome"],
  );
  const requests = counter(
    "http_requests_total",
    "Requests to MCP endpoints by status, refused ones included; 0: the client left first.",
    ["server", "status"],
  );
  const durations = histogram(
    "request_duration_seconds",
    "From the head of a judged request to the end of its answer; standing streams are left out.",
    ["server", "outcome"],
  );
  const heads = histogram("upstream_duration_seconds", "Until the server behind began to answer.", ["server"]);
  const failures = counter("upstream_errors_total", "What the server behind failed to answer, by kind.", [
    "server",
    "kind",
  ]);
  const streams = new Gauge({
    name: "sallyport_open_streams",
    help: "Event streams that are open.",
    labelNames: ["server"],
    registers,
  });
  const tokens = counter("token_requests_total", "Answers of the token endpoint: issued, or the OAuth error code.", [
    "result",
  ]);
  const reloads = counter(
    "policy_reloads_total",
    "Changes of the configuration file: applied, or broken and not in force.",
    ["result"],
  );
  addReadings(registers, version, readings);
  const count = (server: string, judged: readonly Judged[]) => {
    for (const { call, decision } of judged) {
      const outcome = decision.outcome === "allow" ? "allow" : decision.kind;
      decisions.inc({ server, kind: call.kind, outcome });
    }
  };
  return {
    sink: {
      asked: count,
      judged({ server, tool, denial, standing }, judged) {
        count(server, judged);
        const outcome = denial ?? "allow";
        if (tool !== undefined) toolCalls.inc({ server, tool, outcome });
        return {
          upstreamEnded: ({ headMs }) => heads.observe({ server }, headMs / 1000),
          ended: ({ durationMs }) => {
            if (!standing) durations.observe({ server, outcome }, durationMs / 1000);
          },
        };
      },
      streaming(server) {
        streams.inc({ server });
        return () => streams.dec({ server });
      },
      answered: (server, status) => requests.inc({ server, status: String(status) }),
    },
    upstreamFailed: (server, kind) => failures.inc({ server, kind }),
    tokenAnswered: (result) => tokens.inc({ result }),
    reloaded: (result) => reloads.inc({ result }),
    contentType: registry.contentType,
    render: () => registry.metrics(),
  };
}

function addReadings(registers: Registry[], version: string, readings: Readings): void {
  const gauge = (name: string, help: string, read: () => number) => {
    new Gauge({
      name: `sallyport_${name}`,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  };
  new Gauge({ name: "sallyport_build_info", help: "1, with the version.", labelNames: ["version"], registers }).set(
    { version },
    1,
  );
  gauge("open_exchanges", "Requests and streams under way.", readings.openExchanges);
  gauge(
    "store_silent_seconds",
    "How long ago the store last answered; from 5 s on, calls are answered with 503.",
    () => readings.storeSilentMs() / 1000,
  );
  gauge("log_lag_seconds", "Age of the oldest decision that is not durable yet.", () => readings.logLagMs() / 1000);
  new Gauge({
    name: "sallyport_children",
    help: "Running processes of stdio servers.",
    labelNames: ["server"],
    registers,
    collect() {
      this.reset();
      for (const { server, children } of readings.children()) this.set({ server }, children);
    },
  });
}
