import type { Authenticated, JsonObject, Judged } from "@sallyport/auth";
import type { Decided } from "./contract.js";
import { toAscii } from "./lines.js";

/**
 * One decision as it stands in the log, after `seq` and `prev`. Members that do not apply are absent. Nothing in it is a token, a code or a
 * secret: token ids name tokens and open nothing, the query of a resource's URI is left out, and arguments are only committed to.
 */
export interface DecisionRecord {
  readonly type: "decision";
  /** Integer seconds since the epoch. */
  readonly time: number;
  readonly server: string;
  readonly method: string;
  readonly kind: Judged["call"]["kind"];
  /** Tool, prompt or resource; at most 256 characters, a longer one ends in `…`. */
  readonly name?: string;
  /**
   * What the catalogue says that the tool needs, which decides where the file has no `scopes`; absent for a tool it does not know, and
   * `quarantine` for one that waits to be accepted.
   */
  readonly toolScope?: string;
  readonly revision: string;
  readonly decision: "allow" | "deny";
  readonly denial?: "unknown" | "rule" | "scope";
  readonly rule: string;
  readonly reason?: string;
  /** What the caller was told, for `denial: rule`. */
  readonly because?: string;
  /** What the caller lacks, for `denial: scope`. */
  readonly missing?: readonly string[];
  /** Rules in record mode that would have denied. */
  readonly recorded?: readonly string[];
  /** As the caller was told it. */
  readonly decisionId?: string;
  readonly iss: string;
  readonly sub: string;
  readonly client: string;
  /** A client that acts for itself. */
  readonly asClient?: true;
  /** The token family under a grant. */
  readonly session?: string;
  /** `jti` of the token that was shown. */
  readonly token?: string;
  /** `jti` of the token that went on to the upstream, where one of its own was made. */
  readonly upstreamToken?: string;
  /** The current actor, then the earlier ones, newest first (RFC 8693 §4.1). */
  readonly actors?: readonly { readonly sub: string; readonly iss?: string; readonly client_id?: string }[];
  readonly roles?: readonly string[];
  /** Scopes of the token, and those the caller may be granted: what a replay needs. */
  readonly scopes: string;
  readonly entitled: string;
  /** Names of the single calls that the token holds besides (RFC 9396); what they allow is not kept, since arguments are not. */
  readonly details?: readonly string[];
  /** What the entitlement was made of besides roles: names that `access` may know the caller by, and what `user allow` added. */
  readonly names?: readonly string[];
  readonly allowed?: string;
  readonly http: "POST" | "GET" | "DELETE";
  readonly address?: string;
  readonly requestId?: string | number;
  /** W3C Trace Context: 32 hexadecimal digits. */
  readonly trace?: string;
  /** Whole microseconds from the request's head to the decision. */
  readonly latencyUs: number;
  /** SHA-256, base64url, over a salt of this record's own, which lies beside what was kept of the arguments, and the arguments. */
  readonly arguments?: string;
  /** The body held a number that a double cannot hold: conditions could not read the arguments. */
  readonly inexact?: true;
}

const MAX_TEXT = 256;

