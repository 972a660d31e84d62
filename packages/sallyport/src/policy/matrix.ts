import { expandScopes, type McpCall, MODERN, type Policy, UNKNOWN_ARGUMENTS } from "@sallyport/auth";
import type { PolicyRule } from "./rules.js";
import type { ServerPolicy } from "./server-policy.js";

/** `if` = a condition decides; the row says which. */
export type Cell = "yes" | "if" | "no";

export interface MatrixRow {
  /** `tools/<name>` and so on; a glob where only a glob is known. */
  readonly target: string;
  /** One cell a scope, then one a role, in the order of {@link Matrix}. */
  readonly byScope: readonly Cell[];
  readonly byRole: readonly Cell[];
  /** The rules that have a say about it, besides scopes. */
  readonly rules: readonly PolicyRule[];
}

/** Who can do what on one server: scopes × things, roles × things. */
export interface Matrix {
  readonly server: string;
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
  readonly rows: readonly MatrixRow[];
}

const KINDS: Readonly<Record<string, Pick<McpCall, "kind" | "method">>> = {
  tools: { kind: "tool", method: "tools/call" },
  prompts: { kind: "prompt", method: "prompts/get" },
  resources: { kind: "resource", method: "resources/read" },
  // What servers ask of clients needs no scope: rules alone say.
  requests: { kind: "request", method: "" },
};

/** Made from the file and from the tools that are known; nobody's sessions are looked at. */
export function createMatrix(policy: ServerPolicy, server: string, tools: readonly string[]): Matrix {
  const roles = [...new Set((policy.config.access ?? []).flatMap((entry) => entry.roles ?? []))];
  const targets = [
    ...new Set([...tools.map((tool) => `tools/${tool}`), ...namedTargets(policy, tools.length > 0)]),
  ].sort();
  return {
    server,
    scopes: policy.scopes,
    roles,
    rows: targets.map((target) => rowOf(policy, { server, target, roles })),
  };
}

/** Whatever the file names; its globs over tools only where the tools themselves are not known. */
function namedTargets({ config, rules }: ServerPolicy, toolsKnown: boolean): readonly string[] {
  const ofScopes = Object.values(config.scopes ?? {}).flatMap(({ allow = [] }) => allow);
  const ofRules = rules.flatMap(({ patterns }) => patterns.map(({ pattern }) => pattern));
  const shown = (target: string) => !(toolsKnown && target.startsWith("tools/") && target.includes("*"));
  return [...ofScopes, ...ofRules].filter(shown);
}

function rowOf(
  policy: ServerPolicy,
  { server, target, roles }: { readonly server: string; readonly target: string; readonly roles: readonly string[] },
): MatrixRow {
  const slash = target.indexOf("/");
  const kind = KINDS[target.slice(0, slash)];
  if (kind === undefined) throw new TypeError(`matrix: no kind for ${JSON.stringify(target)}`);
  const call: McpCall = {
    server,
    revision: MODERN,
    ...kind,
    name: target.slice(slash + 1),
    arguments: UNKNOWN_ARGUMENTS,
  };
  const rules = policy.rules.filter((rule) => rule.mode !== "record" && rule.applies(call));
  const permitting = call.kind === "request" ? policy.scopes : policy.policy.permittedBy(call);
  const cell = (scopes: readonly string[]) => cellOf(rules, permitting, expandScopes(policy.policy.hierarchy, scopes));
  return {
    target,
    byScope: policy.scopes.map((scope) => cell([scope])),
    byRole: roles.map((role) => cell(scopesOfRole(policy, role))),
    rules,
  };
}

/** A condition is not guessed at: whoever it lets through depends on the call. */
function cellOf(
  rules: readonly PolicyRule[],
  permitting: ReturnType<Policy["permittedBy"]>,
  has: ReadonlySet<string>,
): Cell {
  if (!permitting.some((scope) => has.has(scope))) return "no";
  const denies = rules.filter(({ effect }) => effect === "deny");
  if (denies.some(({ condition }) => condition === undefined)) return "no";
  const allows = rules.filter(({ effect }) => effect === "allow");
  const always = allows.length === 0 || allows.some(({ condition }) => condition === undefined);
  return denies.length === 0 && always ? "yes" : "if";
}

function scopesOfRole({ config }: ServerPolicy, role: string): readonly string[] {
  return (config.access ?? []).flatMap((entry) => (entry.roles?.includes(role) ? entry.scopes : []));
}
