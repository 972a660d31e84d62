import type { JWK } from "jose";
import { OAuthError } from "../core/oauth-error.js";
import { system as realSystem, type System } from "../system.js";
import type { FetchDocument } from "./client-metadata-document.js";
import { fetchConfiguredDocument } from "./fetch-document.js";
import { isJsonObject } from "./jws.js";
import { type KeySet, selectKey } from "./key-set.js";

export interface RemoteKeySetOptions {
  /** Default {@link fetchConfiguredDocument}; `./node` has a guarded one, for URLs that were not configured. */
  readonly fetchDocument?: FetchDocument;
  readonly system?: System;
  /** Seconds after which keys are read again in the background; default 600. */
  readonly refreshAfter?: number;
  /** Seconds for which keys count when the server no longer answers; default 86,400. Then tokens of this issuer are answered with 503. */
  readonly staleBound?: number;
  /** Seconds between two attempts, whatever provokes them; default 30. A forged `kid` costs one request per cool-down, not one per token. */
  readonly coolDown?: number;
}

const LIMITS = { maxBytes: 256 * 1024, timeoutMs: 5_000 } as const;
const MAX_KEYS = 100;
const DEFAULTS = { refreshAfter: 600, staleBound: 86_400, coolDown: 30 } as const;

interface Held {
  readonly keys: readonly JWK[];
  /** Monotonic milliseconds of the answer. */
  readonly at: number;
}

/**
 * The keys at a `jwks_uri` (RFC 7517 §5), read at the first need. An unknown `kid` reads them again (rotation), one request at a time and
 * not more often than the cool-down allows. Answers at once while it knows the key.
 * @throws TypeError for a URL that is neither https nor http on loopback. `find` rejects with OAuthError `keys_unavailable`.
 */
export function createRemoteKeySet(url: string, options: RemoteKeySetOptions = {}): KeySet {
  if (!isAcceptableUrl(url)) throw new TypeError("A remote key set needs an https URL.");
  const { fetchDocument = fetchConfiguredDocument, system = realSystem } = options;
  const [refreshAfter, staleBound, coolDown] = [
    (options.refreshAfter ?? DEFAULTS.refreshAfter) * 1000,
    (options.staleBound ?? DEFAULTS.staleBound) * 1000,
    (options.coolDown ?? DEFAULTS.coolDown) * 1000,
  ];
  let held: Held | undefined;
  let reading: Promise<void> | undefined;
  let lastAttempt = Number.NEGATIVE_INFINITY;

  const ageMs = (): number => (held === undefined ? Number.POSITIVE_INFINITY : system.monotonicMs() - held.at);
  /** Joins the request under way, starts one if the cool-down allows, or does nothing. Never rejects: what is held answers. */
  const refresh = (): Promise<void> => {
    if (reading === undefined && system.monotonicMs() - lastAttempt >= coolDown) {
      lastAttempt = system.monotonicMs();
      reading = readKeys(url, fetchDocument)
        .then((keys) => {
          held = { keys, at: system.monotonicMs() };
        })
        .catch((error: unknown) =>
          system.log("warn", "keys could not be read", { url: new URL(url).origin, error: String(error) }),
        )
        .finally(() => {
          reading = undefined;
        });
    }
    return reading ?? Promise.resolve();
  };

  return {
    find(header) {
      const found = held === undefined || ageMs() >= staleBound ? undefined : selectKey(held.keys, header);
      if (found !== undefined) {
        if (ageMs() >= refreshAfter) void refresh();
        return found;
      }
      return refresh().then(() => {
        if (held === undefined || ageMs() >= staleBound)
          throw new OAuthError("keys_unavailable", { retryAfter: coolDown / 1000 });
        return selectKey(held.keys, header);
      });
    },
  };
}

async function readKeys(url: string, fetchDocument: FetchDocument): Promise<readonly JWK[]> {
  const { status, body } = await fetchDocument(url, LIMITS);
  if (status !== 200) throw new Error(`status ${status}`);
  const document: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  const keys = isJsonObject(document) ? document.keys : undefined;
  if (!Array.isArray(keys) || keys.length > MAX_KEYS) throw new Error("not a JWK set");
  // RFC 7517 §5: members that are not understood are ignored, and so are keys.
  return keys.filter((key): key is JWK => isJsonObject(key) && typeof key.kty === "string");
}

function isAcceptableUrl(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return protocol === "https:" || (protocol === "http:" && ["localhost", "127.0.0.1", "[::1]"].includes(hostname));
}
