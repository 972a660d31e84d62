import { createScopeHierarchy, type McpCall, type McpKind, type Policy, type Rule } from "@sallyport/auth";
import type { Catalogue } from "./catalogue.js";
import { DEFAULT_INCLUDES, READ } from "./default-scopes.js";

const NONE: readonly string[] = [];
const READS: readonly string[] = [READ];

/** What each kind needs; tools are asked of the catalogue. A task is judged as the call that made it, so it never comes here by itself. */
const NEEDS: Readonly<Record<Exclude<McpKind, "tool">, readonly string[]>> = {
  prompt: READS,
  resource: READS,
  protocol: READS,
  task: NONE,
  request: NONE,
};

/**
 * The policy of a server without a `scopes:` section: tools by the catalogue, everything else needs `mcp:read`, and a tool that the
 * catalogue does not know is as if missing.
 */
export function createDefaultPolicy(catalogue: Pick<Catalogue, "scopeOf">, rules: readonly Rule[] = []): Policy {
  // One array per scope, made once: this is asked for every call.
  const alone = new Map<string, readonly string[]>();
  const only = (scope: string): readonly string[] => {
    const known = alone.get(scope) ?? [scope];
    alone.set(scope, known);
    return known;
  };
  const ofTool = (name: string): readonly string[] => {
    const scope = catalogue.scopeOf(name);
    return scope === undefined ? NONE : only(scope);
  };
  return {
    hierarchy: createScopeHierarchy(DEFAULT_INCLUDES),
    permittedBy: ({ kind, name }: McpCall) => (kind === "tool" ? ofTool(name ?? "") : NEEDS[kind]),
    rules,
  };
}
