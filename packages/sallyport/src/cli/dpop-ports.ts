import { type DpopNonces, OAuthError, type ReplayRecorder } from "@sallyport/auth";
import { createDpopNonces } from "@sallyport/auth/node";
import type { Store } from "../stores/store.js";

/** What proofs of possession need (RFC 9449 §8, §11.1), shared by every process that has the store and its master key. */
export interface DpopPorts {
  readonly replay: ReplayRecorder;
  readonly nonces: DpopNonces;
}

/** A store that does not answer refuses the proof, with the 503 that says whose fault it is. */
export function createDpopPorts(store: Pick<Store, "replay" | "sealer">): DpopPorts {
  return {
    nonces: createDpopNonces(store.sealer.derive("dpop-nonces")),
    replay: {
      async record(kind, key, expires, now) {
        try {
          return await store.replay.record(kind, key, expires, now);
        } catch (cause) {
          if (cause instanceof OAuthError) throw cause;
          throw new OAuthError("store_unavailable", { detail: "proof not recorded", retryAfter: 1, cause });
        }
      },
    },
  };
}
