import { isIP } from "node:net";
import { z } from "zod";
import type { Setting } from "./setting.js";

/** `metrics`. */
export interface MetricsConfig {
  readonly listen?: string;
}

/** `host:port`, with an IPv6 address in brackets. */
export function parseListen(text: string): { readonly host: string; readonly port: number } | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  const wellFormed = host !== undefined && port <= 65_535 && (bracketed === undefined || isIP(bracketed) === 6);
  return wellFormed ? { host, port } : undefined;
}

export const TELEMETRY_SETTINGS: readonly Setting[] = [
  {
    path: "metrics.listen",
    type: z.string().refine((text) => parseListen(text) !== undefined, "write host:port, for example 127.0.0.1:9464"),
    env: "SALLYPORT_METRICS_LISTEN",
    description:
      "`host:port` where `/metrics` (Prometheus), `/healthz` and `/readyz` with its reasons are served, apart from the public address and without sign-in; port 0 takes a free one. Without it there is none. See [observability](observability.md).",
  },
];
