import { parseJson as parseText } from "@sallyport/auth";
import type { Ask } from "../../policy/ask.js";
import type { Form } from "../../sign-in/form.js";

/** What can be asked about, and how a form and JSON call it. */
export const KINDS = ["tool", "prompt", "resource", "request"] as const;
export type Kind = (typeof KINDS)[number];

/** A question as somebody types it. */
export interface Asked {
  /** Title or name of the server; `""` where there is one. */
  readonly server: string;
  /** User name; `""` = whoever asks. */
  readonly user: string;
  /** `client_id`; `""` = a program that has been granted nothing. */
  readonly client: string;
  readonly kind: Kind;
  readonly name: string;
  /** JSON text; `""` = none. */
  readonly args: string;
}

export const NOTHING_ASKED: Asked = { server: "", user: "", client: "", kind: "tool", name: "", args: "" };

/** What is wrong with a question itself; `field` is where. */
export class QuestionProblem extends Error {
  override readonly name = "QuestionProblem";
  constructor(
    readonly field: keyof Asked | undefined,
    message: string,
  ) {
    super(message);
  }
}

export function parseForm(form: Form): Asked {
  const text = (name: string) => (form.get(name) ?? "").trim();
  return {
    server: text("server"),
    user: text("user"),
    client: text("client"),
    kind: kindOf(text("kind")),
    name: text("name"),
    args: text("args"),
  };
}

const MEMBERS: ReadonlySet<string> = new Set(["server", "user", "client", "args", ...KINDS]);

/** `{ server, tool | prompt | resource | request, args, client, user }`, `args` an object. @throws QuestionProblem. */
export function parseJson(text: string): Asked {
  let value: unknown;
  try {
    value = parseText(text);
  } catch {
    throw new QuestionProblem(undefined, "The body is not JSON.");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new QuestionProblem(undefined, "The body must be a JSON object.");
  const members = value as Readonly<Record<string, unknown>>;
  const unknown = Object.keys(members).find((name) => !MEMBERS.has(name));
  if (unknown !== undefined) {
    throw new QuestionProblem(
      undefined,
      `There is no ${JSON.stringify(unknown)}; there are ${[...MEMBERS].join(", ")}.`,
    );
  }
  const kinds = KINDS.filter((kind) => members[kind] !== undefined);
  const [kind, second] = kinds;
  if (kind === undefined || second !== undefined)
    throw new QuestionProblem("name", `Ask about exactly one of ${KINDS.join(", ")}.`);
  const string = (name: keyof Asked | Kind) => {
    const member = members[name] ?? "";
    if (typeof member !== "string")
      throw new QuestionProblem(name in NOTHING_ASKED ? (name as keyof Asked) : "name", `${name} must be a string.`);
    return member;
  };
  return {
    server: string("server"),
    user: string("user"),
    client: string("client"),
    kind,
    name: string(kind),
    args: members.args === undefined ? "" : JSON.stringify(members.args),
  };
}

/** The thing itself, as the engine is asked for it. @throws QuestionProblem. */
export function thingOf({ kind, name, args }: Asked): Pick<Ask, Kind | "args"> {
  if (name === "") throw new QuestionProblem("name", "Say what is to be used.");
  return { [kind]: name, ...(args !== "" && { args }) };
}

function kindOf(text: string): Kind {
  return KINDS.find((kind) => kind === text) ?? "tool";
}
