import { type JsonObject, type McpCall, MODERN, type Revision } from "../core/mcp-call.js";
import { McpError } from "../core/mcp-error.js";
import { checkMcpHeaders, type HeaderLookup } from "../core/mcp-headers.js";
import { type McpBody, type McpMessage, parseMcpBody } from "../core/mcp-message.js";
import { callsOf } from "../core/method-table.js";
import type { RequestFacts } from "../core/policy.js";
import type { Principal } from "../core/principal.js";
import { system as realSystem, type System } from "../system.js";
import type { Authenticated, Refusal, ResourceServer } from "./contract.js";
import { answerPreflight, corsHeaders } from "./cors.js";
import { filterList, LISTS, type ListContext, listMethodOf } from "./filter-list.js";
import { filterResponse } from "./filter-response.js";
import { answerMetadata } from "./metadata-response.js";
import { readBody } from "./read-body.js";

export interface ProtectMcpOptions {
  /** What lists show; default `reachable`: granted now or by stepping up. */
  readonly list?: "reachable" | "granted";
  /** Leave `Authorization` and `DPoP` on the request that goes on; default false: a server behind has no use for the token. */
  readonly keepAuthorization?: boolean;
  /** Address of the peer, for rules that read it; default unknown. */
  remoteAddress?(request: Request): string | undefined;
  /** The call that created a task, if it is this principal's; default: tasks are as if missing. */
  creatingCall?(taskId: string, principal: Principal): McpCall | undefined;
  /** `inputSchema` of a tool, to check `Mcp-Param-*` headers (R-148…R-150); default: they are not checked. */
  inputSchemaOf?(tool: string): JsonObject | undefined;
  readonly system?: System;
}

/** What stands behind: it gets the very bytes that were judged, and who sent them. */
export type McpHandler = (request: Request, who: Authenticated) => Response | Promise<Response>;

export type ProtectedMcp = (request: Request, next: McpHandler) => Promise<Response>;

const METHODS = "POST, GET, DELETE";
const REMOVED_HEADERS = ["authorization", "dpop"];

/**
 * The whole way of a request through a resource server, for `Request` and `Response`: metadata, origin and host, CORS, token, body, headers
 * against body, decision; then `next`; then lists filtered on the way back. Serve it at the resource's path and at the metadata's.
 * An error of `next` is the caller's; every other one becomes the answer that it should.
 */
export function protectMcp(resourceServer: ResourceServer, options: ProtectMcpOptions = {}): ProtectedMcp {
  const guard: Guard = { resourceServer, options, system: options.system ?? realSystem };
  return async (request, next) => {
    const metadata = answerMetadata(resourceServer, request);
    if (metadata !== undefined) return metadata;
    const answer = await answerMcp(guard, request, next);
    const cors = corsHeaders(resourceServer.origins, request.headers.get("origin"));
    return Object.keys(cors).length === 0 ? answer : withHeaders(answer, cors);
  };
}

interface Guard {
  readonly resourceServer: ResourceServer;
  readonly options: ProtectMcpOptions;
  readonly system: System;
}

/** A request that may go on. */
interface Admitted {
  readonly who: Authenticated;
  readonly revision: Revision;
  readonly facts: RequestFacts;
  readonly body: McpBody | undefined;
  readonly bytes: Uint8Array | undefined;
}

async function answerMcp(guard: Guard, request: Request, next: McpHandler): Promise<Response> {
  const admitted = await admit(guard, request);
  if (admitted instanceof Response) return admitted;
  const answer = await next(forwarded(request, admitted, guard.options), admitted.who);
  const show = shownResults(guard, admitted);
  return show === undefined ? answer : filterResponse(answer, show);
}

async function admit(guard: Guard, request: Request): Promise<Admitted | Response> {
  const { resourceServer, options } = guard;
  try {
    checkOrigin(resourceServer, request);
    if (request.method === "OPTIONS") return answerPreflight(request, METHODS);
    const { method } = request;
    if (method !== "POST" && method !== "GET" && method !== "DELETE") {
      return new Response(null, { status: 405, headers: { allow: METHODS } });
    }
    const header: HeaderLookup = (name) => request.headers.get(name) ?? undefined;
    const { search } = new URL(request.url);
    const who = await resourceServer.authenticate({ method, url: resourceServer.resource, query: search, header });
    const facts: RequestFacts = { method, remoteAddress: options.remoteAddress?.(request) };
    const bytes = method === "POST" ? await readBody(request) : undefined;
    return await judge(guard, { who, facts, bytes, header, names: request.headers.keys() });
  } catch (error) {
    return toResponse(resourceServer.refuse(error));
  }
}

