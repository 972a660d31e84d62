import { type McpCall, MODERN, type Principal, reachability, UNKNOWN_ARGUMENTS } from "@sallyport/auth";
import type { Asker, ExplainedServer, ExplainOptions } from "./contract.js";

/** More are no help to anybody. */
const MAX_SUGGESTED = 500;

/** Names that the form may suggest: to operators all there are, to others what a list would show them when everything is granted. */
export async function suggestedTools(options: ExplainOptions, asker: Asker, now: number): Promise<readonly string[]> {
  const names = new Set<string>();
  for (const server of options.servers()) {
    const entitlement = asker.operator ? undefined : await options.entitlementOf(asker.user.sub, server.name);
    for (const tool of server.tools) {
      if (names.size >= MAX_SUGGESTED) break;
      const shown =
        asker.operator ||
        (entitlement !== undefined && isReachable(tool, { ...entitlement, server, options, asker, now }));
      if (shown) names.add(tool);
    }
  }
  return [...names].sort();
}

interface Reaching {
  readonly server: ExplainedServer;
  readonly options: ExplainOptions;
  readonly asker: Asker;
  readonly roles: readonly string[];
  readonly entitled: readonly string[];
  readonly now: number;
}

function isReachable(tool: string, { server, options, asker, roles, entitled, now }: Reaching): boolean {
  const principal: Principal = {
    iss: options.issuer,
    sub: asker.user.sub,
    client_id: "any",
    sid: undefined,
    jti: undefined,
    scopes: entitled,
    kind: "user",
    actor: undefined,
    chain: [],
    cnf: undefined,
    roles,
    exp: now,
    iat: now,
  };
  const call: McpCall = {
    server: server.name,
    revision: MODERN,
    method: "tools/call",
    kind: "tool",
    name: tool,
    arguments: UNKNOWN_ARGUMENTS,
  };
  const request = { method: "POST", remoteAddress: undefined } as const;
  return reachability(server.policy.policy, { principal, entitled, call, request, now }) !== "hidden";
}
