// What the composition root uses of telemetry.

export { type MetricsServer, startMetricsServer } from "./metrics-server.js";
export { createObserver, type Sink } from "./observer.js";
export { createMeterSink, findMeter } from "./otel-metrics.js";
export type { Prometheus } from "./prometheus.js";
export { Readiness } from "./readiness.js";
export { createToolLabels } from "./tool-labels.js";
export { createTraceSink, findTracer } from "./traces.js";
