import type { System } from "@sallyport/auth";
import { FederationError } from "./federation-error.js";

/** One request to an identity provider or authorization server, bounded. Rejects when it cannot be had. */
export type BoundedFetch = (url: string, init?: RequestInit) => Promise<Response>;

/** Members of a provider's document under their wire names (OpenID Connect Discovery §3, RFC 8414 §2). */
export interface ProviderMetadata {
  readonly issuer: string;
  readonly jwks_uri?: string;
  readonly authorization_endpoint?: string;
  readonly token_endpoint?: string;
  readonly userinfo_endpoint?: string;
  readonly end_session_endpoint?: string;
  readonly introspection_endpoint?: string;
  readonly revocation_endpoint?: string;
  readonly [member: string]: unknown;
}

const MAX_BYTES = 512 * 1024;
const TIMEOUT_MS = 5_000;
const ENDPOINTS = [
  "jwks_uri",
  "authorization_endpoint",
  "token_endpoint",
  "userinfo_endpoint",
  "end_session_endpoint",
  "introspection_endpoint",
  "revocation_endpoint",
] as const;

/** The platform's `fetch`, bounded in size and time, without redirects: for URLs the operator wrote down, and what their documents name. */
export const boundedFetch: BoundedFetch = async (url, init = {}) => {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const response = await fetch(url, { ...init, redirect: "manual", signal: timeout });
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength;
    if (length > MAX_BYTES) throw new RangeError(`the answer is longer than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  const body = [101, 204, 205, 304].includes(response.status) ? null : Buffer.concat(chunks);
  return new Response(body, { status: response.status, headers: response.headers });
};

/** `https`, or `http` on loopback for tests and a provider on the same machine. */
export function isAcceptableUrl(value: unknown, loopback: boolean): value is string {
  if (typeof value !== "string" || !URL.canParse(value)) return false;
  const { protocol } = new URL(value);
  return protocol === "https:" || (protocol === "http:" && loopback && isLoopback(value));
}

export function isLoopback(url: string): boolean {
  return ["localhost", "127.0.0.1", "[::1]"].includes(new URL(url).hostname);
}

/** OpenID Connect Discovery §4 appends; RFC 8414 §3.1 inserts. Both in this order, since that is what providers have. */
export const OPENID_DOCUMENT = (issuer: string): string =>
  `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
export function oauthDocument(issuer: string): string {
  const { origin, pathname } = new URL(issuer);
  return `${origin}/.well-known/oauth-authorization-server${pathname.replace(/\/$/, "")}`;
}

/**
 * Reads and checks one provider's document: the issuer in it is `issuer` byte for byte (OpenID Connect Discovery §4.3, RFC 8414 §3.3),
 * and every endpoint is https, or http on loopback under a loopback issuer.
 * @throws FederationError `idp_unreachable`, `idp_garbage`, `idp_issuer`.
 */
export async function discover(issuer: string, url: string, fetch: BoundedFetch): Promise<ProviderMetadata> {
  const response = await fetch(url, { headers: { accept: "application/json" } }).catch((error: unknown) => {
    throw new FederationError("idp_unreachable", `discovery: ${String(error)}`, { cause: error });
  });
  if (response.status >= 500) throw new FederationError("idp_unreachable", `discovery: status ${response.status}`);
  if (response.status !== 200) throw new FederationError("idp_garbage", `discovery: status ${response.status}`);
  const document: unknown = await response.json().catch(() => undefined);
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    throw new FederationError("idp_garbage", "discovery: not a JSON object");
  }
  const metadata = document as ProviderMetadata;
  checkIssuer(issuer, metadata.issuer);
  for (const name of ENDPOINTS) {
    if (metadata[name] !== undefined && !isAcceptableUrl(metadata[name], isLoopback(issuer))) {
      throw new FederationError("idp_garbage", `discovery: ${name} is not an https URL`);
    }
  }
  return metadata;
}

function checkIssuer(expected: string, found: unknown): void {
  if (found === expected) return;
  const text = JSON.stringify(found)?.slice(0, 300) ?? "nothing";
  const slash = typeof found === "string" && found.replace(/\/$/, "") === expected.replace(/\/$/, "");
  const hint = slash ? "; they differ in the final slash only: write it exactly so" : "";
  throw new FederationError(
    "idp_issuer",
    `the document says ${text}, the configuration ${JSON.stringify(expected)}${hint}`,
  );
}

export interface HeldOptions {
  readonly system: System;
  /** Milliseconds after which it is read again; default 1 h. */
  readonly refreshAfterMs?: number;
  /** Milliseconds for which it counts when it cannot be read again; default 24 h. */
  readonly staleAfterMs?: number;
  /** Milliseconds after a failure in which the failure is repeated and nobody is asked; default 1 s. */
  readonly coolDownMs?: number;
}

/** Something read from elsewhere, kept for a while: one request at a time, and a failure is not kept beyond the cool-down. */
export function createHeld<T>(read: () => Promise<T>, options: HeldOptions): () => Promise<T> {
  const { system, refreshAfterMs = 3_600_000, staleAfterMs = 86_400_000, coolDownMs = 1_000 } = options;
  let held: { readonly value: T; readonly at: number } | undefined;
  let failed: { readonly error: unknown; readonly at: number } | undefined;
  let reading: Promise<T> | undefined;
  const age = (at: number) => system.monotonicMs() - at;
  const attempt = async (): Promise<T> => {
    try {
      const value = await read();
      held = { value, at: system.monotonicMs() };
      failed = undefined;
      return value;
    } catch (error) {
      failed = { error, at: system.monotonicMs() };
      throw error;
    } finally {
      reading = undefined;
    }
  };
  const fallback = (error: unknown): T => {
    if (held !== undefined && age(held.at) < staleAfterMs) return held.value;
    throw error;
  };
  return async () => {
    if (held !== undefined && age(held.at) < refreshAfterMs) return held.value;
    if (reading === undefined && failed !== undefined && age(failed.at) < coolDownMs) return fallback(failed.error);
    reading ??= attempt();
    return reading.catch(fallback);
  };
}
