import { base64url } from "jose";
import { parseJson } from "../core/parse-json.js";
import type { SignatureAlgorithm } from "./key-set.js";
import { SIGNATURE_ALGORITHMS } from "./key-set.js";

export type JsonClaims = Readonly<Record<string, unknown>>;

/** A compact JWS taken apart (RFC 7515 §7.1). Nothing about it is verified yet. */
export interface DecodedJws {
  readonly header: JsonClaims & { readonly alg: SignatureAlgorithm; readonly kid?: string };
  readonly claims: JsonClaims;
  readonly signingInput: Uint8Array;
  readonly signature: Uint8Array;
}

const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
const MAX_KID_LENGTH = 256;
const ALGORITHMS: ReadonlySet<unknown> = new Set(SIGNATURE_ALGORITHMS);
const utf8 = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();

/**
 * Takes a compact JWS with JSON header and payload apart. Refuses what no caller could verify: algorithms outside
 * {@link SIGNATURE_ALGORITHMS} (RFC 8725 §3.1), and any `crit` header, since no extension is understood here (RFC 7515 §4.1.11).
 * Does NOT check the signature, `typ`, or any claim.
 * @throws SyntaxError with a message that holds no part of the token.
 */
export function decodeJws(token: string, maxLength: number): DecodedJws {
  if (token.length > maxLength) throw new SyntaxError(`longer than ${maxLength} characters`);
  if (!COMPACT.test(token)) throw new SyntaxError("not a compact JWS");
  const payloadAt = token.indexOf(".") + 1;
  const signatureAt = token.lastIndexOf(".") + 1;
  return {
    header: readHeader(token.slice(0, payloadAt - 1)),
    claims: parseObject(token.slice(payloadAt, signatureAt - 1), "payload"),
    signingInput: encoder.encode(token.slice(0, signatureAt - 1)),
    signature: decode(token.slice(signatureAt), "signature"),
  };
}

/**
 * One signer sends the same header again and again, with its key in it when it is a proof (RFC 9449 §4.2). The object is the same each
 * time, so that what is made of it can be kept in a WeakMap. Bounded, oldest first.
 */
const headers = new Map<string, DecodedJws["header"]>();
const MAX_HEADERS = 1_000;
const MAX_KEPT_LENGTH = 1_024;

function readHeader(part: string): DecodedJws["header"] {
  const known = headers.get(part);
  if (known !== undefined) return known;
  const header = parseObject(part, "header");
  if (!ALGORITHMS.has(header.alg)) throw new SyntaxError("algorithm not accepted");
  if ("crit" in header) throw new SyntaxError("critical header members that are not understood");
  if (header.kid !== undefined && !isShortString(header.kid)) throw new SyntaxError("malformed kid");
  const [oldest] = headers.size >= MAX_HEADERS ? headers.keys() : [];
  if (oldest !== undefined) headers.delete(oldest);
  if (part.length <= MAX_KEPT_LENGTH) headers.set(part, header as DecodedJws["header"]);
  return header as DecodedJws["header"];
}

/** Plain objects only: an array or a primitive is no header and no claims set (RFC 7519 §7.2). */
export function isJsonObject(value: unknown): value is JsonClaims {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseObject(part: string, what: string): JsonClaims {
  let value: unknown;
  try {
    value = parseJson(decodeText(part));
  } catch {
    throw new SyntaxError(`${what} is not JSON`);
  }
  if (!isJsonObject(value)) throw new SyntaxError(`${what} is not a JSON object`);
  return value;
}

const BEYOND_ASCII = /[^\0-\x7f]/;

/** UTF-8 in base64url; most of it is ASCII, which needs no bytes in between. */
function decodeText(part: string): string {
  const binary = atob(part.replaceAll("-", "+").replaceAll("_", "/"));
  return BEYOND_ASCII.test(binary) ? utf8.decode(base64url.decode(part)) : binary;
}

function decode(part: string, what: string): Uint8Array {
  try {
    return base64url.decode(part);
  } catch {
    throw new SyntaxError(`${what} is not base64url`);
  }
}

function isShortString(value: unknown): boolean {
  return typeof value === "string" && value.length > 0 && value.length <= MAX_KID_LENGTH;
}
