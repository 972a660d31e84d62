import { CLIENT_REQUESTS } from "./client-request.js";
import { createGlob } from "./glob.js";
import type { McpCall } from "./mcp-call.js";
import { normaliseResourcePattern } from "./resource-uri.js";

/** A compiled pattern over what calls name. */
export interface CallGlob {
  readonly pattern: string;
  /** The one target it matches, where it has no star; so that many patterns need not be tried one by one. */
  readonly exact: string | undefined;
  /** What every target that it matches begins with. */
  readonly prefix: string;
  /** Whether it matches a target of {@link targetOf}. */
  matches(target: string): boolean;
}

/** What servers ask of clients: named by rules alone, since no client is granted it. */
const REQUESTS = "requests/";

/** Kind of call → the first segment of what its globs are matched against. */
const NAMESPACES: Readonly<Partial<Record<McpCall["kind"], string>>> = {
  tool: "tools/",
  prompt: "prompts/",
  resource: "resources/",
  request: REQUESTS,
};
const ROOTED = new RegExp(`^(?:${Object.values(NAMESPACES).join("|")})`);

/** `tools/<name>`, `prompts/<name>`, `resources/<uri>` or `requests/<what a server asks>`; `undefined` for calls of the protocol itself, which name nothing. */
export function targetOf({ kind, name }: Pick<McpCall, "kind" | "name">): string | undefined {
  const namespace = NAMESPACES[kind];
  return namespace === undefined || name === undefined ? undefined : namespace + name;
}

/**
 * Compiles a pattern over targets: `*` does not cross `/`, `**` does. The URI part of a resource pattern is brought into the form that
 * resource URIs are matched in. @throws TypeError for a pattern that begins with none of these kinds, is no glob, or names a request
 * that no server sends.
 */
export function createCallGlob(pattern: string): CallGlob {
  if (!ROOTED.test(pattern)) {
    throw new TypeError(`${JSON.stringify(pattern)} does not begin with tools/, prompts/, resources/ or requests/`);
  }
  const [, kind = "", rest = ""] = /^([^/]*\/)(.*)$/s.exec(pattern) ?? [];
  if (rest === "") throw new TypeError(`${JSON.stringify(pattern)} names nothing`);
  const normal = kind === "resources/" ? kind + normaliseResourcePattern(rest) : pattern;
  const glob = createGlob(normal);
  const star = normal.indexOf("*");
  if (kind === REQUESTS && star === -1 && !CLIENT_REQUESTS.includes(rest)) {
    const known = CLIENT_REQUESTS.map((name) => REQUESTS + name).join(", ");
    throw new TypeError(`${JSON.stringify(pattern)} is nothing that servers ask; there are ${known}`);
  }
  const exact = star === -1 ? normal : undefined;
  return { pattern, exact, prefix: exact ?? normal.slice(0, star), matches: glob.matches };
}

/** The same for scopes, which permit what clients ask. @throws TypeError also for what servers ask. */
export function createScopeGlob(pattern: string): CallGlob {
  if (pattern.startsWith(REQUESTS)) {
    throw new TypeError(`${JSON.stringify(pattern)} is asked by the server and needs no scope; name it in rules`);
  }
  return createCallGlob(pattern);
}

/** Whether a pattern may match something that a server asks. */
export function namesRequests({ prefix }: Pick<CallGlob, "prefix">): boolean {
  return prefix.startsWith(REQUESTS);
}
