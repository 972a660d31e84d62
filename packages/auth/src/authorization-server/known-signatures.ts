import type { JWK } from "jose";
import { type Awaitable, chain } from "../oauth/awaitable.js";
import type { SigningKey } from "../oauth/key-set.js";
import type { Sha256 } from "../oauth/thumbprint.js";

type PrivateKey = SigningKey["privateKey"];

/** About 1.5 MB. */
const MAX_KNOWN = 10_000;

/** Signatures of access tokens that this process made itself or checked before: nothing that happens later makes them wrong. */
export interface KnownSignatures {
  /** This process signed `token` with `key`. */
  made(token: string, key: PrivateKey): Awaitable<void>;
  /** Whether the whole of `token` is signed by the private half of `key`: known, or as `check` finds. Does NOT judge the token. */
  verify(token: string, key: JWK, check: () => Awaitable<boolean>): Awaitable<boolean>;
}

/**
 * By the SHA-256 of the token, never the token; bounded, the older half goes first and is checked again. A private key that signed here counts for
 * a public one only after one of its signatures was checked against it, so that two keys under one `kid` are never taken for each other.
 */
export function createKnownSignatures(sha256: Sha256, size = MAX_KNOWN): KnownSignatures {
  const most = Math.ceil(size / 2);
  let known = new Map<string, PrivateKey | string>();
  let older: ReadonlyMap<string, PrivateKey | string> = new Map();
  const publicHalves = new WeakMap<PrivateKey, string>();

  // Two halves, since a map that loses its first entry with every new one spends more on that than on all the rest.
  function add(id: string, signer: PrivateKey | string): void {
    if (known.size >= most) {
      older = known;
      known = new Map();
    }
    known.set(id, signer);
  }

  return {
    made: (token, key) => chain(sha256(token), (id) => add(id, key)),
    verify: (token, key, check) =>
      chain(sha256(token), (id) => {
        const signer = known.get(id) ?? older.get(id);
        const content = contentOf(key);
        const half = typeof signer === "object" ? publicHalves.get(signer) : signer;
        if (half === content) return true;
        return chain(check(), (valid) => {
          if (valid !== true) return false;
          if (typeof signer === "object") publicHalves.set(signer, content);
          else add(id, content);
          return true;
        });
      }),
  };
}

function contentOf({ kty, crv, x, y, n, e }: JWK): string {
  return JSON.stringify([kty, crv, x, y, n, e]);
}
