import { type Cryptography, webCryptography } from "../oauth/cryptography.js";
import type { KeySet } from "../oauth/key-set.js";
import { type System, system } from "../system.js";
import { type ClientDocuments, createClientDocuments } from "./client-documents.js";
import type { AuthorizationServerOptions } from "./contract.js";
import { createKnownSignatures, type KnownSignatures } from "./known-signatures.js";
import { createQuota, type Quota } from "./quota.js";

type Lifetimes = Required<NonNullable<AuthorizationServerOptions["lifetimes"]>>;

/** Seconds. */
const DEFAULT_LIFETIMES: Lifetimes = {
  accessToken: 600,
  code: 60,
  pending: 600,
  sessionIdle: 30 * 86_400,
  session: 180 * 86_400,
  refreshGrace: 30,
  unusedRegistration: 86_400,
  singleCall: 86_400,
  deviceCode: 600,
};

const DEFAULT_REGISTRATIONS_PER_HOUR = 20;
/** Far more than an office whose sessions all ended at once, and far less than a search. */
const DEFAULT_GUESSES_PER_MINUTE = 40;
/** Each request that waits for a person is a row of up to 6 KB that anybody may have written. Far more than an office needs. */
const AUTHORIZATIONS = { limit: 1_000, window: 600 };

/** Codes of devices that one address may type: 20 × 10⁹ of them in each window would be needed to find one that waits. */
const DEVICE_ENTRIES = { limit: 20, window: 600 };

/** What every step works with: the options, checked and completed. */
export interface Server {
  readonly options: AuthorizationServerOptions;
  readonly issuer: string;
  /** `scheme://host[:port]` of the issuer. */
  readonly origin: string;
  /** Path of the issuer without a trailing slash; `""` for none. */
  readonly path: string;
  readonly lifetimes: Lifetimes;
  readonly system: System;
  readonly cryptography: Cryptography;
  /** Of own access tokens, which come back to be exchanged, introspected or revoked. */
  readonly signatures: KnownSignatures;
  /** `undefined`: client ID metadata documents are off. */
  readonly documents: ClientDocuments | undefined;
  readonly registrations: Quota;
  /** Authorization requests that are remembered, per address. */
  readonly authorizations: Quota;
  /** Codes of devices that are typed, per address. */
  readonly deviceEntries: Quota;
  /** Refusals that may have been guesses, per address. */
  readonly guesses: Quota;
  /** Keys of clients that named a `jwks_uri`, by that URL. */
  readonly keySets: Map<string, KeySet>;
  /** Absolute URL of an endpoint, for example `/token`. */
  endpoint(path: string): string;
}

/** @throws TypeError naming every option that cannot be used. */
export function createServer(options: AuthorizationServerOptions): Server {
  const lifetimes = { ...DEFAULT_LIFETIMES, ...options.lifetimes };
  const problems = [...issuerProblems(options), ...lifetimeProblems(lifetimes)];
  if (problems.length > 0) throw new TypeError(`createAuthorizationServer: ${problems.join("; ")}`);
  const url = new URL(options.issuer);
  const path = url.pathname.replace(/\/$/, "");
  const clock = options.system ?? system;
  const cryptography = options.cryptography ?? webCryptography;
  return {
    options,
    issuer: options.issuer,
    origin: url.origin,
    path,
    lifetimes,
    system: clock,
    cryptography,
    signatures: createKnownSignatures(cryptography.sha256),
    documents: createClientDocuments(options, clock),
    registrations: createQuota(options.registration.perHour ?? DEFAULT_REGISTRATIONS_PER_HOUR, 3600),
    authorizations: createQuota(AUTHORIZATIONS.limit, AUTHORIZATIONS.window),
    deviceEntries: createQuota(DEVICE_ENTRIES.limit, DEVICE_ENTRIES.window),
    guesses: createQuota(options.guessesPerMinute ?? DEFAULT_GUESSES_PER_MINUTE, 60),
    keySets: new Map(),
    endpoint: (name) => url.origin + path + name,
  };
}

/** RFC 8414 §2, RFC 9207 §2: https, no query, no fragment; and byte for byte what clients compare with. */
function issuerProblems({ issuer, dangerouslyAllowHttpIssuer }: AuthorizationServerOptions): string[] {
  if (!URL.canParse(issuer)) return ["issuer must be an absolute URL"];
  const url = new URL(issuer);
  const loopback = ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  const problems: string[] = [];
  if (url.protocol !== "https:" && !(url.protocol === "http:" && (loopback || dangerouslyAllowHttpIssuer))) {
    problems.push("issuer must be https, or http on loopback");
  }
  if (issuer !== url.href && `${issuer}/` !== url.href) problems.push("issuer must be written in its plain form");
  if (/[?#@]/.test(issuer)) problems.push("issuer must have no query, fragment or user information");
  return problems;
}

function lifetimeProblems(lifetimes: Lifetimes): string[] {
  return Object.entries(lifetimes)
    .filter(([name, seconds]) => !Number.isSafeInteger(seconds) || seconds < (name === "refreshGrace" ? 0 : 1))
    .map(([name]) => `lifetimes.${name} must be a whole number of seconds`);
}
