import type { Policy } from "@sallyport/auth";
import type { ResourceDescription } from "@sallyport/auth/authorization-server";
import type { ScopeConfig } from "../config/schema.js";
import type { Catalogue } from "./catalogue.js";
import { DEFAULT_INCLUDES, READ, WRITE } from "./default-scopes.js";

type ScopeDescription = ResourceDescription["scopes"][number];

/** What a person reads who does not know OAuth. */
const WORDS: Readonly<Record<string, { readonly title: string; readonly description: string }>> = {
  [READ]: {
    title: "Read",
    description: "Look things up through this server. The server says that these tools change nothing.",
  },
  [WRITE]: { title: "Change", description: "Everything above, and tools that can create, change or delete things." },
};

/** What stands behind a scope besides its tools, where nothing else is configured. */
const BESIDES: Readonly<Record<string, readonly string[]>> = { [READ]: ["resources", "prompts"] };

export interface DescribeOptions {
  /** The exact resource URL. */
  readonly resource: string;
  /** What people call the server. */
  readonly name: string;
  /** The one in force, and not what holds it: it is asked later for the tools, and a page shows one policy. */
  readonly policy: Policy;
  readonly catalogue: Pick<Catalogue, "entries">;
  readonly baseline: readonly string[];
  /** The `scopes:` section; absent: `mcp:read` and `mcp:write`. */
  readonly scopes?: Readonly<Record<string, ScopeConfig>>;
}

/** The consent page's words about one server: every scope in plain words, with the tools behind it as they are known right now. */
export function describeResource(options: DescribeOptions): ResourceDescription {
  const { resource, name, baseline, scopes } = options;
  const all = Object.keys(scopes ?? DEFAULT_INCLUDES);
  const known = options.catalogue.entries().map(({ tool }) => tool);
  // Only pages and single calls want them, which then look again and again; of every tool the policy is asked for its scope.
  let sorted: ReadonlyMap<string, readonly string[]> | undefined;
  const toolsOf = (scope: string) => {
    sorted ??= sortByScope(known, options);
    return sorted.get(scope) ?? [];
  };
  return { resource, name, baseline, scopes: all.map((scope) => describeScope(scope, { known, toolsOf }, options)) };
}

interface Tools {
  readonly known: readonly string[];
  /** What stands behind a scope. */
  toolsOf(scope: string): readonly string[];
}

function describeScope(scope: string, { known, toolsOf }: Tools, options: DescribeOptions): ScopeDescription {
  const { policy, scopes } = options;
  const words = scopes === undefined ? WORDS[scope] : undefined;
  // A server that describes itself to callers only is not known before the first of them.
  const expected = known.length > 0 ? {} : { expected: patternsOf(scopes?.[scope]) };
  const includes = (policy.hierarchy.get(scope) ?? []).filter((included) => included !== scope);
  return {
    scope,
    title: scopes?.[scope]?.title ?? words?.title ?? scope,
    ...(words === undefined ? {} : { description: words.description }),
    includes,
    get tools() {
      return toolsOf(scope);
    },
    ...expected,
  };
}

/** Each tool under its least scope: it stands behind one only, so that the page shows what agreeing adds. What is no tool comes after them. */
function sortByScope(
  known: readonly string[],
  { policy, scopes }: DescribeOptions,
): ReadonlyMap<string, readonly string[]> {
  const sorted = new Map<string, string[]>(Object.keys(scopes ?? DEFAULT_INCLUDES).map((scope) => [scope, []]));
  for (const name of known) {
    const call = { server: "", revision: "2025-11-25", method: "tools/call", kind: "tool", name } as const;
    const [least = ""] = policy.permittedBy({ ...call, arguments: undefined });
    sorted.get(least)?.push(name);
  }
  for (const [scope, tools] of sorted) tools.push(...besidesTools(scope, scopes));
  return sorted;
}

function patternsOf({ allow = [] }: Pick<ScopeConfig, "allow"> | Record<string, never> = {}): readonly string[] {
  return allow.flatMap((glob: string) => (glob.startsWith("tools/") ? glob.slice("tools/".length) : []));
}

function besidesTools(scope: string, scopes: Readonly<Record<string, ScopeConfig>> | undefined): readonly string[] {
  if (scopes === undefined) return BESIDES[scope] ?? [];
  const allow = scopes[scope]?.allow ?? [];
  return ["resources", "prompts"].filter((kind) => allow.some((glob) => glob.startsWith(`${kind}/`)));
}