function cut(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT - 1)}…`;
}

/** What is a record's own. */
export interface RecordOwn {
  /** Integer seconds. */
  readonly time: number;
  readonly requestId: string | number | undefined;
  readonly commitment: string | undefined;
  readonly toolScope: string | undefined;
}

/**
 * The inside of the JSON object of one decision, ASCII. Put together from texts that calls have in common and a few members of its own: one
 * `JSON.stringify` of everything took as long as the rest of a record.
 */
export function formatRecord(judged: Judged, decided: Decided, about: RecordOwn): string {
  const { time, requestId, commitment, toolScope } = about;
  const latencyUs = Math.round(decided.latencyMs * 1000);
  const { decisionId, upstreamToken } = decided;
  const trace = traceOf(decided);
  let own = `"type":"decision","time":${time},"latencyUs":${latencyUs}`;
  // Base64url and hexadecimal need no quoting.
  if (commitment !== undefined) own += `,"arguments":"${commitment}"`;
  if (trace !== undefined) own += `,"trace":"${trace}"`;
  if (requestId !== undefined) own += `,"requestId":${typeof requestId === "string" ? textOf(requestId) : requestId}`;
  if (decisionId !== undefined) own += `,"decisionId":${textOf(decisionId)}`;
  if (upstreamToken !== undefined) own += `,"upstreamToken":${textOf(upstreamToken)}`;
  if (decided.body.inexactNumbers) own += ',"inexact":true';
  return `${own},${callMembers(judged, decided, toolScope)},${principalMembers(decided.who)}`;
}

const textOf = (value: string) => toAscii(JSON.stringify(cut(value)));

/** One allowed call, and its part of the line. */
interface AllowedCall {
  readonly call: Judged["call"];
  readonly rule: string;
  readonly toolScope: string | undefined;
  readonly method: string;
  readonly remoteAddress: string | undefined;
  readonly text: string;
}

/** Allowed calls repeat themselves: what was asked, from where and why it is allowed. By name; forgotten all at once when there are too many. */
const ALLOWED = new Map<string | undefined, AllowedCall>();
const MAX_ALLOWED = 1_000;
const MAX_NAME = 256;

function callMembers(judged: Judged, decided: Decided, toolScope: string | undefined): string {
  const { call, decision } = judged;
  if (decision.outcome === "deny" || decision.recorded !== undefined) return formatCall(judged, decided, toolScope);
  const { rule } = decision;
  const { method, remoteAddress } = decided.request;
  const known = ALLOWED.get(call.name);
  if (
    known !== undefined &&
    known.rule === rule &&
    known.toolScope === toolScope &&
    known.method === method &&
    known.remoteAddress === remoteAddress &&
    isSameCall(known.call, call)
  )
    return known.text;
  const text = formatCall(judged, decided, toolScope);
  if (call.name !== undefined && call.name.length > MAX_NAME) return text;
  if (ALLOWED.size >= MAX_ALLOWED) ALLOWED.clear();
  const { server, kind, revision, name } = call;
  const kept = { server, method: call.method, kind, revision, name, arguments: undefined };
  ALLOWED.set(name, { call: kept, rule, toolScope, method, remoteAddress, text });
  return text;
}

/** In everything that stands in a record, but for the arguments. */
function isSameCall(one: Judged["call"], other: Judged["call"]): boolean {
  return (
    one.method === other.method &&
    one.server === other.server &&
    one.kind === other.kind &&
    one.revision === other.revision &&
    one.name === other.name
  );
}

function formatCall(judged: Judged, { request }: Decided, toolScope: string | undefined): string {
  const { call, decision } = judged;
  const denied = decision.outcome === "deny" ? decision : undefined;
  const text = JSON.stringify({
    server: call.server,
    method: cut(call.method),
    kind: call.kind,
    name: nameOf(judged),
    toolScope,
    revision: call.revision,
    decision: decision.outcome,
    denial: denied?.kind,
    rule: decision.rule,
    reason: denied === undefined ? undefined : cut(denied.reason),
    because: denied?.kind === "rule" ? cut(denied.because) : undefined,
    missing: denied === undefined || denied.scopes.length === 0 ? undefined : denied.scopes,
    recorded: decision.outcome === "allow" ? decision.recorded?.map(({ rule }) => rule) : undefined,
    http: request.method,
    address: request.remoteAddress,
  });
  return toAscii(text.slice(1, -1));
}

/** RFC 3986 §3.4: queries hold keys and tokens often enough; what was judged is known by the rest. */
function nameOf({ call: { kind, name } }: Judged): string | undefined {
  if (name === undefined) return undefined;
  const query = kind === "resource" ? name.indexOf("?") : -1;
  return cut(query === -1 ? name : `${name.slice(0, query)}?…`);
}

/** Principals of cached tokens come again and again: their part of the line is made once for each. */
const MEMBERS = new WeakMap<object, { readonly entitled: readonly string[]; readonly text: string }>();

function principalMembers({ principal, entitled, entitledBy }: Authenticated): string {
  const known = MEMBERS.get(principal);
  if (known !== undefined && known.entitled === entitled) return known.text;
  const { actor, chain, roles } = principal;
  const json = JSON.stringify({
    iss: principal.iss,
    sub: principal.sub,
    client: principal.client_id,
    asClient: principal.kind === "client" ? true : undefined,
    session: principal.sid,
    token: principal.jti,
    actors: actor === undefined ? undefined : [actor, ...chain],
    roles: roles.length === 0 ? undefined : roles,
    scopes: principal.scopes.join(" "),
    entitled: entitled.join(" "),
    details: principal.details?.map(({ id }) => id),
    names: entitledBy === undefined || entitledBy.names.length === 0 ? undefined : entitledBy.names,
    allowed: entitledBy === undefined || entitledBy.allowed.length === 0 ? undefined : entitledBy.allowed.join(" "),
  });
  const text = toAscii(json.slice(1, -1));
  MEMBERS.set(principal, { entitled, text });
  return text;
}

const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/;

/** The header's, else what MCP carries in `_meta` (SEP-414). A malformed one is none (W3C Trace Context §3.2). */
function traceOf({ traceparent, body }: Decided): string | undefined {
  if (traceparent !== undefined) return TRACEPARENT.exec(traceparent)?.[1];
  const [first] = body.messages;
  if (first === undefined || first.type === "response") return undefined;
  const meta = first.params?._meta as JsonObject | undefined;
  const given = meta?.traceparent;
  return typeof given === "string" ? TRACEPARENT.exec(given)?.[1] : undefined;
}
