import type { System } from "@sallyport/auth";
import { parseListen } from "../config/telemetry-settings.js";
import type { Liveness } from "../gateway/liveness.js";
import type { RequestObserver } from "../gateway/watch.js";
import type { Catalogue } from "../policy/catalogue.js";
import type { Store } from "../stores/store.js";
import {
  createMeterSink,
  createObserver,
  createToolLabels,
  createTraceSink,
  findMeter,
  findTracer,
  type MetricsServer,
  type Prometheus,
  Readiness,
  type Sink,
  startMetricsServer,
} from "../telemetry/index.js";
import { UpstreamError } from "../upstream/upstream.js";
import type { ComposedLog } from "./compose-log.js";
import { CliError } from "./exit.js";
import type { Installation, InstalledServer } from "./installation.js";
import { VERSION } from "./version.js";

export interface TelemetryParts {
  readonly installation: Installation;
  readonly store: Store;
  readonly system: System;
  readonly liveness: Liveness;
  readonly log: ComposedLog;
  /** What exists only later. */
  readonly running: {
    openExchanges(): number;
    children(): readonly { readonly server: string; readonly children: number }[];
  };
}

/** Traces, metrics and readiness of this process. What is not configured is not there. */
export interface ComposedTelemetry {
  /** `undefined` where neither an SDK is loaded nor metrics are served: then calls are not observed at all. */
  observerOf(server: InstalledServer, catalogue: Pick<Catalogue, "scopeOf">): RequestObserver | undefined;
  /** The server behind was asked for its tools; `undefined`: it answered. */
  learnt(server: InstalledServer, error: unknown): void;
  /** Hears an answer of the token endpoint; absent where nobody counts. */
  readonly tokenAnswered?: (result: string) => void;
  reloaded(result: "applied" | "broken"): void;
  ready(): boolean;
  /** Serves metrics, where they are configured. Answers where. @throws CliError when the address cannot be taken. */
  listen(): Promise<string | undefined>;
  close(): Promise<void>;
}

export async function composeTelemetry(parts: TelemetryParts): Promise<ComposedTelemetry> {
  const { installation, store, system, liveness, log } = parts;
  const readiness = new Readiness({
    system,
    store: { silentMs: () => liveness.silentMs, boundMs: liveness.boundMs },
    logFailure: () => log.failure(),
    loadKey: async () => store.keys.current(),
    servers: installation.servers.map(({ title }) => title),
  });
  await readiness.start();
  const { listen } = installation.config.metrics;
  const prometheus = listen === undefined ? undefined : await createMetrics(parts);
  const sinks = createSinks(prometheus);
  let server: MetricsServer | undefined;
  return {
    observerOf: ({ title }, catalogue) => {
      if (sinks.length === 0) return undefined;
      return createObserver({
        server: title,
        system,
        sinks,
        toolLabel: createToolLabels((tool) => catalogue.scopeOf(tool) !== undefined),
        onUpstream: (error) => {
          readiness.upstreamAnswered(title, error);
          if (error !== undefined) prometheus?.upstreamFailed(title, error);
        },
      });
    },
    learnt: ({ title }, error) =>
      readiness.upstreamAnswered(title, error instanceof UpstreamError ? error.kind : undefined),
    ...(prometheus && { tokenAnswered: (result) => prometheus.tokenAnswered(result) }),
    reloaded: (result) => prometheus?.reloaded(result),
    ready: () => readiness.read().ready,
    listen: async () => {
      const address = listen === undefined ? undefined : parseListen(listen);
      if (address === undefined || prometheus === undefined) return undefined;
      try {
        server = await startMetricsServer({
          listen: address,
          metrics: prometheus,
          health: () => readiness.read(),
          system,
        });
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
        throw new CliError(`metrics.listen: ${listen} cannot be listened on (${code})`);
      }
      return server.url;
    },
    close: async () => server?.close(),
  };
}

async function createMetrics({ running, liveness, log }: TelemetryParts): Promise<Prometheus> {
  const { createPrometheus } = await import("../telemetry/prometheus.js");
  return createPrometheus({
    version: VERSION,
    readings: { ...running, storeSilentMs: () => liveness.silentMs, logLagMs: () => log.lagMs() },
  });
}

/** An SDK is loaded before the program starts, by `--import`, so that what is there now is all there will be. */
function createSinks(prometheus: Prometheus | undefined): readonly Sink[] {
  const tracer = findTracer(VERSION);
  const meter = findMeter(VERSION);
  return [
    ...(tracer === undefined ? [] : [createTraceSink(tracer)]),
    ...(meter === undefined ? [] : [createMeterSink(meter)]),
    ...(prometheus === undefined ? [] : [prometheus.sink]),
  ];
}
