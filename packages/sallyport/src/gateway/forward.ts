import type { IncomingMessage, ServerResponse } from "node:http";
import {
  type Authenticated,
  type Judged,
  type Judgement,
  type McpBody,
  McpError,
  type McpRequest,
  MODERN,
  type Principal,
  type Refusal,
  type RequestFacts,
  type RequestHead,
  type Revision,
  randomToken,
  type System,
  scopeRefusalAsResult,
} from "@sallyport/auth";
import type { Decided } from "../decision-log/contract.js";
import type { Credential, CredentialRequest } from "../upstream/credentials/contract.js";
import { CredentialError } from "../upstream/credentials/credential-error.js";
import { CredentialedExchange } from "../upstream/credentials/credentialed-exchange.js";
import { type Exchange, UpstreamError, type UpstreamHandler, type UpstreamRequest } from "../upstream/upstream.js";
import { ClientGone, checkContentHeaders, readBody } from "./body.js";
import { connectAnswer } from "./connect-answer.js";
import type { RefusalObserver } from "./contract.js";
import { type CorsRules, createCors } from "./cors.js";
import { notRecorded, sessionNotFound } from "./failures.js";
import { createForwardedNames, forwardedHeaders, readHeaders } from "./headers.js";
import { answerInPlace, type PlaceOptions } from "./in-place.js";
import { type Asked, checkSessionless, type Incoming, readPost, readStream } from "./incoming.js";
import { Lists } from "./lists.js";
import { Outstanding } from "./outstanding.js";
import { type HeaderRecord, Reply, type ReplyContext, sendRefusal } from "./reply.js";
import { Screen, type Screened } from "./screen.js";

export interface EndpointContext extends ReplyContext {
  readonly system: System;
  readonly remoteAddress: (request: IncomingMessage) => string | undefined;
  readonly refusals: RefusalObserver | undefined;
}

const NOTHING_JUDGED: Judgement = { judged: [], refusal: undefined };

const METHODS: ReadonlySet<string> = new Set<RequestFacts["method"]>(["POST", "GET", "DELETE"]);

/** RFC 9110 §10.2.3. */
const RETRY: HeaderRecord = { "retry-after": "1" };

const unknownSchema = () => undefined;

const asks = ({ messages }: McpBody) => messages.some(({ type }) => type === "request");

/** What the inner door gave. A failure is kept until the decision is recorded: it was taken, whatever becomes of the call. */
interface InnerDoor {
  readonly asked: CredentialRequest;
  readonly credential?: Credential;
  readonly failure?: { readonly error: unknown };
}

