import type { IncomingMessage, ServerResponse } from "node:http";
import {
  type Authenticated,
  callsOf,
  checkMcpHeaders,
  type HeaderLookup,
  type McpBody,
  type McpCall,
  McpError,
  MODERN,
  OAuthError,
  parseMcpBody,
  type RequestFacts,
  type RequestHead,
  type Revision,
  type System,
} from "@sallyport/auth";
import { UpstreamError } from "../upstream/upstream.js";
import { ClientGone, checkContentHeaders, readBody } from "./body.js";
import type { RefusalObserver } from "./contract.js";
import { type CorsRules, createCors } from "./cors.js";
import { sessionNotFound } from "./failures.js";
import { createForwardedNames, createHeaderLookup, forwardedHeaders } from "./headers.js";
import { Lists } from "./lists.js";
import { Reply, type ReplyContext, sendRefusal } from "./reply.js";

export interface EndpointContext extends ReplyContext {
  readonly system: System;
  readonly remoteAddress: (request: IncomingMessage) => string | undefined;
  readonly refusals: RefusalObserver | undefined;
}

/** One HTTP request on its way; made once, handed on. */
interface Incoming {
  readonly request: IncomingMessage;
  readonly header: HeaderLookup;
  readonly method: "POST" | "GET" | "DELETE";
}

/** What a request turned out to be. */
interface Asked {
  readonly revision: Revision;
  readonly bytes: Uint8Array | undefined;
  readonly body: McpBody;
  readonly calls: readonly McpCall[];
}

const NOTHING: McpBody = { batch: false, messages: [], inexactNumbers: false };

/**
 * The way of one call: origin → authenticate → body → headers → calls → authorize → upstream, and back through {@link Reply}. Everything
 * that is decided is decided before the first byte goes on, and the bytes that were judged are the bytes that go on.
 */
export class Endpoint {
  readonly #context: EndpointContext;
  readonly #cors: CorsRules;
  readonly #lists: Lists;
  readonly #names: ReadonlySet<string>;

  constructor(context: EndpointContext) {
    this.#context = context;
    const { server, system } = context;
    this.#cors = createCors(server.resourceServer);
    this.#lists = new Lists(server, system);
    this.#names = createForwardedNames(server.forwardHeaders);
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const { method = "" } = request;
    const header = createHeaderLookup(request);
    const { resourceServer } = this.#context.server;
    try {
      const cors = this.#cors.check(header);
      if (method === "POST" || method === "GET" || method === "DELETE") {
        void this.#exchange({ request, header, method }, response, cors);
      } else if (method === "OPTIONS") {
        response.writeHead(204, this.#cors.preflight(header)).end();
      } else {
        response.writeHead(405, { allow: "POST, GET, DELETE, OPTIONS", "content-length": "0" }).end();
      }
    } catch (error) {
      sendRefusal(response, resourceServer.refuse(error));
    }
  }

  async #exchange(incoming: Incoming, response: ServerResponse, cors: Readonly<Record<string, string>>): Promise<void> {
    const { resourceServer } = this.#context.server;
    let reply: Reply | undefined;
    try {
      const who = await this.#authenticate(incoming);
      reply = new Reply(this.#context, response, { authenticated: who, cors });
      const asked =
        incoming.method === "POST" ? await this.#read(incoming, who, reply) : this.#stream(incoming, who, reply);
      if (this.#authorize(incoming, who, { asked, reply })) this.#send(incoming, who, { asked, reply });
    } catch (error) {
      if (error instanceof ClientGone) return;
      if (reply !== undefined) reply.refuse(error);
      else sendRefusal(response, resourceServer.refuse(error), cors);
    }
  }

  /** Records that are not in memory yet are waited for once; a client never sees that they had to be fetched. */
  async #authenticate({ request, header, method }: Incoming): Promise<Authenticated> {
    const { resourceServer, settled } = this.#context.server;
    const { url = "" } = request;
    const mark = url.indexOf("?");
    const head: RequestHead = {
      method,
      url: resourceServer.resource,
      query: mark === -1 ? "" : url.slice(mark),
      header,
    };
    try {
      return await resourceServer.authenticate(head);
    } catch (error) {
      const waiting = error instanceof OAuthError && error.reason === "liveness_unknown" ? settled?.() : undefined;
      if (waiting === undefined) throw error;
      await waiting;
      return resourceServer.authenticate(head);
    }
  }

  async #read({ request, header }: Incoming, who: Authenticated, reply: Reply): Promise<Asked> {
    const { server, limits } = this.#context;
    checkContentHeaders(header);
    const bytes = await readBody(request, limits.bodyBytes);
    const body = parseMcpBody(bytes);
    const [first] = body.messages;
    if (!body.batch && first?.type === "request") reply.requestId = first.id;
    const { inputSchemaOf } = server;
    const names = Object.keys(request.headers);
    const revision = checkMcpHeaders(header, body, { names, ...(inputSchemaOf && { inputSchemaOf }) });
    const { principal } = who;
    const context = {
      server: server.resourceServer.server,
      revision,
      creatingCall: (taskId: string) => this.#lists.tasks.creatingCall(taskId, principal),
    };
    const byMessage = body.messages.map((message) => (message.type === "response" ? [] : callsOf(message, context)));
    reply.resumable = revision !== MODERN;
    reply.standing = first?.type === "request" && first.method === "subscriptions/listen";
    const listed = { who, revision, request: this.#facts(request, "POST") };
    reply.read = this.#lists.readerOf(listed, body, byMessage);
    return { revision, bytes, body, calls: byMessage.length === 1 ? (byMessage[0] ?? []) : byMessage.flat() };
  }

  /** GET opens the stream of a session, DELETE ends one. 2026-07-28 has neither. */
  #stream({ request, header, method }: Incoming, who: Authenticated, reply: Reply): Asked {
    const revision = checkMcpHeaders(header, undefined, { names: Object.keys(request.headers) });
    if (revision === MODERN)
      throw new McpError(405, -32600, `${method} is not part of 2026-07-28`, { reason: "method" });
    const { server } = this.#context.server.resourceServer;
    reply.standing = method === "GET";
    if (method === "GET")
      reply.read = this.#lists.streamReaderOf({ who, revision, request: this.#facts(request, method) });
    const call: McpCall = { server, revision, method, kind: "protocol", name: undefined, arguments: undefined };
    return { revision, bytes: undefined, body: NOTHING, calls: [call] };
  }