/** The runtime's `Request` may come without `Host`; then the URL, which was made from it, stands in. */
function checkOrigin({ origins }: ResourceServer, request: Request): void {
  const host = request.headers.get("host") ?? new URL(request.url).host;
  const verdict = origins.judge(request.headers.get("origin") ?? undefined, host);
  if (verdict === "ok") return;
  const message = verdict === "foreign_host" ? "This host name is not served here." : "This origin may not call.";
  throw new McpError(403, -32000, message, { reason: verdict });
}

interface Unjudged {
  readonly who: Authenticated;
  readonly facts: RequestFacts;
  readonly bytes: Uint8Array | undefined;
  readonly header: HeaderLookup;
  readonly names: Iterable<string>;
}

async function judge({ resourceServer, options }: Guard, unjudged: Unjudged): Promise<Admitted | Response> {
  const { who, facts, bytes, header, names } = unjudged;
  const { server } = resourceServer;
  const body = bytes === undefined ? undefined : parseMcpBody(bytes);
  const id = body?.messages.length === 1 ? idOf(body.messages[0]) : null;
  try {
    const { inputSchemaOf, creatingCall } = options;
    const revision = checkMcpHeaders(header, body, {
      names,
      ...(inputSchemaOf === undefined ? {} : { inputSchemaOf }),
    });
    const context = {
      server,
      revision,
      ...(creatingCall === undefined ? {} : { creatingCall: (task: string) => creatingCall(task, who.principal) }),
    };
    const calls =
      body === undefined
        ? [streamCall(server, revision, facts)]
        : body.messages.flatMap((message) => (message.type === "response" ? [] : callsOf(message, context)));
    const { refusal } = await resourceServer.authorize(who, body ?? NO_BODY, calls, facts);
    return refusal === undefined ? { who, revision, facts, body, bytes } : toResponse(refusal);
  } catch (error) {
    return toResponse(resourceServer.refuse(error, { id }));
  }
}

const NO_BODY: McpBody = { batch: false, messages: [], inexactNumbers: false };

/** GET and DELETE carry no message, and need what any message of the protocol needs. */
function streamCall(server: string, revision: Revision, { method }: RequestFacts): McpCall {
  return { server, revision, method, kind: "protocol", name: undefined, arguments: undefined };
}

function idOf(message: McpMessage | undefined): string | number | null {
  return message?.type === "request" ? message.id : null;
}

/** A fresh request with the same bytes: what was judged is what goes on. */
function forwarded(request: Request, { bytes }: Admitted, { keepAuthorization = false }: ProtectMcpOptions): Request {
  const headers = new Headers(request.headers);
  if (!keepAuthorization) for (const name of REMOVED_HEADERS) headers.delete(name);
  const body = bytes === undefined ? null : (bytes as BodyInit);
  return new Request(request.url, { method: request.method, headers, body, signal: request.signal });
}

/** `undefined` where the answer holds no list, and flows through untouched. */
function shownResults({ resourceServer, options, system }: Guard, admitted: Admitted) {
  const { who, revision, facts, body } = admitted;
  const methods = new Map<string | number, string>();
  for (const message of body?.messages ?? []) {
    if (message.type === "request" && Object.hasOwn(LISTS, message.method)) methods.set(message.id, message.method);
  }
  if (methods.size === 0 && (body !== undefined || revision === MODERN || facts.method === "DELETE")) return undefined;
  const asked = new Set(body?.messages.map((message) => (message.type === "request" ? message.id : undefined)));
  const { creatingCall } = options;
  const context = (): ListContext => ({
    policy: resourceServer.policy,
    server: resourceServer.server,
    who,
    revision,
    request: facts,
    now: system.now(),
    list: options.list ?? "reachable",
    ...(creatingCall === undefined ? {} : { creatingCall: (task) => creatingCall(task, who.principal) }),
  });
  return (result: JsonObject, id: string | number | undefined): JsonObject => {
    // A stream of GET may answer any earlier request of its session, and some servers answer 1 as "1": what nobody asked for under this
    // very id is told by its shape.
    const method = id === undefined || !asked.has(id) ? listMethodOf(result) : methods.get(id);
    return method === undefined ? result : filterList(method, result, context());
  };
}

function toResponse({ status, headers, body }: Refusal): Response {
  return new Response(body, { status, headers });
}

function withHeaders(response: Response, added: Readonly<Record<string, string>>): Response {
  const headers = new Headers(response.headers);
  // A server behind may have its own idea of CORS: two answers to one question would be none.
  headers.delete("access-control-allow-credentials");
  for (const [name, value] of Object.entries(added)) {
    if (name === "vary") headers.append(name, value);
    else headers.set(name, value);
  }
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
