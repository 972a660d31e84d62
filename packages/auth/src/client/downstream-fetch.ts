import { parseChallenges } from "../core/challenge.js";
import { type DpopSigner, formatDpopProof } from "../oauth/dpop-proof.js";
import { sha256Web } from "../oauth/thumbprint.js";
import { randomToken, type System } from "../system.js";
import type { Caller, DownstreamFetch, DownstreamTarget, ExchangedToken, TokenExchanger } from "./contract.js";
import type { Fetch } from "./http.js";

interface DownstreamParts {
  readonly exchanger: TokenExchanger;
  readonly caller: Caller;
  readonly target: DownstreamTarget;
  readonly options: { readonly fetch?: Fetch; readonly dpop?: DpopSigner };
  readonly system: System;
}

/** DPoP nonces by the key they are for and the origin they came from (RFC 9449 §9). */
const nonces = new WeakMap<DpopSigner, Map<string, string>>();
const MAX_ORIGINS = 1_000;

/**
 * A request with the caller's exchanged token. Redirects are not followed, since they would carry it away: `manual` hands them over, and
 * by default they are errors. A 401 is answered once by another token or nonce, where the body can be sent again.
 */
export function createDownstreamFetch(parts: DownstreamParts): DownstreamFetch {
  const { exchanger, caller, target, system } = parts;
  const { fetch = globalThis.fetch, dpop } = parts.options;
  const { origin } = new URL(target.resource);

  const send = async (url: URL, init: RequestInit, token: ExchangedToken): Promise<Response> => {
    const headers = new Headers(init.headers);
    headers.set("authorization", `${dpop === undefined ? "Bearer" : "DPoP"} ${token.access_token}`);
    if (dpop !== undefined) {
      const nonce = nonces.get(dpop)?.get(origin);
      const claims = { htm: init.method ?? "GET", htu: url.href, accessToken: token.access_token, nonce };
      const own = { jti: randomToken(system, 16), iat: system.now() };
      headers.set("dpop", await formatDpopProof(dpop, { ...claims, ...own }, sha256Web));
    }
    const response = await fetch(url.href, { ...init, headers, redirect: init.redirect ?? "error" });
    const next = response.headers.get("dpop-nonce");
    if (dpop !== undefined && next !== null) remember(dpop, origin, next);
    return response;
  };

  return async (input, init = {}) => {
    const url = new URL(input);
    if (url.origin !== origin) throw new TypeError(`the token for ${origin} is not sent to ${url.origin}`);
    if (init.redirect === "follow") throw new TypeError("redirects are not followed with a token; use manual or error");
    const token = await exchanger.exchangeToken(caller, target);
    const first = await send(url, init, token);
    if (first.status !== 401 || !isRepeatable(init.body)) return first;
    const wantsNonce = dpop !== undefined && errorOf(first) === "use_dpop_nonce";
    if (!wantsNonce) exchanger.drop(caller, target, token);
    first.body?.cancel().catch(() => {});
    return send(url, init, await exchanger.exchangeToken(caller, target));
  };
}

function remember(dpop: DpopSigner, origin: string, nonce: string): void {
  const known = nonces.get(dpop) ?? new Map<string, string>();
  if (known.size >= MAX_ORIGINS) known.clear();
  nonces.set(dpop, known.set(origin, nonce));
}

function isRepeatable(body: RequestInit["body"]): boolean {
  return !(body instanceof ReadableStream);
}

function errorOf(response: Response): string | undefined {
  try {
    return parseChallenges(response.headers.get("www-authenticate") ?? "").find(({ parameters }) => parameters.error)
      ?.parameters.error;
  } catch {
    return undefined;
  }
}
