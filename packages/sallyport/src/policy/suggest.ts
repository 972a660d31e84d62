import { createCallGlob, expandScopes, type McpCall, type Revision, targetOf } from "@sallyport/auth";
import type { AccessConfig, Config, ScopeConfig } from "../config/schema.js";
import { REMOVE, type YamlChange } from "../config/yaml-edit.js";
import { DEFAULT_INCLUDES } from "./default-scopes.js";
import { entitledNames, entitledOf, isNameCut, listOf, type RecordedQuestion } from "./recorded.js";
import { createServerPolicy, type ServerPolicy } from "./server-policy.js";

/** The least policy of one server for what was allowed there. */
export interface Suggestion {
  readonly server: string;
  /** Different questions that were looked at. */
  readonly questions: number;
  /** What becomes of the server's part of the file; `undefined`: it is the least already, or nothing was recorded. */
  readonly change: { readonly [setting: string]: YamlChange } | undefined;
  /** Targets that no glob can stand for: names that were not recorded whole, or hold a star. */
  readonly left: readonly string[];
}

/** Something that was allowed, with the scope that it is to need. */
interface Need {
  readonly question: RecordedQuestion;
  readonly target: string | undefined;
  readonly scope: string;
}

/**
 * From calls that were allowed to the scopes and `access` that allow them and nothing that nobody did: each scope maps exactly the tools, prompts
 * and resources that were called with it, each entry of `access` keeps the selectors and scopes that somebody used. Rules stay. Tools of a
 * server without `scopes` get the scope that the catalogue had for them. Whoever shares a role, or a scope, may do what the others did.
 */
export function suggestPolicy(
  config: Pick<Config, "rules" | "servers" | "source">,
  name: string,
  questions: Iterable<RecordedQuestion>,
): Suggestion {
  const server = config.servers[name];
  if (server === undefined) throw new TypeError(`suggest: no server ${JSON.stringify(name)}`);
  let toolScope: string | undefined;
  const policy = createServerPolicy(config, { name, config: server }, { scopeOf: () => toolScope });
  const needs: Need[] = [];
  const left = new Set<string>();
  let count = 0;
  for (const question of questions) {
    toolScope = question.toolScope;
    count += 1;
    const need = needOf(question, policy);
    if (need === undefined) continue;
    if (need.target !== undefined && (isNameCut(question) || !isGlob(need.target))) left.add(need.target);
    else needs.push(need);
  }
  const none = { server: name, questions: count, left: [...left].sort() };
  if (needs.length === 0) return { ...none, change: undefined };
  const access = server.access === undefined ? undefined : narrowAccess(server.access, needs, policy);
  const scopes = narrowScopes(server.scopes, needs);
  return { ...none, change: { scopes, ...(access !== undefined && { access }) } };
}

/** `undefined` for what today's policy would not allow: it says nothing about what has to be. */
function needOf(question: RecordedQuestion, current: ServerPolicy): Need | undefined {
  const { server, method, kind, name, revision, scopes } = question;
  const call: McpCall = { server, method, kind, name, revision: revision as Revision, arguments: undefined };
  const { policy } = current;
  const may = expandScopes(policy.hierarchy, entitledOf(question, current));
  const has = expandScopes(policy.hierarchy, listOf(scopes));
  const possible = policy.permittedBy(call).filter((one) => may.has(one));
  // Without the scope it was a single call that was agreed to (RFC 9396), which still needs one that maps it.
  const scope = possible.find((one) => has.has(one)) ?? (question.details === undefined ? undefined : possible[0]);
  return scope === undefined ? undefined : { question, target: targetOf(call), scope };
}

function isGlob(target: string): boolean {
  try {
    return createCallGlob(target).exact === target;
  } catch {
    return false;
  }
}

function narrowScopes(section: Readonly<Record<string, ScopeConfig>> | undefined, needs: readonly Need[]): YamlChange {
  const targets = new Map<string, Set<string>>();
  for (const { scope, target } of needs) {
    if (target === undefined) continue;
    const known = targets.get(scope) ?? new Set<string>();
    targets.set(scope, known.add(target));
  }
  const sorted = (scope: string) => [...(targets.get(scope) ?? [])].sort();
  if (section === undefined) {
    return Object.fromEntries(
      Object.entries(DEFAULT_INCLUDES).map(([scope, includes]) => {
        const allow = sorted(scope);
        return [scope, { ...(includes.length > 0 && { includes }), ...(allow.length > 0 && { allow }) }];
      }),
    );
  }
  return Object.fromEntries(
    Object.entries(section).map(([scope, { allow = [] }]) => {
      const wanted = sorted(scope);
      if (wanted.length === 0) return [scope, allow.length === 0 ? {} : { allow: REMOVE }];
      const kept = allow.map((glob) => (wanted.includes(glob) ? glob : REMOVE));
      return [scope, { allow: [...kept, ...wanted.filter((target) => !allow.includes(target))] }];
    }),
  );
}

/** What of one entry somebody used. */
interface Used {
  readonly roles: Set<string>;
  readonly users: Set<string>;
  readonly clients: Set<string>;
  readonly scopes: Set<string>;
}

function narrowAccess(
  access: readonly AccessConfig[],
  needs: readonly Need[],
  { policy: { hierarchy } }: ServerPolicy,
): YamlChange | undefined {
  const used = access.map((): Used => ({ roles: new Set(), users: new Set(), clients: new Set(), scopes: new Set() }));
  for (const { question, scope } of needs) {
    // Who was given it by `user allow` needs no entry.
    if (expandScopes(hierarchy, listOf(question.allowed)).has(scope)) continue;
    const index = access.findIndex(
      (entry) => expandScopes(hierarchy, entry.scopes).has(scope) && selectorOf(entry, question) !== undefined,
    );
    const [entry, mine] = [access[index], used[index]];
    const selector = entry && selectorOf(entry, question);
    if (selector === undefined) continue;
    mine?.[selector.kind].add(selector.value);
    mine?.scopes.add(scope);
  }
  if (used.every(({ scopes }) => scopes.size === 0)) return undefined;
  return access.map((entry, index) => {
    const mine = used[index];
    if (mine === undefined || mine.scopes.size === 0) return REMOVE;
    const selectors = (["roles", "users", "clients"] as const).flatMap((kind) => {
      const values = entry[kind];
      if (values === undefined) return [];
      const kept = values.map((value) => (mine[kind].has(value) ? value : REMOVE));
      return [[kind, kept.every((value) => value === REMOVE) ? REMOVE : kept] as const];
    });
    const least = [...mine.scopes].filter(
      (scope) => ![...mine.scopes].some((other) => other !== scope && expandScopes(hierarchy, [other]).has(scope)),
    );
    const kept = entry.scopes.map((scope) => (least.includes(scope) ? scope : REMOVE));
    const scopes = [...kept, ...least.filter((scope) => !entry.scopes.includes(scope))];
    return { ...Object.fromEntries(selectors), scopes };
  });
}

/** By what an entry knows somebody: their name before a role that others have too. */
function selectorOf(
  { roles = [], users = [], clients = [] }: AccessConfig,
  question: RecordedQuestion,
): { readonly kind: "roles" | "users" | "clients"; readonly value: string } | undefined {
  if (question.asClient) {
    return clients.includes(question.sub) ? { kind: "clients", value: question.sub } : undefined;
  }
  const user = users.find((name) => entitledNames(question).includes(name));
  if (user !== undefined) return { kind: "users", value: user };
  const role = roles.find((one) => question.roles?.includes(one));
  return role === undefined ? undefined : { kind: "roles", value: role };
}