  #authorize(
    { request, method }: Incoming,
    who: Authenticated,
    { asked, reply }: { readonly asked: Asked; readonly reply: Reply },
  ): boolean {
    const { server, refusals, system } = this.#context;
    const { resourceServer } = server;
    if (asked.calls.length === 0) return !reply.over;
    const facts = this.#facts(request, method);
    const { judged, refusal } = resourceServer.authorize(who, asked.body, asked.calls, facts);
    if (refusal === undefined) return !reply.over;
    for (const { call, decision } of judged) {
      if (decision.outcome !== "deny" || decision.kind !== "scope" || call.name === undefined) continue;
      refusals?.observe(who, resourceServer.resource, { tool: call.name, scopes: decision.scopes, at: system.now() });
    }
    reply.answer(refusal);
    return false;
  }

  #send(
    { request, header, method }: Incoming,
    who: Authenticated,
    { asked, reply }: { readonly asked: Asked; readonly reply: Reply },
  ): void {
    const { principal } = who;
    const { revision, bytes, body, calls } = asked;
    const headers = forwardedHeaders(request.headers, this.#names);
    const sessionId = revision === MODERN ? undefined : this.#open("session", header("mcp-session-id"), reply);
    const lastEventId = method === "GET" ? this.#open("event", header("last-event-id"), reply) : undefined;
    if (sessionId === undefined) requireNoSession(method, body, revision);
    else headers["mcp-session-id"] = sessionId;
    if (lastEventId !== undefined) headers["last-event-id"] = lastEventId;
    const parsed = method === "POST" ? body : undefined;
    try {
      const { upstream } = this.#context.server;
      const call = { method, headers, body: bytes, parsed, calls, revision, principal, sessionId, lastEventId };
      reply.attach(upstream.send(call, reply));
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      reply.onError(error);
    }
  }

  #facts(request: IncomingMessage, method: Incoming["method"]): RequestFacts {
    return { method, remoteAddress: this.#context.remoteAddress(request) };
  }

  /** @throws McpError 404 for an id that is not this caller's: it does not exist for them. */
  #open(kind: "session" | "event", sealed: string | readonly string[] | undefined, reply: Reply): string | undefined {
    if (sealed === undefined) return undefined;
    const { identifiers, resourceServer } = this.#context.server;
    const scope = { kind, server: resourceServer.server } as const;
    const id = typeof sealed === "string" ? identifiers.openId(scope, sealed, reply.principal) : undefined;
    if (id === undefined) throw sessionNotFound(reply.requestId);
    return id;
  }
}

/** What makes no sense without a session: streams, ends, and answers to a server's requests. */
function requireNoSession(method: Incoming["method"], body: McpBody, revision: Revision): void {
  // Streamable HTTP: a server without a stream at this endpoint answers 405, and clients go on without one.
  if (method === "GET")
    throw new McpError(405, -32000, "There is no stream without a session", { reason: "no_session" });
  const answers = body.messages.some(({ type }) => type === "response");
  if (method === "POST" && !answers) return;
  const why = revision === MODERN ? "2026-07-28 has no responses from clients" : "Mcp-Session-Id is missing";
  throw new McpError(400, -32600, why, { reason: "session_missing" });
}
