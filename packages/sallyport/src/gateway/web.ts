import type { IncomingMessage, ServerResponse } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { createOriginPolicy } from "@sallyport/auth";
import { sendPlainAnswer, toPlainRequest } from "@sallyport/auth/node";
import type { GatewayOptions, Limits } from "./contract.js";
import type { RawHandler } from "./routes.js";

const plain = (status: number, text: string) =>
  new Response(`${text}\n`, { status, headers: { "content-type": "text/plain; charset=utf-8" } });

/**
 * Everything that is not an MCP endpoint: the one place where requests become `Request`. Hosts are checked here too (R-27): sign-in pages are
 * what a rebound name would be after. The origin of forms is the pages' own affair.
 */
export function createWebHandler(
  options: Pick<GatewayOptions, "publicUrl" | "web" | "plain" | "allowedHosts" | "system">,
  limits: Limits,
  remoteAddress: (request: IncomingMessage) => string | undefined,
): RawHandler {
  const { allowedHosts, publicUrl, system, web } = options;
  const hosts = createOriginPolicy({ resource: publicUrl, ...(allowedHosts && { allowedHosts }) });
  const { host, origin, protocol } = new URL(publicUrl);
  const logFailure = (error: unknown) =>
    system.log("error", "request failed", { error: error instanceof Error ? error.stack : String(error) });
  const listener = getRequestListener(
    (request, { incoming }) => {
      const peer = { remoteAddress: remoteAddress(incoming as IncomingMessage) };
      const { pathname, search } = new URL(request.url);
      // Addresses in pages and documents come from the public URL, never from a header; what the application sees agrees with that.
      return web(new Request(`${protocol}//${host}${pathname}${search}`, request), peer);
    },
    {
      hostname: host,
      overrideGlobalObjects: false,
      errorHandler: (error) => {
        logFailure(error);
        return plain(500, "The server failed to answer.");
      },
    },
  );
  const problemOf = ({ headers }: IncomingMessage): readonly [number, string] | undefined => {
    if (hosts.judge(undefined, headers.host) !== "ok") return [403, "This host name is not served here"];
    // RFC 9110 §15.5.12: a length that is known can be refused before anything is read; forms and registrations have one.
    if (headers["transfer-encoding"] !== undefined) return [411, "Send a Content-Length"];
    return Number(headers["content-length"] ?? 0) > limits.webBodyBytes ? [413, "The body is too large"] : undefined;
  };
  return (request, response) => {
    const problem = problemOf(request);
    if (problem !== undefined) return refuse(response, ...problem);
    const answer = options.plain?.(toPlainRequest(request, origin), { remoteAddress: remoteAddress(request) });
    if (answer === undefined) return void listener(request, response);
    answer
      .then((answered) => sendPlainAnswer(response, answered))
      .catch((error: unknown) => {
        logFailure(error);
        if (response.headersSent) response.destroy();
        else refuse(response, 500, "The server failed to answer.");
      });
  };
}

function refuse(response: ServerResponse, status: number, text: string): void {
  const body = Buffer.from(`${text}\n`);
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", "content-length": body.length }).end(body);
}
