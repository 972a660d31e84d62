import {
  createGlob,
  createScopeHierarchy,
  type Glob,
  type McpCall,
  type McpKind,
  type Policy,
  type Rule,
} from "@sallyport/auth";
import type { ScopeConfig } from "../config/schema.js";

/** Where each kind of name stands in the globs of `allow`. */
const FOLDERS: Readonly<Partial<Record<McpKind, string>>> = {
  tool: "tools/",
  prompt: "prompts/",
  resource: "resources/",
};

/**
 * The policy of a server with a `scopes:` section: only what it maps exists. `allow` holds globs over `tools/<name>`, `prompts/<name>` and
 * `resources/<uri>` (normalised), where `*` does not cross `/`. Protocol calls (initialize, lists, ping) need any one of the server's scopes, of
 * which a baseline scope is asked for first.
 * @throws TypeError for a malformed glob or scope name, a glob outside the three folders, an unknown included scope, or a cycle.
 */
export function createScopesPolicy(options: {
  readonly scopes: Readonly<Record<string, ScopeConfig>>;
  readonly baseline: readonly string[];
  readonly rules?: readonly Rule[];
}): Policy {
  const { scopes, baseline } = options;
  const names = Object.keys(scopes);
  const includes = Object.fromEntries(names.map((name) => [name, scopes[name]?.includes ?? []]));
  validate(scopes, includes);
  const hierarchy = createScopeHierarchy(includes);
  const breadth = (name: string) => hierarchy.get(name)?.length ?? 1;
  const leastFirst = names.toSorted((a, b) => breadth(a) - breadth(b));
  const rows = leastFirst.map((scope) => ({ scope, globs: (scopes[scope]?.allow ?? []).map(createGlob) }));
  const ofProtocol = [...baseline.filter((scope) => names.includes(scope)), ...leastFirst];
  const permitting = (text: string) => rows.filter(({ globs }) => matchesAny(globs, text)).map(({ scope }) => scope);
  return {
    hierarchy,
    rules: options.rules ?? [],
    permittedBy: ({ kind, name }: McpCall) => {
      if (kind === "protocol") return ofProtocol;
      const folder = FOLDERS[kind];
      return folder === undefined || name === undefined ? [] : permitting(folder + name);
    },
  };
}

function matchesAny(globs: readonly Glob[], text: string): boolean {
  return globs.some((glob) => glob.matches(text));
}

function validate(
  scopes: Readonly<Record<string, ScopeConfig>>,
  includes: Readonly<Record<string, readonly string[]>>,
): void {
  const problems: string[] = [];
  for (const [scope, { allow = [] }] of Object.entries(scopes)) {
    for (const included of includes[scope] ?? []) {
      if (!(included in scopes)) problems.push(`${scope} includes ${JSON.stringify(included)}, which is not there`);
    }
    for (const glob of allow) {
      const placed = Object.values(FOLDERS).some((folder) => glob.startsWith(folder));
      if (!placed) problems.push(`${scope}: ${JSON.stringify(glob)} begins with none of tools/, prompts/, resources/`);
    }
  }
  if (problems.length > 0) throw new TypeError(`scopes: ${problems.join("; ")}`);
}
