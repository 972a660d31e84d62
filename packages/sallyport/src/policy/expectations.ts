import { basename } from "node:path";
import { REVISIONS } from "@sallyport/auth";
import { LineCounter, parseDocument } from "yaml";
import { z } from "zod";
import { ConfigError, formatProblems, lineOf } from "../config/problem.js";
import type { Ask } from "./ask.js";
import type { Explanation } from "./explain.js";

/** `deny` is any refusal; `step-up` and `unknown` are two kinds of it. */
export type Expected = "allow" | "deny" | "step-up" | "unknown";

/** One question and the answer that its author wants, kept beside the policy. */
export interface Expectation {
  readonly title: string;
  readonly server: string | undefined;
  readonly ask: Ask;
  readonly readOnly: boolean;
  readonly expect: Expected;
  /** The beginning of the id of the rule that has to decide. */
  readonly rule: string | undefined;
  /** `file:line`. */
  readonly place: string;
}

const text = z.string().min(1);
const list = z.union([text.transform((one) => [one]), z.array(text)]);
const expectation = z.strictObject({
  title: text.optional(),
  server: text.optional(),
  sub: text,
  client: text.optional(),
  kind: z.enum(["user", "client"]).optional(),
  scope: z.string().optional(),
  roles: list.optional(),
  allowed: list.optional(),
  act: list.optional(),
  tool: text.optional(),
  prompt: text.optional(),
  resource: text.optional(),
  method: text.optional(),
  request: text.optional(),
  args: z.union([z.record(z.string(), z.unknown()), text]).optional(),
  revision: z.enum(REVISIONS).optional(),
  time: z.iso.datetime({ offset: true }).optional(),
  address: text.optional(),
  readOnly: z.boolean().optional(),
  expect: z.enum(["allow", "deny", "step-up", "unknown"]),
  rule: text.optional(),
});
const fileType = z.strictObject({ tests: z.array(expectation).min(1) });

/** Reads a file of expectations. @throws ConfigError with line and column of everything that is wrong. */
export function parseExpectations(source: string, file: string): readonly Expectation[] {
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false });
  const [broken] = document.errors;
  if (broken !== undefined)
    throw new ConfigError(`${file}:${lines.linePos(broken.pos[0]).line}: not YAML: ${broken.message}`);
  const origin = { document, lines, text: source };
  const parsed = fileType.safeParse(document.toJS({ maxAliasCount: 100 }));
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => ({
      path: issue.path.filter((part) => typeof part !== "symbol"),
      message: issue.message.replace(/^Invalid input: /, ""),
    }));
    throw new ConfigError(formatProblems(file, problems, origin));
  }
  return parsed.data.tests.map((one, index) =>
    expectationOf(one, `${basename(file)}:${lineOf(origin, ["tests", index]) ?? 0}`),
  );
}

function expectationOf(one: z.infer<typeof expectation>, place: string): Expectation {
  const { title, server, expect, rule, readOnly = false, args, time, ...asked } = one;
  const ask = {
    ...asked,
    ...(args !== undefined && { args: typeof args === "string" ? args : JSON.stringify(args) }),
    ...(time !== undefined && { time: Math.floor(Date.parse(time) / 1000) }),
  } as Ask;
  const named = one.tool ?? one.prompt ?? one.resource ?? one.method ?? one.request ?? "";
  return { title: title ?? `${one.sub} ${named}`, server, ask, readOnly, expect, rule, place };
}

const WORDS: Readonly<Record<Explanation["outcome"], string>> = {
  allow: "allow",
  rule: "deny",
  scope: "step-up",
  unknown: "unknown",
  invalid: "deny",
};

/** `undefined` when the answer is the one that was wanted; else what differs, in one line each. */
export function differenceOf({ expect, rule }: Expectation, answer: Explanation): string | undefined {
  const got = WORDS[answer.outcome];
  const fits = expect === "deny" ? !answer.allow : got === expect;
  if (fits && (rule === undefined || answer.rule.startsWith(rule))) return undefined;
  const wanted = rule === undefined ? expect : `${expect} by ${rule}`;
  return `- ${wanted}\n+ ${got} by ${answer.rule}: ${answer.reason}`;
}
