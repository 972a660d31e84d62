import { OAuthError } from "../core/oauth-error.js";
import { system as realSystem, type System } from "../system.js";
import { formatBasic } from "./client-authentication.js";
import { sha256 } from "./digest.js";
import { type PostForm, postConfiguredForm } from "./fetch-document.js";
import { isJsonObject, type JsonClaims } from "./jws.js";

export interface IntrospectionOptions {
  /** https, or http on loopback. */
  readonly endpoint: string;
  /** How this resource server is known there (RFC 7662 §2.1: the caller authenticates); `client_secret_basic`. */
  readonly clientId: string;
  /** A function is asked with every question, for a secret that may change; what it throws counts as an endpoint that cannot be asked. */
  readonly clientSecret: string | (() => string);
  /** Default {@link postConfiguredForm}. */
  readonly postForm?: PostForm;
  readonly system?: System;
  /** Seconds for which `active: true` is believed, 1 to 30; default 30, and never past the token's `exp`. */
  readonly cacheSeconds?: number;
  /** Seconds for which `active: false` is believed, 0 to 30; default 5. */
  readonly negativeSeconds?: number;
  /** Answers remembered of each kind; default 10,000. */
  readonly cachedTokens?: number;
}

/** What a server says of one token, until when (integer seconds) that may be believed; `undefined`: not active. */
export interface Introspected {
  readonly claims: JsonClaims | undefined;
  readonly until: number;
}

export interface Introspection {
  /** Rejects with OAuthError `introspection_unavailable` when there is no answer that can be relied on: never yes, and never no. */
  ask(token: string): Promise<Introspected>;
}

const LIMITS = { maxBytes: 64 * 1024, timeoutMs: 5_000 } as const;
const MAX_TOKEN_LENGTH = 8 * 1024;
/** Questions under way. Made-up tokens cost a question each, and must not be multiplied into an attack on the other server. */
const MAX_ASKING = 64;

/**
 * A client of RFC 7662. One question at a time for each token; answers are remembered by the hash of the token.
 * Does NOT judge the answer beyond `active`: audience, times, issuer and scopes are `validateClaims`'.
 * @throws TypeError for options that cannot work.
 */
export function createIntrospection(options: IntrospectionOptions): Introspection {
  const { cacheSeconds = 30, negativeSeconds = 5, cachedTokens = 10_000, system = realSystem } = options;
  validateOptions(options);
  const active = createMemory(cachedTokens);
  // Apart from the others, so that made-up tokens push out no good one.
  const inactive = createMemory(cachedTokens);
  const asking = new Map<string, Promise<Introspected>>();
  const question = async (token: string, key: string): Promise<Introspected> => {
    const asked = system.now();
    const claims = await ask(token, options).catch((error: unknown) => {
      system.log("warn", "introspection failed", { endpoint: new URL(options.endpoint).origin, error: String(error) });
      throw new OAuthError("introspection_unavailable", { retryAfter: 1, detail: String(error), cause: error });
    });
    const exp = typeof claims?.exp === "number" ? claims.exp : Number.POSITIVE_INFINITY;
    const until = Math.min(asked + (claims === undefined ? negativeSeconds : cacheSeconds), exp);
    const answer = { claims, until };
    (claims === undefined ? inactive : active).add(key, answer);
    return answer;
  };
  return {
    async ask(token) {
      if (token.length > MAX_TOKEN_LENGTH) throw new OAuthError("token_malformed", { detail: "too long" });
      const key = await sha256(token);
      const known = active.find(key, system.now()) ?? inactive.find(key, system.now());
      if (known !== undefined) return known;
      const running = asking.get(key);
      if (running !== undefined) return running;
      if (asking.size >= MAX_ASKING) throw new OAuthError("introspection_unavailable", { retryAfter: 1 });
      const answer = question(token, key).finally(() => asking.delete(key));
      asking.set(key, answer);
      return answer;
    },
  };
}

async function ask(token: string, options: IntrospectionOptions): Promise<JsonClaims | undefined> {
  const { endpoint, clientId, clientSecret, postForm = postConfiguredForm } = options;
  const secret = typeof clientSecret === "string" ? clientSecret : clientSecret();
  const { status, body } = await postForm(endpoint, {
    form: new URLSearchParams({ token, token_type_hint: "access_token" }),
    headers: { authorization: formatBasic(clientId, secret), accept: "application/json" },
    ...LIMITS,
  });
  // RFC 7662 §2.3: an unknown token is `active: false`; every error is about the question, not about the token.
  if (status !== 200) throw new Error(`status ${status}`);
  const answer: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  if (!isJsonObject(answer) || typeof answer.active !== "boolean") throw new Error("not an introspection response");
  return answer.active ? answer : undefined;
}

function createMemory(size: number) {
  const answers = new Map<string, Introspected>();
  return {
    find: (key: string, now: number) => {
      const answer = answers.get(key);
      if (answer === undefined || now < answer.until) return answer;
      answers.delete(key);
      return undefined;
    },
    add: (key: string, answer: Introspected) => {
      answers.delete(key);
      const [oldest] = answers.keys();
      if (answers.size >= size && oldest !== undefined) answers.delete(oldest);
      answers.set(key, answer);
    },
  };
}

function validateOptions({
  endpoint,
  cacheSeconds = 30,
  negativeSeconds = 5,
  cachedTokens = 1,
}: IntrospectionOptions): void {
  const { protocol, hostname } = URL.canParse(endpoint) ? new URL(endpoint) : { protocol: "", hostname: "" };
  const loopback = ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
  const problems = [
    protocol === "https:" || (protocol === "http:" && loopback) ? "" : "endpoint: an https URL is needed",
    cacheSeconds >= 1 && cacheSeconds <= 30 ? "" : "cacheSeconds: 1 to 30",
    negativeSeconds >= 0 && negativeSeconds <= 30 ? "" : "negativeSeconds: 0 to 30",
    cachedTokens >= 1 ? "" : "cachedTokens: at least 1",
  ].filter((problem) => problem !== "");
  if (problems.length > 0) throw new TypeError(`createIntrospection: ${problems.join("; ")}`);
}
