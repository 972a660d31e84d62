import type { HeaderLookup } from "../core/mcp-headers.js";
import { expandScopes, formatScope } from "../core/scope.js";
import { DPOP_ALGORITHMS } from "../oauth/dpop.js";
import { randomToken, system as realSystem } from "../system.js";
import type { Authenticated, Refusal, ResourceServerOptions } from "./contract.js";
import { answerMetadata } from "./metadata-response.js";
import { formatChallenges, JSON_HEADERS } from "./refusal.js";
import { createResourceServer } from "./resource-server.js";
import { scopePolicy } from "./scope-policy.js";

export interface ProtectedApiOptions
  extends Omit<ResourceServerOptions, "policy" | "baseline" | "server" | "denials" | "formTokens" | "resource"> {
  /** The audience that tokens must have, byte for byte: the URL of the API, or of the part of it that has tokens of its own. */
  readonly resource: string;
  /** Every scope there is; `includes` names scopes that one amounts to as well. */
  readonly scopes: Readonly<Record<string, { readonly includes?: readonly string[] }>>;
  /** What the first challenge names; default: the first of `scopes`. */
  readonly baseline?: readonly string[];
}

/** The head of one request to an API. */
export interface ApiRequestHead {
  readonly method: string;
  /** Path as sent, without the query. */
  readonly path: string;
  /** With its `?`, or `""`. */
  readonly query: string;
  readonly header: HeaderLookup;
}

/** A plain HTTP API as an OAuth protected resource. */
export interface ProtectedApi {
  readonly resource: string;
  readonly metadataUrl: string;
  /**
   * Who is calling, if the token holds all of `scopes`; else the answer to send: 401 or 403 with a challenge, 503. Who acts for the caller is
   * `principal.actor`, and who acted before is `principal.chain` (RFC 8693 §4.1: only the current actor may count in a decision).
   */
  authenticate(request: Request, scopes: readonly string[]): Promise<Authenticated | Response>;
  /** The same for servers without `Request`. */
  check(head: ApiRequestHead, scopes: readonly string[]): Promise<Authenticated | Refusal>;
  /** Answers for the protected resource metadata (RFC 9728); `undefined` for every other path. */
  metadata(request: Request): Response | undefined;
}

/**
 * The resource server half for APIs that are no MCP servers, for example what stands behind one: the same checks of token, audience,
 * liveness and proof. Does NOT look at `Origin`, bodies or rows: whose data a caller may see is the API's own question.
 * @throws TypeError that lists every problem of the options, and when scopes are asked for that do not exist
 */
export function createProtectedApi(options: ProtectedApiOptions): ProtectedApi {
  const { scopes, baseline, system = realSystem, ...rest } = options;
  const policy = scopePolicy({ scopes });
  const [first] = policy.scopes;
  if (first === undefined) throw new TypeError("createProtectedApi: scopes: at least one is needed");
  const server = createResourceServer({ ...rest, system, policy, baseline: baseline ?? [first] });
  const { origin } = new URL(server.resource);

  const refuseScope = ({ principal }: Authenticated, needed: readonly string[]): Refusal => {
    const scope = formatScope(needed);
    const error_description = "This request needs scopes that the token does not have.";
    const challenge = {
      metadataUrl: server.metadataUrl,
      baseline: "",
      dpopAlgorithms: options.dpop === undefined ? undefined : DPOP_ALGORITHMS.join(" "),
    };
    const scheme = principal.cnf === undefined ? ("Bearer" as const) : ("DPoP" as const);
    const refused = { error: "insufficient_scope", error_description, scope, scheme };
    return {
      status: 403,
      headers: { ...JSON_HEADERS, "www-authenticate": formatChallenges(challenge, refused) },
      body: JSON.stringify({ error: "insufficient_scope", error_description, scope }),
      reason: `insufficient_scope: ${scope}`,
      decisionId: randomToken(system, 12),
    };
  };

  const check: ProtectedApi["check"] = async ({ method, path, query, header }, needed) => {
    const unknown = needed.filter((scope) => !Object.hasOwn(scopes, scope));
    if (unknown.length > 0) throw new TypeError(`authenticate: no such scope: ${unknown.join(", ")}`);
    try {
      const who = await server.authenticate({ method, url: origin + path, query, header });
      const held = expandScopes(policy.hierarchy, who.principal.scopes);
      return needed.every((scope) => held.has(scope)) ? who : refuseScope(who, needed);
    } catch (error) {
      return server.refuse(error);
    }
  };

  return {
    resource: server.resource,
    metadataUrl: server.metadataUrl,
    check,
    async authenticate(request, needed) {
      const { pathname, search } = new URL(request.url);
      const header: HeaderLookup = (name) => request.headers.get(name) ?? undefined;
      const answer = await check({ method: request.method, path: pathname, query: search, header }, needed);
      return "principal" in answer ? answer : new Response(answer.body, answer);
    },
    metadata: (request) => answerMetadata(server, request),
  };
}
