import {
  type Actor,
  type CallDetail,
  type JsonObject,
  type McpCall,
  MODERN,
  OAuthError,
  parseJson,
  parseScope,
  REVISIONS,
  type Revision,
} from "@sallyport/auth";
import { readAskedDetails } from "./ask-details.js";
import { entitledScopes } from "./entitlement.js";
import { type Explanation, explainBody, explainClientRequest, type Question } from "./explain.js";
import type { ServerPolicy } from "./server-policy.js";

/** A question as people write it, on the command line and in expectations. */
export interface Ask {
  readonly sub: string;
  /** `client_id`; default `any`. */
  readonly client?: string;
  /** A client that acts for itself, with no person behind it. Default: a person. */
  readonly kind?: "user" | "client";
  /** Granted scopes, space-separated; default none. */
  readonly scope?: string;
  /** Single calls that were agreed to beside the scopes (RFC 9396): JSON text of `authorization_details`. Default none. */
  readonly details?: string;
  readonly roles?: readonly string[];
  /** Issuer of the token; default `""`. */
  readonly iss?: string;
  /** What the records say may be granted; default: what `roles`, `allowed` and the file make of it. */
  readonly entitled?: readonly string[];
  /** What `sallyport user allow` added. */
  readonly allowed?: readonly string[];
  /** The current actor first, then the earlier ones (RFC 8693 §4.1). */
  readonly act?: readonly string[];
  readonly tool?: string;
  readonly prompt?: string;
  readonly resource?: string;
  readonly method?: string;
  /** What the server asks of the client: `sampling`, `elicitation`, `roots` or `tasks`. */
  readonly request?: string;
  /** Arguments of the tool or prompt, or the params of a bare method. JSON text, so that its numbers stay as they were written. */
  readonly args?: string;
  readonly revision?: Revision;
  /** Integer seconds. */
  readonly time?: number;
  readonly address?: string;
}

/** What is wrong with a question itself. */
export class AskError extends Error {
  override readonly name = "AskError";
  constructor(
    message: string,
    /** The part of the question that is wrong, where a single one is; the message does not name it then. */
    readonly part?: "args",
  ) {
    super(message);
  }
}

/** Answers a question as the gateway would answer the request. @throws AskError. */
export function answerAsk(
  policy: ServerPolicy,
  ask: Ask,
  server: { readonly name: string; readonly now: number },
): Explanation {
  if (ask.request !== undefined) return answerRequest(policy, ask, server);
  const body = Buffer.from(bodyOf(ask));
  const revisions =
    ask.revision === undefined ? [MODERN, ...REVISIONS.filter((one) => one !== MODERN).reverse()] : [ask.revision];
  const answers = revisions.map(
    (revision) => () => explainBody(policy, body, questionOf(policy, { ask, revision, ...server })),
  );
  // Methods come and go with revisions: where none was named, the newest that has the method answers.
  let answer = answers[0]?.();
  for (const next of answers.slice(1)) {
    if (answer?.outcome !== "invalid" || !answer.reason.startsWith("Method not found")) break;
    answer = next();
  }
  if (answer === undefined) throw new AskError("no revision to answer for");
  return answer;
}

/** The methods by which servers ask. */
const REQUEST_METHODS: Readonly<Record<string, string>> = {
  sampling: "sampling/createMessage",
  elicitation: "elicitation/create",
  roots: "roots/list",
  tasks: "tasks/get",
};

function answerRequest(policy: ServerPolicy, ask: Ask, server: { readonly name: string; readonly now: number }) {
  const { request = "", tool, prompt, resource, method, revision = "2025-11-25" } = ask;
  const named = REQUEST_METHODS[request];
  if (named === undefined) throw new AskError(`request: servers ask ${Object.keys(REQUEST_METHODS).join(", ")}`);
  if ([tool, prompt, resource, method].some((other) => other !== undefined)) throw new AskError(ONE_THING);
  const body = bodyOf({ ...ask, method: named });
  return explainClientRequest(policy, Buffer.from(body), questionOf(policy, { ask, revision, ...server }));
}

const ONE_THING = "ask for exactly one of tool, prompt, resource, method and request";

interface QuestionParts {
  readonly ask: Ask;
  readonly revision: Revision;
  readonly name: string;
  readonly now: number;
}

