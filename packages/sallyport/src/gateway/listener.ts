import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Gateway, GatewayOptions, GatewayServer, Limits } from "./contract.js";
import { Exchanges } from "./exchanges.js";
import { Endpoint } from "./forward.js";
import { resolveLimits } from "./limits.js";
import { createRemoteAddress } from "./peer.js";
import { createRoutes, type RawHandler } from "./routes.js";
import { createWebHandler } from "./web.js";

/** Tries at finding one port that is free on every address, when any port will do. */
const PORT_TRIES = 20;

/**
 * The front door: sockets, limits and the route table. It listens after `listen`, and needs `close`.
 * @throws TypeError for options that cannot be served.
 */
export function createGateway(options: GatewayOptions): Gateway {
  const limits = resolveLimits(options.limits);
  const remoteAddress = createRemoteAddress(options.trustedProxies ?? []);
  const exchanges = new Exchanges();
  const { standing, system } = options;
  const web = createWebHandler(options, limits, remoteAddress);
  let closing = false;
  const endpointOf = (server: GatewayServer): RawHandler => {
    const { refusals } = options;
    const endpoint = new Endpoint({ server, limits, exchanges, system, remoteAddress, refusals });
    return (request, response) => endpoint.handle(request, response);
  };
  const routes = createRoutes(options.servers, endpointOf, () => !closing && (options.ready?.() ?? true));
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    const { url = "" } = request;
    if (closing) response.setHeader("connection", "close");
    // RFC 9112 §3.2.2: the absolute form names a host of its own, which nobody would have checked.
    if (!url.startsWith("/")) {
      response.writeHead(400, { "content-length": 0 }).end();
      return;
    }
    // RFC 9112 §9.3.2: a request sent before the last answer has no socket to answer on yet, and would not be told when its client leaves.
    if (response.socket === null) {
      response.writeHead(503, { connection: "close", "content-length": 0 }).end();
      return;
    }
    const mark = url.indexOf("?");
    const handler = routes.get(mark === -1 ? url : url.slice(0, mark)) ?? web;
    handler(request, response);
  };
  const servers: Server[] = [];
  const stopLooking = standing?.onLook(() => exchanges.sweep(standing, system.now()));
  return {
    get openExchanges() {
      return exchanges.size;
    },
    async listen() {
      const { port, hosts } = options.listen;
      const bound = await bindAll(() => createServer(options, limits, onRequest), { port, hosts });
      servers.push(...bound.servers);
      const scheme = options.tls === undefined ? "http" : "https";
      const urls = bound.hosts.map((host) => `${scheme}://${host.includes(":") ? `[${host}]` : host}:${bound.port}`);
      return { port: bound.port, urls };
    },
    async close() {
      closing = true;
      stopLooking?.();
      exchanges.cutAll("standing");
      await closeAll(servers.splice(0), limits.drainMs, () => exchanges.cutAll("all"));
    },
  };
}

function createServer(
  { tls }: GatewayOptions,
  limits: Limits,
  onRequest: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const settings: ServerOptions = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(5_000, limits.headersTimeoutMs),
    noDelay: true,
    // A peer that vanished without a word is found out, and its stream with it.
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
  };
  const server =
    tls === undefined
      ? createHttpServer(settings, onRequest)
      : createHttpsServer(
          { ...settings, cert: asPem(tls.cert), key: asPem(tls.key), minVersion: "TLSv1.2" },
          onRequest,
        );
  server.maxConnections = limits.connections;
  return server;
}

const asPem = (value: string | Uint8Array) => (typeof value === "string" ? value : Buffer.from(value));

interface Bound {
  readonly port: number;
  readonly hosts: readonly string[];
  readonly servers: readonly Server[];
}

/** All addresses at one port, or none (design: `127.0.0.1` and `[::1]` are bound together, a taken port is an error). */
export async function bindAll(
  create: () => Server,
  wanted: { readonly port: number; readonly hosts: readonly string[] },
): Promise<Bound> {
  for (let left = PORT_TRIES; ; left -= 1) {
    try {
      return await bindOnce(create, wanted);
    } catch (error) {
      const again = wanted.port === 0 && left > 1 && codeOf(error) === "EADDRINUSE";
      if (!again) throw error;
    }
  }
}

async function bindOnce(
  create: () => Server,
  wanted: { readonly port: number; readonly hosts: readonly string[] },
): Promise<Bound> {
  const servers: Server[] = [];
  const hosts: string[] = [];
  let { port } = wanted;
  try {
    for (const host of wanted.hosts) {
      const server = create();
      const taken = await bind(server, host, port);
      // A machine without IPv6 has no ::1 that somebody else could take.
      if (taken === undefined && hosts.length > 0) continue;
      if (taken === undefined) throw new Error(`the address ${host} is not one of this machine`);
      servers.push(server);
      hosts.push(host);
      port = taken;
    }
  } catch (error) {
    for (const server of servers) server.close();
    throw error;
  }
  return { port, hosts, servers };
}

/** The port, or `undefined` for an address that this machine does not have. @throws Error `EADDRINUSE` and the like. */
function bind(server: Server, host: string, port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => {
      const absent = ["EADDRNOTAVAIL", "EAFNOSUPPORT"].includes(codeOf(error));
      if (absent) resolve(undefined);
      else reject(error);
    });
    server.listen({ port, host, ipv6Only: host.includes(":") }, () => resolve((server.address() as AddressInfo).port));
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

/** Lets answers under way finish for a while, then cuts what is left. */
export async function closeAll(servers: readonly Server[], drainMs: number, cut: () => void): Promise<void> {
  const closed = Promise.all(servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
  const sweep = setInterval(() => servers.forEach((server) => void server.closeIdleConnections()), 20);
  const limit = setTimeout(() => {
    cut();
    servers.forEach((server) => void server.closeAllConnections());
  }, drainMs);
  await closed;
  clearInterval(sweep);
  clearTimeout(limit);
}
