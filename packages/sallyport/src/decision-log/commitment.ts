import { createHmac } from "node:crypto";
import type { JsonObject, System } from "@sallyport/auth";
import { formatCanonical } from "../sealing/canonical-json.js";
import { toAscii } from "./lines.js";
import type { Redact } from "./redact.js";

/** HMAC-SHA-256 over the RFC 8785 form of the arguments, base64url. */
export function commit(salt: string, args: JsonObject): string {
  return commitText(salt, formatCanonical(args));
}

function commitText(salt: string, canonical: string): string {
  return createHmac("sha256", salt).update(canonical).digest("base64url");
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
/** Random bytes fetched at once: 16 for each salt. */
const POOL = 4_096;
const SALT = 16;

/**
 * The commitment is to the arguments as they are kept: with `redacted` it says nothing of what was taken out, so that nobody who has the
 * salt can try values for it. With `none` it is to the whole arguments, and only the salt is kept: whoever has the arguments from
 * elsewhere can show that these were they, and whoever reads the file can try guesses, until it is erased.
 */
export function createCommitments(
  mode: "none" | "full" | { readonly redact: Redact },
  from: Pick<System, "randomBytes">,
): CommitArguments {
  let pool = Buffer.alloc(0);
  const salt = () => {
    if (pool.length === 0) pool = Buffer.from(from.randomBytes(POOL));
    const one = pool.toString("base64url", 0, SALT);
    pool = pool.subarray(SALT);
    return one;
  };
  return (args) => {
    const form = formatCanonical(typeof mode === "object" ? mode.redact(args) : args);
    const own = salt();
    const commitment = commitText(own, form);
    const keeps = mode !== "none" && form.length <= MAX_KEPT;
    return { commitment, kept: keeps ? `"salt":"${own}","arguments":${toAscii(form)}` : `"salt":"${own}"` };
  };
}
