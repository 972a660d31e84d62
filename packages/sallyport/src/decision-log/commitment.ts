import { hash } from "node:crypto";
import type { JsonObject, System } from "@sallyport/auth";
import { formatCanonical } from "../sealing/canonical-json.js";
import { toAscii } from "./lines.js";
import type { Redact } from "./redact.js";

/** 144 bits: whole characters of base64url, so that many salts can be cut out of one text. */
const SALT_BYTES = 18;
const SALT = /^[\w-]{24}$/;
const SALT_LENGTH = 24;
/** Salts made at once. */
const POOL = 256;

/**
 * SHA-256 over the salt and the RFC 8785 form of the arguments, base64url. A salt has one length, so that nothing else has the same text; it
 * hides what is committed to, and SHA-256 binds to it. `undefined` for what is no salt of ours.
 */
export function commit(salt: string, args: JsonObject): string | undefined {
  return SALT.test(salt) ? commitText(salt, formatCanonical(args)) : undefined;
}

function commitText(salt: string, canonical: string): string {
  return hash("sha256", salt + canonical, "base64url");
}

/** What is kept of arguments, and what stands for them in the chain. */
export interface Committed {
  readonly commitment: string;
  /** For the file beside the chain: the inside of a JSON object. */
  readonly kept: string;
}

export type CommitArguments = (args: JsonObject) => Committed;

/** Arguments longer than this are committed to and not kept, in characters of JSON. */
const MAX_KEPT = 65_536;

/**
 * The commitment is to the arguments as they are kept: with `redacted` it says nothing of what was taken out, so that nobody who has the
 * salt can try values for it. With `none` it is to the whole arguments, and only the salt is kept: whoever has the arguments from
 * elsewhere can show that these were they, and whoever reads the file can try guesses, until it is erased.
 */
export function createCommitments(
  mode: "none" | "full" | { readonly redact: Redact },
  from: Pick<System, "randomBytes">,
): CommitArguments {
  let pool = "";
  let used = 0;
  const nextSalt = () => {
    if (used === pool.length) {
      pool = Buffer.from(from.randomBytes(POOL * SALT_BYTES)).toString("base64url");
      used = 0;
    }
    const salt = pool.slice(used, used + SALT_LENGTH);
    used += SALT_LENGTH;
    return salt;
  };
  return (args) => {
    const form = formatCanonical(typeof mode === "object" ? mode.redact(args) : args);
    const salt = nextSalt();
    const commitment = commitText(salt, form);
    const keeps = mode !== "none" && form.length <= MAX_KEPT;
    return { commitment, kept: keeps ? `"salt":"${salt}","arguments":${toAscii(form)}` : `"salt":"${salt}"` };
  };
}
