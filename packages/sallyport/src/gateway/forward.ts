import type { IncomingMessage, ServerResponse } from "node:http";
import {
  type Authenticated,
  McpError,
  MODERN,
  type Refusal,
  type RequestFacts,
  type RequestHead,
  type System,
} from "@sallyport/auth";
import type { Decided } from "../decision-log/contract.js";
import { UpstreamError } from "../upstream/upstream.js";
import { ClientGone, checkContentHeaders, readBody } from "./body.js";
import type { RefusalObserver } from "./contract.js";
import { type CorsRules, createCors } from "./cors.js";
import { notRecorded, sessionNotFound } from "./failures.js";
import { createForwardedNames, forwardedHeaders, readHeaders } from "./headers.js";
import { type Asked, checkSessionless, type Incoming, readPost, readStream } from "./incoming.js";
import { Lists } from "./lists.js";
import { Outstanding } from "./outstanding.js";
import { type HeaderRecord, Reply, type ReplyContext, sendRefusal } from "./reply.js";

export interface EndpointContext extends ReplyContext {
  readonly system: System;
  readonly remoteAddress: (request: IncomingMessage) => string | undefined;
  readonly refusals: RefusalObserver | undefined;
}

const METHODS: ReadonlySet<string> = new Set<RequestFacts["method"]>(["POST", "GET", "DELETE"]);

/** RFC 9110 §10.2.3. */
const RETRY: HeaderRecord = { "retry-after": "1" };

const unknownSchema = () => undefined;

/**
 * The way of one call: origin → authenticate → body → headers → calls → authorize → upstream, and back through {@link Reply}. Everything
 * that is decided is decided before the first byte goes on, and the bytes that were judged are the bytes that go on.
 */
export class Endpoint {
  readonly #context: EndpointContext;
  readonly #cors: CorsRules;
  readonly #lists: Lists;
  readonly #outstanding: Outstanding;
  readonly #forwarded: ReadonlySet<string>;

  constructor(context: EndpointContext) {
    this.#context = context;
    const { server, system } = context;
    this.#cors = createCors(server.resourceServer);
    this.#lists = new Lists(server, system);
    this.#outstanding = new Outstanding(context.limits.listBytes);
    this.#forwarded = createForwardedNames(server.forwardHeaders);
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const { resourceServer } = this.#context.server;
    try {
      const headers = readHeaders(request);
      const cors = this.#cors.check(headers.lookup);
      const { method = "" } = request;
      if (METHODS.has(method)) {
        const facts = { method, remoteAddress: this.#context.remoteAddress(request) } as RequestFacts;
        const receivedMs = this.#context.system.monotonicMs();
        void this.#exchange({ request, headers, facts, receivedMs }, response, cors);
      } else if (method === "OPTIONS") {
        response.writeHead(204, this.#cors.preflight(headers.lookup)).end();
      } else {
        response.writeHead(405, { ...cors, allow: "POST, GET, DELETE, OPTIONS", "content-length": "0" }).end();
      }
    } catch (error) {
      sendRefusal(response, resourceServer.refuse(error));
    }
  }

  async #exchange(incoming: Incoming, response: ServerResponse, cors: HeaderRecord): Promise<void> {
    let reply: Reply | undefined;
    try {
      const authenticated = this.#authenticate(incoming);
      const who = authenticated instanceof Promise ? await authenticated : authenticated;
      // Who left while the token was looked at has emitted `close` already: a Reply would wait for it, and for the body, for ever.
      if (response.destroyed) return;
      reply = new Reply(this.#context, response, { principal: who.principal, cors });
      const asked =
        incoming.facts.method === "POST" ? await this.#post(incoming, who, reply) : this.#stream(incoming, who, reply);
      if (reply.over) return;
      const { refusal, recorded } = this.#judge(incoming, who, asked);
      if (recorded !== undefined) {
        await recorded;
        if (reply.over) return;
      }
      if (refusal === undefined) this.#send(incoming, asked, reply);
      else reply.answer(refusal);
    } catch (error) {
      if (error instanceof ClientGone) return;
      if (reply !== undefined) reply.refuse(error, error instanceof McpError && error.status === 503 ? RETRY : {});
      else sendRefusal(response, this.#context.server.resourceServer.refuse(error), cors);
    }
  }

  #authenticate({ request, headers, facts }: Incoming): Authenticated | Promise<Authenticated> {
    const { resourceServer } = this.#context.server;
    const { url = "" } = request;
    const mark = url.indexOf("?");
    const query = mark === -1 ? "" : url.slice(mark);
    const head: RequestHead = { method: facts.method, url: resourceServer.resource, query, header: headers.lookup };
    return resourceServer.authenticate(head);
  }

  async #post(incoming: Incoming, who: Authenticated, reply: Reply): Promise<Asked> {
    const { server, limits } = this.#context;
    checkContentHeaders(incoming.headers.lookup);
    const bytes = await readBody(incoming.request, limits.bodyBytes);
    const asked = readPost(incoming, bytes, {
      server: server.resourceServer.server,
      creatingCall: (taskId) => this.#lists.tasks.creatingCall(taskId, who.principal),
      inputSchemaOf: server.inputSchemaOf ?? unknownSchema,
    });
    const { body, revision, byMessage } = asked;
    const [first] = body.messages;
    if (!body.batch && first?.type === "request") reply.requestId = first.id;
    reply.resumable = revision !== MODERN;
    reply.standing = first?.type === "request" && first.method === "subscriptions/listen";
    reply.read = this.#lists.readerOf({ who, revision, request: incoming.facts }, body, byMessage);
    return asked;
  }

  #stream(incoming: Incoming, who: Authenticated, reply: Reply): Asked {
    const asked = readStream(incoming, this.#context.server.resourceServer.server);
    if (incoming.facts.method !== "GET") return asked;
    reply.standing = true;
    reply.read = this.#lists.streamReaderOf({ who, revision: asked.revision, request: incoming.facts });
    return asked;
  }

  /**
   * Remembers what the consent page of a step-up may want to say, and gives every decision to the log. `recorded`: nothing may go on before.
   * @throws McpError 503 when the log takes nothing.
   */
  #judge(incoming: Incoming, who: Authenticated, asked: Asked): { refusal?: Refusal; recorded?: Promise<void> } {
    if (asked.calls.length === 0) return {};
    const { server, refusals, system } = this.#context;
    const { resourceServer } = server;
    const { judged, refusal } = resourceServer.authorize(who, asked.body, asked.calls, incoming.facts);
    for (const { call, decision } of refusal === undefined ? [] : judged) {
      if (decision.outcome !== "deny" || decision.kind !== "scope" || call.name === undefined) continue;
      const refused = { tool: call.name, scopes: decision.scopes, at: system.now() };
      refusals?.observe(who, resourceServer.resource, refused);
    }
    const recorded = this.#record(incoming, asked, { who, judged, decisionId: refusal?.decisionId });
    return { ...(refusal && { refusal }), ...(recorded && { recorded }) };
  }