function questionOf(policy: ServerPolicy, { ask, revision, name, now }: QuestionParts): Question {
  const time = ask.time ?? now;
  const [actor, ...chain] = (ask.act ?? []).map((sub): Actor => ({ sub }));
  return {
    server: name,
    revision,
    principal: {
      iss: ask.iss ?? "",
      sub: ask.sub,
      client_id: ask.client ?? "any",
      sid: undefined,
      jti: undefined,
      scopes: scopesOf(ask.scope),
      ...(ask.details !== undefined && { details: detailsOf(policy, ask.details, time) }),
      kind: ask.kind ?? "user",
      actor,
      chain,
      cnf: undefined,
      roles: ask.roles ?? [],
      exp: time + 600,
      iat: time,
    },
    entitled: entitledOf(policy, ask),
    request: { method: "POST", remoteAddress: ask.address },
    now: time,
    creatingCall: () => createdBy(ask, { server: name, revision }),
  };
}

function detailsOf(policy: ServerPolicy, text: string, time: number): readonly CallDetail[] {
  try {
    return readAskedDetails(text, policy, time);
  } catch (error) {
    if (error instanceof OAuthError) throw new AskError(`details: ${error.error_description}`);
    throw error;
  }
}

function scopesOf(scope: string | undefined): readonly string[] {
  try {
    return parseScope(scope ?? "");
  } catch {
    throw new AskError(`scope: ${JSON.stringify(scope)} is not a list of scopes with single spaces between them`);
  }
}

/** A file without `access` says nothing of anybody, and then nobody's entitlement is what the question is about. */
function entitledOf(
  { scopes, config: { access } }: ServerPolicy,
  { sub, roles = [], allowed = [], entitled }: Ask,
): readonly string[] {
  if (entitled !== undefined) return entitled;
  if (access === undefined) return scopes;
  return entitledScopes({ user: { name: sub, roles, owner: false, disabled: false }, scopes, access, allowed });
}

/** A task is judged as the call that made it, which the question has to name. */
function createdBy({ tool, args }: Ask, place: Pick<McpCall, "server" | "revision">): McpCall | undefined {
  if (tool === undefined) return undefined;
  const made = args === undefined ? undefined : (parseJson(args) as JsonObject);
  return { ...place, method: "tools/call", kind: "tool", name: tool, arguments: made };
}

function bodyOf(ask: Ask): string {
  const { method = methodOf(ask) } = ask;
  if (ask.args !== undefined) checkJsonObject(ask.args);
  return `{"jsonrpc":"2.0","id":1,"method":${JSON.stringify(method)},"params":${paramsOf(method, ask)}}`;
}

function checkJsonObject(text: string): void {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw new AskError(`this is not JSON (${(error as Error).message})`, "args");
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return;
  const what = value === null ? "null" : Array.isArray(value) ? "a list" : `a ${typeof value}`;
  throw new AskError(`this must be a JSON object of names and values, and is ${what}`, "args");
}

function methodOf({ tool, prompt, resource }: Ask): string {
  const named = [
    [tool, "tools/call"],
    [prompt, "prompts/get"],
    [resource, "resources/read"],
  ].filter(([name]) => name !== undefined);
  const [first, second] = named;
  if (first?.[1] === undefined || second !== undefined) {
    throw new AskError(ONE_THING);
  }
  return first[1];
}

/** Methods that name something elsewhere than `tools/call`, `prompts/get` and the `resources/…` methods do. */
const PARAMS: Readonly<Record<string, (ask: Ask) => unknown>> = {
  "completion/complete": ({ prompt, resource }) => ({
    ref: prompt === undefined ? { type: "ref/resource", uri: resource } : { type: "ref/prompt", name: prompt },
    argument: { name: "any", value: "" },
  }),
  "subscriptions/listen": ({ resource }) => ({
    notifications: { ...(resource !== undefined && { resourceSubscriptions: [resource] }) },
  }),
};

/** JSON text; arguments go in as they were written. */
function paramsOf(method: string, ask: Ask): string {
  const { tool, prompt, resource, args } = ask;
  if (method.startsWith("tasks/") && tool !== undefined) return '{"taskId":"any"}';
  const special = PARAMS[method];
  if (special !== undefined && args === undefined) return JSON.stringify(special(ask));
  const name = tool ?? prompt;
  if (name !== undefined) return `{"name":${JSON.stringify(name)}${args === undefined ? "" : `,"arguments":${args}`}}`;
  if (resource !== undefined) return JSON.stringify({ uri: resource });
  return args ?? "{}";
}
