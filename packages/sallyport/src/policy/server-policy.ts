import { createScopeGlob, createScopeHierarchy, type Policy } from "@sallyport/auth";
import type { Problem } from "../config/problem.js";
import type { Config, ServerConfig } from "../config/schema.js";
import type { Catalogue } from "./catalogue.js";
import { createDefaultPolicy } from "./default-policy.js";
import { DEFAULT_INCLUDES, READ } from "./default-scopes.js";
import { checkRules, compileRules, type PolicyRule, withRules } from "./rules.js";
import { createScopesPolicy } from "./scopes-policy.js";

/** Everything of one server that the policy part of the file says, compiled. */
export interface ServerPolicy {
  readonly policy: Policy;
  readonly rules: readonly PolicyRule[];
  /** Every scope of the server, in the order of the file. */
  readonly scopes: readonly string[];
  readonly baseline: readonly string[];
  readonly config: Pick<ServerConfig, "access" | "scopes">;
  /** Line of a scope in the file; `undefined` where the file does not name it. */
  lineOfScope(scope: string): number | undefined;
  /** The tool waits to be accepted; also one that nobody has seen, where new ones wait. */
  isQuarantined(tool: string): boolean;
}

/** @throws what {@link checkPolicy} would have reported, as TypeError or ConditionError. */
export function createServerPolicy(
  config: Pick<Config, "rules" | "servers" | "source">,
  server: { readonly name: string; readonly config: ServerConfig },
  catalogue: Pick<Catalogue, "scopeOf"> & Partial<Pick<Catalogue, "isQuarantined">>,
): ServerPolicy {
  const { scopes: section, access } = server.config;
  const scopes = Object.keys(section ?? DEFAULT_INCLUDES);
  const baseline = server.config.baseline ?? [section === undefined ? READ : (scopes[0] ?? READ)];
  const rules = compileRules(config, server.name);
  const base =
    section === undefined ? createDefaultPolicy(catalogue) : createScopesPolicy({ scopes: section, baseline });
  return {
    policy: withRules(withoutQuarantined(base, catalogue), rules),
    rules,
    scopes,
    baseline,
    config: { ...(access && { access }), ...(section && { scopes: section }) },
    lineOfScope: (scope) =>
      section === undefined ? undefined : config.source?.lineOf(["servers", server.name, "scopes", scope]),
    isQuarantined: (tool) => catalogue.isQuarantined?.(tool) ?? false,
  };
}

const NONE: readonly string[] = [];

/** A tool that waits to be accepted is as if missing, whatever the file maps it to. */
function withoutQuarantined(policy: Policy, { isQuarantined }: Partial<Pick<Catalogue, "isQuarantined">>): Policy {
  if (isQuarantined === undefined) return policy;
  return {
    hierarchy: policy.hierarchy,
    rules: policy.rules,
    permittedBy: (call) => (call.kind === "tool" && isQuarantined(call.name ?? "") ? NONE : policy.permittedBy(call)),
  };
}

/** What is wrong with scopes and rules, with its place; for `parseConfig`. */
export function checkPolicy(config: Config): readonly Problem[] {
  const ofScopes = Object.entries(config.servers).flatMap(([name, server]) =>
    checkScopes(["servers", name, "scopes"], server),
  );
  return [...ofScopes, ...checkRules(config)];
}

function checkScopes(path: Problem["path"], { scopes }: ServerConfig): readonly Problem[] {
  if (scopes === undefined) return [];
  const problems: Problem[] = [];
  const attempt = (at: Problem["path"], make: () => unknown) => {
    try {
      make();
    } catch (error) {
      problems.push({ path: at, message: error instanceof Error ? error.message : String(error) });
    }
  };
  for (const [scope, { allow = [] }] of Object.entries(scopes)) {
    for (const [index, glob] of allow.entries()) attempt([...path, scope, "allow", index], () => createScopeGlob(glob));
  }
  const includes = Object.entries(scopes).map(([scope, entry]) => [scope, entry.includes ?? []] as const);
  attempt(path, () => createScopeHierarchy(Object.fromEntries(includes)));
  return problems;
}
