import { OAuthError } from "../core/oauth-error.js";
import type { JsonAnswer } from "./http.js";
import { failure } from "./http.js";

/** What a token endpoint gave (RFC 6749 §5.1, RFC 8693 §2.2.1). */
export interface TokenAnswer {
  readonly access_token: string;
  /** As RFC 8693 §2.2.1 has it, `N_A` for what is no access token, as an ID-JAG is none. */
  readonly token_type: "Bearer" | "DPoP" | "N_A";
  /** Integer seconds since the epoch; `undefined`: the server did not say. */
  readonly expires: number | undefined;
  /** As granted; `undefined`: what was asked for (RFC 6749 §5.1). */
  readonly scope: string | undefined;
  readonly refresh_token: string | undefined;
  readonly id_token: string | undefined;
  readonly issued_token_type: string | undefined;
}

const TOKEN = /^[\x21-\x7e]+$/;
const TYPES = { bearer: "Bearer", dpop: "DPoP", n_a: "N_A" } as const;
/** Characters. JWTs with many claims are long; headers of servers are not. */
const MAX_TOKEN = 16 * 1024;
const MAX_LIFETIME = 10 * 365 * 86_400;

/** The server answered, with a refusal: `code` is its `error` (RFC 6749 §5.2), which is all of its words that decisions are made by. */
export class TokenRefused extends OAuthError {
  readonly code: string;

  constructor(code: string, detail: string) {
    super("token_refused", { detail });
    this.code = code;
  }
}

const CODE = /^[\x20\x21\x23-\x5b\x5d-\x7e]{1,100}$/;

/**
 * Reads the answer of a token endpoint: everything of the right type, or nothing of it is used. `secrets`: what the request held, which no
 * message repeats.
 * @throws TokenRefused for an OAuth error; OAuthError `server_busy`, `server_unreachable`, `server_garbage`
 */
export function readTokenAnswer(
  { status, headers, body }: JsonAnswer,
  { url, now, secrets = [] }: { readonly url: string; readonly now: number; readonly secrets?: readonly string[] },
): TokenAnswer {
  if (status === 429 || status === 503) throw busy(headers, url, status);
  if (status >= 500) throw failure("server_unreachable", url, `status ${status}`);
  if (body === undefined) throw failure("server_garbage", url, `status ${status} without a JSON object`);
  if (status !== 200) throw refusal(body, { url, status, secrets });
  const { access_token, refresh_token, id_token, issued_token_type, scope } = body;
  const garbage = (what: string) => failure("server_garbage", url, what);
  if (!isToken(access_token)) throw garbage("no access_token that can be sent");
  if (refresh_token !== undefined && !isToken(refresh_token)) throw garbage("refresh_token is malformed");
  for (const [name, value] of Object.entries({ id_token, issued_token_type, scope })) {
    if (value !== undefined && value !== null && typeof value !== "string") throw garbage(`${name} is no text`);
  }
  const text = (value: unknown) => (typeof value === "string" ? value : undefined);
  return {
    access_token,
    token_type: readType(body.token_type, garbage),
    expires: readExpiry(body.expires_in, now, garbage),
    scope: text(scope),
    refresh_token,
    id_token: text(id_token),
    issued_token_type: text(issued_token_type),
  };
}

function isToken(value: unknown): value is string {
  return typeof value === "string" && value.length <= MAX_TOKEN && TOKEN.test(value);
}

/** RFC 6749 §7.1: a type that is not understood means that the token must not be used. */
function readType(value: unknown, garbage: (what: string) => Error): TokenAnswer["token_type"] {
  const known = typeof value === "string" ? value.toLowerCase() : "";
  if (!Object.hasOwn(TYPES, known)) throw garbage("a token_type that is not understood");
  return TYPES[known as keyof typeof TYPES];
}

/** Some servers write the number as a text. */
function readExpiry(value: unknown, now: number, garbage: (what: string) => Error): number | undefined {
  if (value === undefined || value === null) return undefined;
  const seconds = typeof value === "string" && /^\d{1,10}$/.test(value) ? Number(value) : value;
  if (typeof seconds !== "number" || !(seconds >= 0)) throw garbage("expires_in is no number of seconds");
  return now + Math.floor(Math.min(seconds, MAX_LIFETIME));
}

interface RefusalContext {
  readonly url: string;
  readonly status: number;
  readonly secrets: readonly string[];
}

function refusal(body: Readonly<Record<string, unknown>>, { url, status, secrets }: RefusalContext): OAuthError {
  const { error, error_description } = body;
  if (typeof error !== "string" || !CODE.test(error)) {
    return failure("server_garbage", url, `status ${status} without an OAuth error`);
  }
  const said =
    typeof error_description === "string" ? `: ${JSON.stringify(withoutSecrets(error_description, secrets))}` : "";
  return new TokenRefused(error, `${new URL(url).origin}: ${JSON.stringify(error)}${said}`);
}

/** Whatever could be a token or a part of one. */
const TOKEN_LIKE = /[\w.~+/=-]{24,}/g;

/** Some servers say which token they refuse. What was sent to them is not for the log. */
function withoutSecrets(text: string, secrets: readonly string[]): string {
  const known = secrets.filter((secret) => secret !== "").reduce((rest, secret) => rest.replaceAll(secret, "…"), text);
  return known.replace(TOKEN_LIKE, "…").slice(0, 500);
}

function busy(headers: JsonAnswer["headers"], url: string, status: number): OAuthError {
  const seconds = /^\d{1,6}$/.exec(headers.get("retry-after") ?? "")?.[0];
  const detail = `${new URL(url).origin}: status ${status}`;
  return new OAuthError("server_busy", {
    detail,
    retryAfter: Math.min(seconds === undefined ? 1 : Number(seconds), 300),
  });
}
