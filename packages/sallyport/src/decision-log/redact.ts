import type { JsonObject, JsonValue } from "@sallyport/auth";

/** Stands for whatever was taken out. */
export const REDACTED = "[redacted]";

/** Names of members that hold secrets wherever they stand. */
const SECRET_NAME =
  /pass(?:word|phrase|code)|secret|token|api[-_]?key|private[-_]?key|authori[sz]ation|credential|cookie|otp$|^pin$/i;
/** Credentials by their look: an authorization header's value, a JWT, a PEM key. */
const SECRET_VALUE = /^(?:bearer|basic|dpop) \S|^eyJ[\w-]{8,}\.|-----BEGIN [A-Z ]*PRIVATE KEY-----/i;

/** Takes out what is not to be kept. */
export type Redact = (value: JsonObject) => JsonObject;

/**
 * `paths` are dotted names of members; `*` is any one member or element. Besides them every member whose name says that it holds a secret,
 * and every text that looks like a credential, is taken out.
 */
export function createRedactor(paths: readonly string[]): Redact {
  const wanted = paths.map((path) => path.split("."));
  return (value) => redactMembers(value, wanted);
}

type Path = readonly string[];

function redactMembers(object: JsonObject, paths: readonly Path[]): JsonObject {
  const members = Object.entries(object).map(([name, value]) => {
    if (SECRET_NAME.test(name)) return [name, REDACTED] as const;
    return [name, redactValue(value, below(paths, name))] as const;
  });
  return Object.fromEntries(members);
}

function redactValue(value: JsonValue, paths: readonly Path[]): JsonValue {
  if (paths.some((path) => path.length === 0)) return REDACTED;
  if (typeof value === "string") return SECRET_VALUE.test(value) ? REDACTED : value;
  if (Array.isArray(value)) return value.map((element, index) => redactValue(element, below(paths, String(index))));
  if (typeof value !== "object" || value === null) return value;
  return redactMembers(value as JsonObject, paths);
}

function below(paths: readonly Path[], name: string): readonly Path[] {
  return paths.flatMap(([first, ...rest]) => (first === name || first === "*" ? [rest] : []));
}
