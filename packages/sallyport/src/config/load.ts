import { basename } from "node:path";
import { LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { checkConfig } from "./check.js";
import { type Misshapen, standsAlone, withoutMisshapen } from "./partial.js";
import { ConfigError, formatProblems, lineOf, type Problem } from "./problem.js";
import { type Config, configType } from "./schema.js";
import { SETTINGS } from "./settings.js";

/** Variables that a program was started with. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads a configuration from its YAML text. Environment variables of the table override the file.
 * @throws ConfigError that lists all problems at once, each with line and column.
 */
export function parseConfig(
  text: string,
  options: {
    readonly file: string;
    readonly environment: Environment;
    /** What others know to check, besides this folder: listed with the rest. */
    readonly checks?: readonly ((config: Config) => readonly Problem[])[];
    /** For questions about a file that is not served: it need not say who may be granted what. Default false. */
    readonly accessOptional?: boolean;
  },
): Config {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false });
  if (document.errors.length > 0) {
    throw new ConfigError(
      document.errors
        .map((error) => {
          const at = lines.linePos(error.pos[0]);
          return `${options.file}:${at.line}:${at.col}: not YAML: ${error.message}`;
        })
        .join("\n"),
    );
  }
  const source = { document, lines, text };
  const fail = (problems: readonly Problem[]): never => {
    throw new ConfigError(formatProblems(options.file, problems, source));
  };
  const raw: unknown = document.toJS({ maxAliasCount: 100 }) ?? {};
  if (typeof raw !== "object" || raw === null || Array.isArray(raw))
    return fail([{ path: [], message: "the file must be a mapping of settings" }]);
  const whole = withEnvironment(raw as Record<string, unknown>, options.environment);
  const check = (data: z.output<typeof configType>) => {
    const config: Config = {
      ...data,
      source: { file: basename(options.file), lineOf: (path) => lineOf(source, path) },
    };
    const checkThis = (checked: Config) => checkConfig(checked, options.accessOptional);
    return { config, problems: [checkThis, ...(options.checks ?? [])].flatMap((one) => one(config)) };
  };
  const parsed = configType.safeParse(whole);
  if (parsed.success) {
    const { config, problems } = check(parsed.data);
    return problems.length > 0 ? fail(problems) : config;
  }
  const misshapen = parsed.error.issues.flatMap(problemsOf);
  const left = withoutMisshapen(whole, misshapen);
  // Without settings the type would make up a file of defaults, and its problems are nobody's.
  const rest = left && configType.safeParse(left);
  const more = rest?.success ? check(rest.data).problems.filter((one) => standsAlone(one, misshapen)) : [];
  return fail([...misshapen, ...more]);
}

/** The raw file with the environment laid over it. Texts that are no number or boolean stay texts and are refused by the type. */
function withEnvironment(raw: Record<string, unknown>, environment: Environment): Record<string, unknown> {
  const result = structuredClone(raw);
  for (const { path, env } of SETTINGS) {
    const value = env === undefined ? undefined : environment[env];
    if (value === undefined || value === "") continue;
    const parts = path.split(".");
    const last = parts.pop() ?? path;
    let target: Record<string, unknown> = result;
    for (const part of parts) target = target[part] = { ...(target[part] as Record<string, unknown> | undefined) };
    target[last] = /^\d+$/.test(value)
      ? Number(value)
      : value === "true" || value === "false"
        ? value === "true"
        : value;
  }
  return result;
}

function problemsOf(issue: z.core.$ZodIssue): readonly (Problem & Misshapen)[] {
  const path = issue.path.filter((part) => typeof part !== "symbol");
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      path: [...path, key],
      message: `unknown setting${suggestion(key)}`,
      unknown: true,
    }));
  }
  if (issue.code === "invalid_union")
    return [{ path, message: "has none of the forms that this setting takes; see `sallyport docs settings`" }];
  if (issue.code === "too_small" && issue.origin === "array" && issue.minimum === 1)
    return [{ path, message: "must have at least one entry" }];
  return [{ path, message: inWords(issue.message.replace(/^Invalid input: /, "")) }];
}

/** The words of YAML and of people for what the types say. */
const WORDS: Readonly<Record<string, string>> = {
  array: "a list",
  object: "a mapping",
  record: "a mapping",
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  null: "empty",
  undefined: "missing",
};

function inWords(message: string): string {
  const [, choices] = /^Invalid option: expected one of (.+)$/.exec(message) ?? [];
  if (choices !== undefined) return `must be one of ${choices.replaceAll("|", ", ")}`;
  const [, wanted = "", given = ""] = /^expected (\w+), received (\w+)$/.exec(message) ?? [];
  const [want, got] = [WORDS[wanted], WORDS[given]];
  return want === undefined || got === undefined ? message : `must be ${want}, and is ${got}`;
}

/** Names inside settings that are lists. */
const MEMBERS = ["deny", "allow", "when", "because", "mode", "roles", "users", "scopes", "includes", "title"];

/** The setting most like a misspelt one: same letters in another order, or one letter more, less or other. */
function suggestion(key: string): string {
  const names = new Set([...SETTINGS.flatMap(({ path }) => path.split(".")), ...MEMBERS]);
  const far = (name: string) => distance(name, key) + Math.abs(name.length - key.length) / 10;
  const near = [...names].filter((name) => name !== "*" && distance(name, key) <= 2).sort((a, b) => far(a) - far(b));
  return near[0] === undefined ? "" : `; did you mean \`${near[0]}\`?`;
}

function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const cost = a[row - 1] === b[column - 1] ? 0 : 1;
      current[column] = Math.min(
        (previous[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (previous[column - 1] ?? 0) + cost,
      );
    }
    previous = current;
  }
  return previous[b.length] ?? a.length;
}