/**
 * The way of one call: origin → authenticate → body → headers → calls → authorize → credential → upstream, and back through {@link Reply}. Everything
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
        const watch = this.#context.server.observer?.begin({ headers, facts, receivedMs }, response);
        void this.#exchange({ request, headers, facts, receivedMs, watch }, response, cors);
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
      const bytes = incoming.facts.method === "POST" ? await this.#readBody(incoming) : undefined;
      const asked =
        bytes === undefined ? this.#stream(incoming, who, reply) : this.#post({ incoming, bytes }, who, reply);
      if (reply.over) return;
      const judgement = this.#judge(incoming, who, asked);
      const { judged, refusal } = judgement instanceof Promise ? await judgement : judgement;
      const door = refusal === undefined ? this.#openDoor(incoming, who, asked) : undefined;
      const inner = door instanceof Promise ? await door : door;
      const upstreamToken = inner?.credential?.tokenId;
      const recorded = this.#record(incoming, asked, { who, judged, decisionId: refusal?.decisionId, upstreamToken });
      if (recorded !== undefined) await recorded;
      // Only what comes with a challenge is answered by a step-up: one refused element decides for its whole batch.
      const challenged = refusal?.headers["www-authenticate"] !== undefined;
      const answer = challenged ? await this.#challenge(refusal, who, { asked, judged }) : refusal;
      if (inner?.failure !== undefined) throw inner.failure.error;
      if (reply.over) return;
      if (answer === undefined) this.#send(incoming, asked, { reply, inner });
      else reply.answer(answer);
    } catch (error) {
      if (error instanceof ClientGone) return;
      if (reply !== undefined && error instanceof UpstreamError) reply.onError(error);
      else if (reply !== undefined) reply.refuse(error, error instanceof McpError && error.status === 503 ? RETRY : {});
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

  #readBody({ request, headers }: Incoming): Promise<Uint8Array> {
    checkContentHeaders(headers.lookup);
    return readBody(request, this.#context.limits.bodyBytes);
  }

  #post(
    { incoming, bytes }: { readonly incoming: Incoming; readonly bytes: Uint8Array },
    who: Authenticated,
    reply: Reply,
  ): Asked {
    const { server } = this.#context;
    const asked = readPost(incoming, bytes, {
      server: server.resourceServer.server,
      creatingCall: (taskId) => this.#lists.tasks.creatingCall(taskId, who.principal),
      inputSchemaOf: server.inputSchemaOf ?? unknownSchema,
    });
    const { body, revision, byMessage } = asked;
    const [first] = body.messages;
    if (!body.batch && first?.type === "request") {
      reply.requestId = first.id;
      reply.answerTo = this.#answerTo(revision, first);
    }
    reply.resumable = revision !== MODERN;
    reply.standing = first?.type === "request" && first.method === "subscriptions/listen";
    const listed = { who, revision, request: incoming.facts };
    reply.read = this.#lists.readerOf(listed, body, byMessage);
    if (server.resourceServer.policy.judgesRequests === true && asks(body))
      this.#screen(reply, { ...listed, watch: incoming.watch });
    return asked;
  }

  /** A person's own account elsewhere that is missing is no failure: the client can lead them there. */
  #answerTo(revision: Revision, { id, params }: McpRequest): Reply["answerTo"] {
    const elicitationId = () => randomToken(this.#context.system, 16);
    return (error) =>
      error instanceof CredentialError ? connectAnswer(error, { id, revision, params, elicitationId }) : undefined;
  }

  #stream(incoming: Incoming, who: Authenticated, reply: Reply): Asked {
    const asked = readStream(incoming, this.#context.server.resourceServer.server);
    if (incoming.facts.method !== "GET") return asked;
    reply.standing = true;
    const listed = { who, revision: asked.revision, request: incoming.facts };
    reply.read = this.#lists.streamReaderOf(listed);
    // Such a stream outlives changes of the policy, which the screen looks at for every event.
    this.#screen(reply, { ...listed, watch: incoming.watch });
    return asked;
  }

  #screen(reply: Reply, screened: Screened): void {
    const { server, system } = this.#context;
    const screen = new Screen(server, system, screened);
    const { read } = reply;
    reply.screen = screen;
    reply.read = (text) => {
      const shown = screen.read(text);
      return shown === "" || read === undefined ? shown : read(shown);
    };
  }

  /** A promise only where a call has to be used up first. */
  #judge(incoming: Incoming, who: Authenticated, asked: Asked): Judgement | Promise<Judgement> {
    if (asked.calls.length === 0) return NOTHING_JUDGED;
    const { resourceServer } = this.#context.server;
    const judgement = resourceServer.authorize(who, asked.body, asked.calls, incoming.facts);
    if (incoming.watch === undefined) return judgement;
    return judgement instanceof Promise
      ? judgement.then((judged) => this.#watched(incoming, judged, { who, asked }))
      : this.#watched(incoming, judgement, { who, asked });
  }

  #watched(
    { watch }: Incoming,
    { judged, refusal }: Judgement,
    { who, asked }: { readonly who: Authenticated; readonly asked: Asked },
  ): Judgement {
    const { revision, body } = asked;
    watch?.judged({ who, revision, body, judged, decisionId: refusal?.decisionId });
    return { judged, refusal };
  }

  /** The challenge in the form that this client reads; what the step-up will want to know is kept before it goes out. */
  async #challenge(
    refusal: Refusal,
    { principal }: Authenticated,
    { asked, judged }: { readonly asked: Asked; readonly judged: readonly Judged[] },
  ): Promise<Refusal> {
    const { server } = this.#context;
    const readsResult = (await server.readsScopeResult?.(principal)) === true;
    const answer = readsResult ? scopeRefusalAsResult(refusal, asked) : refusal;
    await this.#noteRefusal(principal, judged, asked.revision !== MODERN && answer === refusal);
    return answer;
  }

  /** Before the refusal goes out, since the client may go on at another process. */
  async #noteRefusal(principal: Principal, judged: readonly Judged[], legacy: boolean): Promise<void> {
    const { server, refusals, system } = this.#context;
    const { resource } = server.resourceServer;
    for (const { call, decision } of judged) {
      if (decision.outcome !== "deny" || decision.kind !== "scope" || call.name === undefined) continue;
      const refused = { resource, tool: call.name, scopes: decision.scopes, legacy, at: system.now() };
      return refusals?.observe(principal, refused);
    }
  }

  /** At once where nothing has to be fetched. Never throws or rejects: see {@link InnerDoor}. */
  #openDoor(
    { headers, facts: { method } }: Incoming,
    { principal }: Authenticated,
    { calls }: Asked,
  ): InnerDoor | Promise<InnerDoor> | undefined {
    const { credentials } = this.#context.server;
    if (credentials === undefined) return undefined;
    const callerToken = () =>
      String(headers.lookup("authorization"))
        .replace(/^\S+ +/, "")
        .trim();
    const asked: CredentialRequest = { principal, calls, method, callerToken };
    const shut = (error: unknown): InnerDoor => ({ asked, failure: { error } });
    try {
      const found = credentials.credentialFor(asked);
      if (found instanceof Promise) return found.then((credential) => ({ asked, credential }), shut);
      return { asked, credential: found };
    } catch (error) {
      return shut(error);
    }
  }

  /** Gives every decision to the log: before a promise is kept, nothing may go on. @throws McpError 503 when the log takes nothing. */
  #record(
    { headers, facts, receivedMs }: Incoming,
    { body, byMessage }: Asked,
    { who, judged, decisionId, upstreamToken }: Pick<Decided, "who" | "judged" | "decisionId" | "upstreamToken">,
  ): Promise<void> | undefined {
    const { server, system } = this.#context;
    if (server.decisions === undefined || judged.length === 0) return undefined;
    const traceparent = headers.lookup("traceparent");
    try {
      // Each by its name: a spread in front of them took longer than everything else that the gateway does for a record.
      const recorded = server.decisions.record({
        who,
        judged,
        decisionId,
        upstreamToken,
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

  #send(
    incoming: Incoming,
    asked: Asked,
    { reply, inner }: { readonly reply: Reply; readonly inner: InnerDoor | undefined },
  ): void {
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
    let session = sessionId;
    if (revision !== MODERN) {
      reply.requestReader = (answer) => {
        if (typeof answer.made === "string") session ??= answer.made;
        return this.#outstanding.readerOf(principal, session, answer);
      };
    }
    const parsed = method === "POST" ? body : undefined;
    const request: UpstreamRequest = {
      method,
      headers,
      body: bytes,
      parsed,
      calls,
      revision,
      principal,
      sessionId,
      lastEventId,
    };
    if (reply.screen !== undefined) {
      const dispatch: PlaceOptions["dispatch"] = (one, deaf) => this.#dispatch(one, deaf, inner);
      const { system } = this.#context;
      const place = { outstanding: this.#outstanding, system, request, session: () => session, dispatch };
      reply.screen.answer = answerInPlace(place);
    }
    const handler = incoming.watch?.sending(headers, reply) ?? reply;
    try {
      reply.attach(this.#dispatch(request, handler, inner));
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      handler.onError(error);
    }
  }

  /** @throws UpstreamError what the upstream throws for a request that it does not take. */
  #dispatch(request: UpstreamRequest, handler: UpstreamHandler, inner: InnerDoor | undefined): Exchange {
    const { upstream, credentials: source } = this.#context.server;
    if (source === undefined || inner?.credential === undefined) return upstream.send(request, handler);
    const { asked, credential } = inner;
    return new CredentialedExchange({ upstream, request, source, asked, credential }, handler).start();
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
