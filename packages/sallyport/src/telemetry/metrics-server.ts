import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { System } from "@sallyport/auth";
import type { Health } from "./readiness.js";

export interface MetricsServerOptions {
  /** Port 0 takes a free one. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly metrics: { readonly contentType: string; render(): Promise<string> };
  health(): Health;
  readonly system: Pick<System, "log">;
}

export interface MetricsServer {
  /** Where it listens. */
  readonly url: string;
  close(): Promise<void>;
}

const LOOPBACK = /^(?:127\.\d+\.\d+\.\d+|::1|localhost)$/;

/**
 * `/metrics`, `/healthz` and `/readyz` at an address of their own, which is not for the public: nobody is asked who they are. Answers hold
 * counts, names of servers and tools, and reasons; no caller, no address, no secret.
 * @throws Error `EADDRINUSE` and the like.
 */
export async function startMetricsServer(options: MetricsServerOptions): Promise<MetricsServer> {
  const { host, port } = options.listen;
  const local = LOOPBACK.test(host);
  const server = createServer({ maxHeaderSize: 8_192, requestTimeout: 10_000 }, (request, response) => {
    if (local && !isLocalName(request.headers.host))
      send(response, 403, ["text/plain", "This host name is not served here\n"]);
    else void answer(request, response, options);
  });
  server.maxConnections = 64;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, resolve);
  });
  const bound = (server.address() as AddressInfo).port;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${bound}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A page in a browser of this machine must not read it under a name of its own (DNS rebinding). */
function isLocalName(host: string | undefined): boolean {
  const name = host?.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  return name !== undefined && LOOPBACK.test(name);
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: MetricsServerOptions,
): Promise<void> {
  const { method, url = "" } = request;
  if (method !== "GET" && method !== "HEAD") {
    response.setHeader("allow", "GET, HEAD");
    send(response, 405, ["text/plain", "Method not allowed\n"]);
    return;
  }
  switch (url.replace(/\?.*$/s, "")) {
    case "/metrics":
      return sendMetrics(response, options);
    case "/healthz":
      // That this is answered at all is the answer.
      return send(response, 200, ["application/json", '{"status":"alive"}\n']);
    case "/readyz": {
      const { ready, reasons, servers } = options.health();
      const body = { status: ready ? "ready" : "unready", reasons, servers };
      return send(response, ready ? 200 : 503, ["application/json", `${JSON.stringify(body)}\n`]);
    }
    default:
      return send(response, 404, ["text/plain", "Here are /metrics, /healthz and /readyz\n"]);
  }
}

async function sendMetrics(response: ServerResponse, { metrics, system }: MetricsServerOptions): Promise<void> {
  try {
    send(response, 200, [metrics.contentType, await metrics.render()]);
  } catch (error) {
    system.log("error", "metrics could not be read", { error: String(error) });
    send(response, 500, ["text/plain", "Metrics could not be read; the log says why\n"]);
  }
}

/** `node:http` leaves the body of an answer to HEAD away by itself. */
function send(response: ServerResponse, status: number, [type, body]: readonly [type: string, body: string]): void {
  const headers = { "content-type": type, "content-length": Buffer.byteLength(body), "cache-control": "no-store" };
  response.writeHead(status, headers).end(body);
}
