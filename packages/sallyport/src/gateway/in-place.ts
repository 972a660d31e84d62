import { MODERN, type Principal, type System } from "@sallyport/auth";
import type { Exchange, UpstreamHandler, UpstreamRequest } from "../upstream/upstream.js";
import { UpstreamError } from "../upstream/upstream.js";
import type { Outstanding } from "./outstanding.js";

export interface PlaceOptions {
  readonly outstanding: Outstanding;
  readonly system: Pick<System, "log">;
  /** The exchange in whose answer the server asks; headers, revision and caller are taken from it. */
  readonly request: UpstreamRequest;
  /** The session that it belongs to, or that it has made by now. */
  session(): string | undefined;
  /** Sends as that exchange was sent, with the same credential. @throws UpstreamError. */
  dispatch(request: UpstreamRequest, handler: UpstreamHandler): Exchange;
}

/**
 * Answers requests of a legacy server in the client's place, once each: a POST of the session, as the client's would have been. Without a
 * session nothing can be answered, and the server waits as for a client that says nothing.
 */
export function answerInPlace(options: PlaceOptions): (id: string | number, line: string) => void {
  const { outstanding, system, request } = options;
  const { principal, revision } = request;
  return (id, line) => {
    const session = revision === MODERN ? undefined : options.session();
    if (session === undefined || !outstanding.settle(principal, session, id)) return;
    const failed = (error: UpstreamError) =>
      system.log("warn", "a server was not told that its request is denied", { reason: error.message });
    try {
      let exchange: Exchange | undefined;
      const deaf: UpstreamHandler = {
        onHead() {},
        // An accepted response has no body; whatever else comes, nobody waits for it.
        onData: () => {
          exchange?.abort("nobody waits");
          return true;
        },
        onEnd() {},
        onError: failed,
      };
      exchange = options.dispatch(responseOf(request, { session, id, line, principal }), deaf);
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      failed(error);
    }
  };
}

interface InPlace {
  readonly session: string;
  readonly id: string | number;
  readonly line: string;
  readonly principal: Principal;
}

function responseOf(request: UpstreamRequest, { session, id, line, principal }: InPlace): UpstreamRequest {
  const { "last-event-id": _, ...headers } = request.headers;
  return {
    method: "POST",
    headers: {
      ...headers,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-session-id": session,
    },
    body: Buffer.from(line),
    parsed: { batch: false, messages: [{ type: "response", id }], inexactNumbers: false },
    calls: [],
    revision: request.revision,
    principal,
    sessionId: session,
    lastEventId: undefined,
  };
}
