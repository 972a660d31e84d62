import { createHash, timingSafeEqual } from "node:crypto";
import { OAuthError, randomToken, type System } from "@sallyport/auth";
import { RateLimiterMemory } from "rate-limiter-flexible";
import { z } from "zod";
import type { AdminParts } from "./contract.js";
import { readJsonBody } from "./read-json-body.js";
import { AdminRefusal, REFUSALS, type Route } from "./route.js";
import { createRouter } from "./router.js";
import { ROUTES } from "./routes.js";

export interface AdminApiOptions {
  readonly parts: AdminParts;
  /** The one token that opens it. */
  readonly token: string;
  /** Names under which this listener may be asked, without a port: R-27, against names that were rebound. */
  readonly hosts: readonly string[];
  /** Key of the peer for the limit of wrong tokens. */
  addressKey(remoteAddress: string | undefined): string;
}

export type AdminApi = (request: Request, peer: { readonly remoteAddress: string | undefined }) => Promise<Response>;

/** Wrong tokens of one address a minute; a right one is taken whatever came before, so nobody can lock the operator out. */
const WRONG_TOKENS = { points: 20, duration: 60 } as const;

/**
 * The JSON API for operators. Every request needs the token, on loopback too, and no answer is for a web page: there is no CORS, a foreign
 * `Origin` or `Host` is refused. What changes something is logged with its route.
 */
export function createAdminApi(options: AdminApiOptions): AdminApi {
  const { parts } = options;
  const router = createRouter(ROUTES);
  const authenticate = createTokenCheck(options);
  return async (request, { remoteAddress }) => {
    try {
      checkHost(request, options.hosts);
      await authenticate(request, remoteAddress);
      const { route, params } = router(request.method, new URL(request.url).pathname);
      const input = { params, query: readQuery(request, route), body: await readBody(request, route) };
      const answer = await route.handle(parts, input as never);
      if (route.method !== "GET") parts.system.log("info", "admin", { route: `${route.method} ${route.path}`, params });
      return respond(route.status, route.answer.parse(answer));
    } catch (error) {
      return refuse(error, parts.system);
    }
  };
}

function checkHost(request: Request, hosts: readonly string[]): void {
  const host = request.headers.get("host") ?? "";
  const name = /^(\[[0-9a-f:.]+\]|[^:]*)(?::\d{1,5})?$/i.exec(host)?.[1]?.toLowerCase();
  if (name === undefined || !hosts.includes(name)) {
    throw new AdminRefusal("origin_refused", "This host name is not served here.");
  }
  const origin = request.headers.get("origin");
  if (origin !== null && !(URL.canParse(origin) && new URL(origin).host === host.toLowerCase())) {
    throw new AdminRefusal("origin_refused", "This is not for web pages of another origin.");
  }
}

function createTokenCheck({ token, addressKey, parts: { system } }: AdminApiOptions) {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  const wanted = digest(token);
  const wrong = new RateLimiterMemory(WRONG_TOKENS);
  return async (request: Request, remoteAddress: string | undefined): Promise<void> => {
    const given = /^Bearer ([\x21-\x7e]+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
    if (given !== undefined && timingSafeEqual(digest(given), wanted)) return;
    await wrong.consume(addressKey(remoteAddress)).catch(({ msBeforeNext }: { readonly msBeforeNext: number }) => {
      const seconds = Math.max(1, Math.ceil(msBeforeNext / 1000));
      throw new AdminRefusal("too_many_requests", `Too many wrong tokens. Try again in ${seconds} s.`, seconds);
    });
    system.log("warn", "admin token refused", { address: remoteAddress });
    throw new AdminRefusal("token_refused", "Send the admin token: Authorization: Bearer <token>.");
  };
}

function readQuery(request: Request, { query = z.strictObject({}) }: Route): unknown {
  const { searchParams } = new URL(request.url);
  const twice = [...searchParams.keys()].find((name) => searchParams.getAll(name).length > 1);
  if (twice !== undefined) throw new AdminRefusal("request_refused", `query.${twice}: stands there twice`);
  return check(query, Object.fromEntries(searchParams), "query");
}

async function readBody(request: Request, { body }: Route): Promise<unknown> {
  return body === undefined ? undefined : check(body, await readJsonBody(request), "body");
}

function check(type: z.ZodType, value: unknown, where: string): unknown {
  const parsed = type.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    ({ path, message }) => `${[where, ...path.map(String)].join(".")}: ${message.replace(/^Invalid input: /, "")}`,
  );
  throw new AdminRefusal("request_refused", problems.join("; "));
}

function respond(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Response {
  return Response.json(body, {
    status,
    headers: { "cache-control": "no-store", "x-content-type-options": "nosniff", ...headers },
  });
}

function refuse(error: unknown, system: System): Response {
  const { code, message, retryAfter } = refusalOf(error, system);
  return respond(
    REFUSALS[code].status,
    { error: code, message },
    {
      ...(retryAfter !== undefined && { "retry-after": String(retryAfter) }),
      ...(code === "token_refused" && { "www-authenticate": 'Bearer realm="sallyport admin"' }),
    },
  );
}

function refusalOf(error: unknown, system: System): AdminRefusal {
  if (error instanceof AdminRefusal) return error;
  if (error instanceof OAuthError && error.reason === "store_unavailable") {
    return new AdminRefusal("store_unavailable", "The database does not answer. Nothing was changed.", 1);
  }
  // The functions for operators answer with a sentence.
  if (error instanceof TypeError && /^[A-Z].*\.$/s.test(error.message)) {
    return new AdminRefusal("request_refused", error.message);
  }
  const incident = randomToken(system, 9);
  system.log("error", "admin request failed", {
    incident,
    error: error instanceof Error ? error.stack : String(error),
  });
  return new AdminRefusal("server_error", `The server failed to answer. Its log has more under ${incident}.`);
}
