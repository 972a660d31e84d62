import { type Attributes, createNoopMeter, type Meter, metrics } from "@opentelemetry/api";
import type { Judged } from "@sallyport/auth";
import type { Observed } from "./observed.js";
import type { Sink } from "./observer.js";

/** The meter of an SDK that the operator has loaded; `undefined` where there is none. */
export function findMeter(version: string): Meter | undefined {
  const meter = metrics.getMeter("sallyport", version);
  return meter === createNoopMeter() ? undefined : meter;
}

/** Seconds, as the semantic conventions for MCP propose them. */
const BUCKETS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300];

/** `mcp.server.operation.duration` and `mcp.client.operation.duration` (seconds), and what was decided. */
export function createMeterSink(meter: Meter): Sink {
  const histogram = (name: string, description: string) =>
    meter.createHistogram(name, { unit: "s", description, advice: { explicitBucketBoundaries: BUCKETS } });
  const served = histogram("mcp.server.operation.duration", "From the head of a request to the end of its answer.");
  const asked = histogram("mcp.client.operation.duration", "Until the server behind began to answer.");
  const decisions = meter.createCounter("sallyport.decisions", {
    unit: "{decision}",
    description: "Everything that was judged, by server, kind and outcome.",
  });
  const count = (server: string, judged: readonly Judged[]) => {
    for (const { call, decision } of judged) {
      const outcome = decision.outcome === "allow" ? "allow" : decision.kind;
      decisions.add(1, { "sallyport.server": server, "sallyport.kind": call.kind, "sallyport.outcome": outcome });
    }
  };
  return {
    asked: count,
    judged(observed, judged) {
      count(observed.server, judged);
      const attributes = attributesOf(observed);
      return {
        upstreamEnded: ({ headMs, error }) =>
          asked.record(
            headMs / 1000,
            error === undefined ? attributes : { ...attributes, "error.type": `upstream_${error}` },
          ),
        ended: ({ durationMs, error }) => {
          if (observed.standing) return;
          served.record(durationMs / 1000, error === undefined ? attributes : { ...attributes, "error.type": error });
        },
      };
    },
  };
}

function attributesOf({ server, method, revision, tool }: Observed): Attributes {
  const attributes: Attributes = {
    "mcp.method.name": method,
    "mcp.protocol.version": revision,
    "sallyport.server": server,
  };
  if (tool !== undefined) attributes["gen_ai.tool.name"] = tool;
  return attributes;
}