  #record(
    { headers, facts, receivedMs }: Incoming,
    { body, byMessage }: Asked,
    decided: Pick<Decided, "who" | "judged" | "decisionId">,
  ): Promise<void> | undefined {
    const { server, system } = this.#context;
    if (server.decisions === undefined) return undefined;
    const traceparent = headers.lookup("traceparent");
    try {
      const recorded = server.decisions.record({
        ...decided,
        body,
        byMessage,
        request: facts,
        traceparent: typeof traceparent === "string" ? traceparent : undefined,
        latencyMs: system.monotonicMs() - receivedMs,
      });
      return recorded?.catch((error: unknown) => {
        throw notRecorded(error);
      });
    } catch (error) {
      throw notRecorded(error);
    }
  }

  #send(incoming: Incoming, asked: Asked, reply: Reply): void {
    const { principal } = reply;
    const { method } = incoming.facts;
    const { lookup } = incoming.headers;
    const headers = forwardedHeaders(incoming.headers, this.#forwarded);
    const sessionId = asked.revision === MODERN ? undefined : this.#open("session", lookup("mcp-session-id"), reply);
    const lastEventId = method === "GET" ? this.#open("event", lookup("last-event-id"), reply) : undefined;
    if (sessionId === undefined) checkSessionless(incoming, asked);
    else headers["mcp-session-id"] = sessionId;
    if (lastEventId !== undefined) headers["last-event-id"] = lastEventId;
    const { revision, bytes, body, calls } = asked;
    if (sessionId !== undefined) this.#outstanding.answer(principal, sessionId, body);
    if (revision !== MODERN) reply.requestReader = (answer) => this.#outstanding.readerOf(principal, sessionId, answer);
    const parsed = method === "POST" ? body : undefined;
    const { upstream } = this.#context.server;
    try {
      reply.attach(
        upstream.send(
          { method, headers, body: bytes, parsed, calls, revision, principal, sessionId, lastEventId },
          reply,
        ),
      );
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      reply.onError(error);
    }
  }

  /** @throws McpError 404 for an id that is not this caller's: for them it does not exist. */
  #open(kind: "session" | "event", sealed: string | readonly string[] | undefined, reply: Reply): string | undefined {
    if (sealed === undefined) return undefined;
    const { identifiers, resourceServer } = this.#context.server;
    if (typeof sealed !== "string")
      throw new McpError(400, -32600, "One session, one event id", { reason: "repeated_id" });
    const id = identifiers.openId({ kind, server: resourceServer.server }, sealed, reply.principal);
    if (id === undefined) throw sessionNotFound(reply.requestId);
    return id;
  }
}
