import { OAuthError } from "../core/oauth-error.js";

/** The parameters of one OAuth request (RFC 6749 §3.1, §3.2): unknown ones stay in it unread, empty ones count as absent. */
export interface Parameters {
  /** The value, or `undefined`. @throws OAuthError `parameter_repeated` when it came more than once. */
  one(name: string): string | undefined;
  /** All values, in order; for parameters that may repeat (`resource`, RFC 8707 §2). */
  all(name: string): readonly string[];
  /** Names that came more than once. */
  readonly repeated: readonly string[];
  /** Only the named ones. */
  pick(names: readonly string[]): Parameters;
}

const MAX_FORM_BYTES = 64 * 1024;
const MAX_PARAMETERS = 200;

/** Parses `application/x-www-form-urlencoded` text strictly: no broken percent-encoding, no bytes that are not UTF-8. @throws OAuthError `request_malformed` */
export function parseParameters(text: string): Parameters {
  const values = new Map<string, string[]>();
  const pairs = text.split("&");
  if (pairs.length > MAX_PARAMETERS) throw new OAuthError("request_malformed", { detail: "too many parameters" });
  for (const pair of pairs) {
    if (pair === "") continue;
    const at = pair.indexOf("=");
    const name = decode(at < 0 ? pair : pair.slice(0, at));
    const value = at < 0 ? "" : decode(pair.slice(at + 1));
    // RFC 6749 §3.1: "Parameters sent without a value MUST be treated as if they were omitted from the request."
    if (value === "") continue;
    const known = values.get(name);
    if (known === undefined) values.set(name, [value]);
    else known.push(value);
  }
  return new ReadParameters(values);
}

const NONE: readonly string[] = [];

/** A class, because two are made of every request, and an object with functions of its own takes longer than reading the form. */
class ReadParameters implements Parameters {
  readonly #values: ReadonlyMap<string, readonly string[]>;
  /** Only these; `undefined`: all. */
  readonly #picked: readonly string[] | undefined;

  constructor(values: ReadonlyMap<string, readonly string[]>, picked?: readonly string[]) {
    this.#values = values;
    this.#picked = picked;
  }

  all(name: string): readonly string[] {
    return this.#picked?.includes(name) === false ? NONE : (this.#values.get(name) ?? NONE);
  }

  one(name: string): string | undefined {
    const found = this.all(name);
    if (found.length > 1) throw repeated(name);
    return found[0];
  }

  get repeated(): readonly string[] {
    const names: string[] = [];
    for (const name of this.#values.keys()) if (this.all(name).length > 1) names.push(name);
    return names;
  }

  pick(names: readonly string[]): Parameters {
    const picked = this.#picked;
    return new ReadParameters(
      this.#values,
      picked === undefined ? names : names.filter((name) => picked.includes(name)),
    );
  }
}

function decode(text: string): string {
  const spaced = text.includes("+") ? text.replaceAll("+", " ") : text;
  if (!spaced.includes("%")) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch (cause) {
    throw new OAuthError("request_malformed", { description: "The parameters are not form-encoded UTF-8.", cause });
  }
}

/** RFC 6749 §3.1: no parameter more than once. `names` says which may. @throws OAuthError `parameter_repeated` */
export function refuseRepeated(parameters: Parameters, names: readonly string[]): void {
  for (const name of parameters.repeated) if (!names.includes(name)) throw repeated(name);
}

function repeated(name: string): OAuthError {
  // A name of ours may be told; another one stays in the log.
  const description = /^[a-z_]{1,40}$/.test(name) ? `The parameter ${name} came more than once.` : undefined;
  return new OAuthError("parameter_repeated", {
    detail: JSON.stringify(name.slice(0, 100)),
    ...(description === undefined ? {} : { description }),
  });
}

/** A request, as far as an endpoint for programs reads it. Every `Request` is one. */
export interface PlainRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Pick<Headers, "get" | "has">;
  readonly body: Request["body"];
  /** The whole body where that costs less than its stream. Rejects with OAuthError `body_too_large` beyond `limit` bytes. */
  readonly readBody?: (limit: number) => Promise<Uint8Array>;
}

/** The body of a form post, at most {@link MAX_FORM_BYTES}. @throws OAuthError `content_type_unsupported`, `body_too_large`, `request_malformed` */
export function readForm(request: PlainRequest): Promise<Parameters> {
  return readText(request, "application/x-www-form-urlencoded").then(parseParameters);
}

/** The body as text, fatal UTF-8, when it says it is of `type`. @throws OAuthError as {@link readForm} */
export async function readText(request: PlainRequest, type: string): Promise<string> {
  const [essence = ""] = (request.headers.get("content-type") ?? "").split(";", 1);
  if (essence.trim().toLowerCase() !== type) {
    throw new OAuthError("content_type_unsupported", { description: `The body must be ${type}.` });
  }
  const bytes = await (request.readBody?.(MAX_FORM_BYTES) ?? readStream(request.body));
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new OAuthError("request_malformed", { description: "The body is not UTF-8.", cause });
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

async function readStream(body: PlainRequest["body"]): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    length += chunk.byteLength;
    if (length > MAX_FORM_BYTES) throw new OAuthError("body_too_large");
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}
