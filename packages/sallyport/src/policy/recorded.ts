import type { Actor, McpCall } from "@sallyport/auth";
import { clientScopes, entitledScopes } from "./entitlement.js";
import type { ServerPolicy } from "./server-policy.js";

/** What a decision was made on, as it was recorded: wire form of the decision log. */
export interface RecordedQuestion {
  readonly server: string;
  readonly method: string;
  readonly kind: McpCall["kind"];
  readonly name?: string;
  readonly toolScope?: string;
  readonly revision: string;
  /** What decided then. */
  readonly rule?: string;
  readonly iss: string;
  readonly sub: string;
  readonly client: string;
  readonly asClient?: true;
  readonly actors?: readonly Actor[];
  readonly roles?: readonly string[];
  readonly scopes: string;
  readonly entitled: string;
  readonly details?: readonly string[];
  readonly names?: readonly string[];
  readonly allowed?: string;
  readonly http: "POST" | "GET" | "DELETE";
  readonly address?: string;
}

/** Scopes as the log has them. */
export const listOf = (text: string | undefined): readonly string[] =>
  text === undefined || text === "" ? [] : text.split(" ");

/** What `access` may know the caller by; somebody of another authorization server by issuer and subject. */
export function entitledNames({ iss, sub, names = [] }: RecordedQuestion): readonly string[] {
  return names.length === 0 ? [`${iss}|${sub}`] : names;
}

/** What the file would have entitled this caller to, then. */
export function entitledOf(
  question: RecordedQuestion,
  { scopes, config: { access } }: ServerPolicy,
): readonly string[] {
  if (access === undefined) return listOf(question.entitled);
  const { sub, roles = [], allowed, asClient } = question;
  if (asClient) return clientScopes(sub, { scopes, access });
  const [name = sub, ...identities] = entitledNames(question);
  const user = { name, identities, roles, owner: false, disabled: false };
  return entitledScopes({ user, scopes, access, allowed: listOf(allowed) });
}

const MAX_NAME = 256;
/** Stands at the end of what the log has cut. */
export const CUT = "…";

/** The log leaves out queries of resources, and the rest of what is very long. */
export function isNameCut({ kind, name }: RecordedQuestion): boolean {
  return name?.endsWith(CUT) === true && (kind === "resource" || name.length >= MAX_NAME);
}
