import { createHmac } from "node:crypto";
import { base64url } from "@sallyport/auth";
import { decrypt, encrypt, type Sealer } from "./sealer.js";

/** Whose id it is: the members of a Principal that name a caller. */
export interface IdOwner {
  readonly iss: string;
  readonly sub: string;
  readonly client_id: string;
}

/** What is sealed: one kind never opens as another. `server` keeps the ids of two servers apart. */
export interface IdScope {
  readonly kind: "session" | "event" | "request-state" | "listen";
  readonly server: string;
}

/**
 * Session and event ids on their way through the gateway (R-33, R-34; design: children are strangers). The owner is bound as associated
 * data, so that it costs no length: another caller's id, or an id from elsewhere, simply does not open.
 */
export interface IdSealer {
  /** Visible ASCII (base64url), (28 + bytes of the id) × 4/3 characters. The same input gives the same output. */
  sealId(scope: IdScope, upstreamId: string, owner: IdOwner): string;
  /** The upstream's own id, or `undefined` for everything that {@link sealId} did not make for this scope and owner. */
  openId(scope: IdScope, sealed: string, owner: IdOwner): string | undefined;
}

const NONCE_BYTES = 12;
/** Longer values were never made here; refusing them early keeps a hostile header cheap. */
const MAX_SEALED_CHARACTERS = 4096;

/** Ids that an earlier master key sealed still open. */
export function createIdSealer(sealer: Sealer): IdSealer {
  const nonceKey = sealer.derive("id-nonces");
  const keys = sealer.deriveAll("ids");
  const [key] = keys;
  if (key === undefined) throw new TypeError("a sealer has at least one key");
  return {
    sealId(scope, upstreamId, owner) {
      const associatedData = bind(scope, owner);
      // A synthetic nonce (the idea of RFC 8452): a function of all that is sealed, so it repeats only with its own message.
      const nonce = createHmac("sha256", nonceKey)
        .update(`${associatedData}\n${upstreamId}`)
        .digest()
        .subarray(0, NONCE_BYTES);
      const body = encrypt({ key, nonce, associatedData }, Buffer.from(upstreamId, "utf8"));
      return base64url(Buffer.concat([nonce, body]));
    },
    openId(scope, sealed, owner) {
      if (sealed.length > MAX_SEALED_CHARACTERS || !/^[A-Za-z0-9_-]+$/.test(sealed)) return undefined;
      const bytes = Buffer.from(sealed, "base64url");
      const associatedData = bind(scope, owner);
      for (const candidate of keys) {
        const lock = { key: candidate, nonce: bytes.subarray(0, NONCE_BYTES), associatedData };
        const opened = decrypt(lock, bytes.subarray(NONCE_BYTES));
        if (opened !== undefined) return Buffer.from(opened).toString("utf8");
      }
      return undefined;
    },
  };
}

/** JSON keeps the members apart whatever characters they hold; a JSON text has no raw line break. */
function bind({ kind, server }: IdScope, { iss, sub, client_id }: IdOwner): string {
  return JSON.stringify([kind, server, iss, sub, client_id]);
}
