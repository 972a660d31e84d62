import { isJsonObject, type JsonObject, type JsonValue, parseMcpBody, scanJson } from "@sallyport/auth";

/** One thing that a server asks of the client in a message; `undefined` where nobody can say what it is. */
export type AskedOfClient = { readonly method: string; readonly params: JsonValue | undefined } | undefined;

/** A message that asks something. */
export interface Asking {
  /** `request`: of its own, with the id under which it wants an answer. `input`: inside an answer to the client. */
  readonly form: "request" | "input";
  readonly id: string | number | undefined;
  readonly asked: readonly AskedOfClient[];
  /** Its numbers cannot all be read exactly: conditions must not read them. */
  readonly inexactNumbers: boolean;
}

/** Deeper nesting than this is not looked into, and counts as nothing that can be read. */
const MAX_DEPTH = 1_000;

/**
 * What one message of an answer asks of the client, in every form that some revision has for it; `undefined`: nothing. Names are found in
 * whatever case they are written, because some clients read them so, and what no two parsers would read alike is asked by `undefined`.
 */
export function readAsking(message: JsonValue, text: () => string): Asking | undefined {
  if (!isJsonObject(message)) return undefined;
  const id = typeof message.id === "string" || typeof message.id === "number" ? message.id : undefined;
  if (looksLikeRequest(message)) return readRequest(id, text);
  const inputs = [...inputsIn(message), ...elicitationsIn(message)];
  const [first] = inputs;
  if (first === undefined) return undefined;
  const json = text();
  const scan = scanJson(Buffer.from(json), json, MAX_DEPTH);
  const asked = scan.fault === undefined ? inputs.flat() : [undefined];
  return { form: "input", id, asked, inexactNumbers: scan.inexactNumbers };
}

function looksLikeRequest(message: JsonObject): boolean {
  const names = Object.keys(message).map(fold);
  if (!names.includes("method")) return false;
  const { method } = message;
  // Without an id in any case it is a notification to everybody.
  return names.includes("id") || typeof method !== "string" || !method.startsWith("notifications/");
}

/** By the same strict reading as what clients send (design: forward what was judged). */
function readRequest(id: Asking["id"], text: () => string): Asking {
  try {
    const { messages, inexactNumbers } = parseMcpBody(Buffer.from(text()));
    const asked = messages.map((message) =>
      message.type === "response" ? undefined : { method: message.method, params: message.params },
    );
    return { form: "request", id, asked, inexactNumbers };
  } catch {
    return { form: "request", id, asked: [undefined], inexactNumbers: true };
  }
}

/** Where MRTR and the tasks extension put `inputRequests`, and `URLElicitationRequiredError` (-32042, 2025-11-25) its addresses. */
const INPUT_PATHS: readonly (readonly string[])[] = [
  ["result", "inputRequests"],
  ["result", "task", "inputRequests"],
  ["params", "inputRequests"],
  ["params", "task", "inputRequests"],
];
const ELICITATIONS_PATH = ["error", "data", "elicitations"];

/** One list for each such member. */
function inputsIn(message: JsonObject): readonly (readonly AskedOfClient[])[] {
  return INPUT_PATHS.flatMap((path) => membersAt(message, path).map(requestsOf));
}

function requestsOf({ value, exact }: Found): readonly AskedOfClient[] {
  if (!exact || !isJsonObject(value)) return [undefined];
  return Object.values(value).map((entry) => {
    const [method, params] = [membersAt(entry, ["method"]), membersAt(entry, ["params"])];
    const [only] = method;
    const clear = [...method, ...params].every(({ exact }) => exact);
    if (!clear || typeof only?.value !== "string") return undefined;
    return { method: only.value, params: params[0]?.value };
  });
}

function elicitationsIn(message: JsonObject): readonly (readonly AskedOfClient[])[] {
  return membersAt(message, ELICITATIONS_PATH).map(({ value, exact }) => {
    if (!exact || !Array.isArray(value)) return [undefined];
    return value.map((params: JsonValue) => ({ method: "elicitation/create", params }));
  });
}

interface Found {
  readonly value: JsonValue | undefined;
  /** Every name on the way is written as MCP writes it. */
  readonly exact: boolean;
}

/** Members whose names are equal under case folding: some parsers take any of them (Go's, for example). */
function membersAt(value: JsonValue | undefined, path: readonly string[]): readonly Found[] {
  let found: readonly Found[] = [{ value, exact: true }];
  for (const name of path) {
    const folded = fold(name);
    found = found.flatMap(({ value: inside, exact }) =>
      isJsonObject(inside)
        ? Object.keys(inside)
            .filter((key) => fold(key) === folded)
            .map((key) => ({ value: inside[key], exact: exact && key === name }))
        : [],
    );
  }
  return found;
}

/** By way of upper case, so that the long s is an s and the Kelvin sign a k. */
function fold(name: string): string {
  return name.toUpperCase().toLowerCase();
}
