import { AskError, answerAsk } from "../../policy/ask.js";
import type { Explanation } from "../../policy/explain.js";
import type { Kit } from "../../sign-in/kit.js";
import type { User } from "../../sign-in/storage.js";
import { type ClientAccess, readOverview } from "../overview.js";
import type { Asker, ExplainedServer, ExplainOptions } from "./contract.js";
import { type Asked, QuestionProblem, thingOf } from "./question.js";

/** What an answer was made from: the records as they are now. */
export interface Used {
  readonly server: string;
  readonly user: string;
  readonly roles: readonly string[];
  /** Scopes that this person may be granted there. */
  readonly entitled: readonly string[];
  /** `undefined`: none, and so nothing granted. */
  readonly client: { readonly client_id: string; readonly name: string } | undefined;
  /** Scopes granted to that program there. A token of it may have fewer. */
  readonly granted: readonly string[];
  /** Integer seconds. */
  readonly time: number;
}

export interface Answered {
  readonly allow: boolean;
  readonly outcome: Explanation["outcome"];
  /** What decided; without its place for whoever is no operator. */
  readonly rule: string;
  readonly reason: string;
  /** What a caller reads; absent where it is allowed. */
  readonly because?: string;
  readonly missingScopes: readonly string[];
  /** What was asked about, as `tools/<name>`. */
  readonly target: string;
  readonly used: Used;
  /** Everything: for operators. */
  readonly explanation?: Explanation;
}

/**
 * Answers by the engine and the records that decide real calls. Operators see all of it; others see what a denied call would tell them, which rule that
 * was, and the scopes to ask for: never conditions, lines, other rules, or whether something they cannot reach exists.
 * @throws QuestionProblem.
 */
export async function answerQuestion(
  { kit, options, asker }: { readonly kit: Kit; readonly options: ExplainOptions; readonly asker: Asker },
  asked: Asked,
): Promise<Answered> {
  const server = serverOf(options.servers(), asked.server);
  const person = await personOf(kit, asker, asked.user);
  const now = kit.system.now();
  const entitlement = await options.entitlementOf(person.sub, server.name);
  if (entitlement === undefined) throw new QuestionProblem("user", "This account is disabled: every call is refused.");
  const programs = await readOverview(options.account, person.sub, now);
  const { client, granted } = grantOf(programs, asked.client, server);
  const { roles, entitled } = entitlement;
  const ask = {
    ...thingOf(asked),
    sub: person.sub,
    iss: options.issuer,
    client: client?.client_id ?? "any",
    scope: granted.join(" "),
    roles,
    entitled,
  };
  try {
    const explanation = answerAsk(server.policy, ask, { name: server.name, now });
    if (person.sub !== asker.user.sub) {
      kit.system.log("info", "explained for somebody else", {
        by: asker.user.sub,
        sub: person.sub,
        target: explanation.target,
      });
    }
    const used = { server: server.title, user: person.name, roles, entitled, client, granted, time: now };
    return asker.operator
      ? { ...tell(explanation), rule: explanation.rule, explanation, used }
      : { ...tell(explanation), used };
  } catch (error) {
    if (error instanceof AskError) throw problemOf(error);
    throw error;
  }
}

/** In the words that a caller would get. */
function tell({ allow, outcome, rule, reason, because, missingScopes, target }: Explanation) {
  return {
    allow,
    outcome,
    // Ids end in file and line.
    rule: rule.replace(/@.*$/s, ""),
    reason: allow ? reason : (because ?? "It is not allowed."),
    ...(because !== undefined && { because }),
    missingScopes,
    target,
  };
}

function serverOf(servers: readonly ExplainedServer[], wanted: string): ExplainedServer {
  const [only, second] = servers;
  const found =
    wanted === "" && second === undefined
      ? only
      : servers.find(({ title, name }) => wanted === title || wanted === name);
  if (found === undefined) throw new QuestionProblem("server", "Choose one of the servers.");
  return found;
}

/** Whoever is no operator gets one answer for everybody else, whether they exist or not. */
async function personOf(kit: Kit, { user, operator }: Asker, name: string): Promise<User> {
  if (name === "" || name === user.name) return user;
  if (!operator) throw new QuestionProblem("user", "You can ask for yourself only.");
  const found = await kit.storage.users.findByName(name);
  if (found === undefined) throw new QuestionProblem("user", "There is nobody by that user name.");
  return found;
}

function grantOf(
  programs: readonly ClientAccess[],
  client_id: string,
  { resource }: ExplainedServer,
): Pick<Used, "client" | "granted"> {
  if (client_id === "") return { client: undefined, granted: [] };
  const program = programs.find((one) => one.client_id === client_id);
  if (program === undefined) throw new QuestionProblem("client", "This program has been granted nothing anywhere.");
  const grant = program.grants.find((one) => one.resource === resource);
  return { client: { client_id, name: program.name }, granted: grant?.scopes.map(({ scope }) => scope) ?? [] };
}

function problemOf({ message, part }: AskError): QuestionProblem {
  if (part === "args") return new QuestionProblem("args", `The arguments: ${message}.`);
  return new QuestionProblem("name", `${message.charAt(0).toUpperCase()}${message.slice(1)}.`);
}
