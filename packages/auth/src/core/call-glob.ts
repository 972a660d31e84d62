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

/** Kind of call → the first segment of what its globs are matched against. */
const NAMESPACES: Readonly<Partial<Record<McpCall["kind"], string>>> = {
  tool: "tools/",
  prompt: "prompts/",
  resource: "resources/",
};
const ROOTED = new RegExp(`^(?:${Object.values(NAMESPACES).join("|")})`);

/** `tools/<name>`, `prompts/<name>` or `resources/<uri>`; `undefined` for calls of the protocol itself, which name nothing. */
export function targetOf({ kind, name }: Pick<McpCall, "kind" | "name">): string | undefined {
  const namespace = NAMESPACES[kind];
  return namespace === undefined || name === undefined ? undefined : namespace + name;
}

/**
 * Compiles a pattern over targets: `*` does not cross `/`, `**` does. The URI part of a resource pattern is brought into the form that
 * resource URIs are matched in. @throws TypeError for a pattern that begins with none of the three kinds, or is no glob.
 */
export function createCallGlob(pattern: string): CallGlob {
  if (!ROOTED.test(pattern)) {
    throw new TypeError(`${JSON.stringify(pattern)} does not begin with tools/, prompts/ or resources/`);
  }
  const [, kind = "", rest = ""] = /^([^/]*\/)(.*)$/s.exec(pattern) ?? [];
  if (rest === "") throw new TypeError(`${JSON.stringify(pattern)} names nothing`);
  const normal = kind === "resources/" ? kind + normaliseResourcePattern(rest) : pattern;
  const glob = createGlob(normal);
  const star = normal.indexOf("*");
  const exact = star === -1 ? normal : undefined;
  return { pattern, exact, prefix: exact ?? normal.slice(0, star), matches: glob.matches };
}
