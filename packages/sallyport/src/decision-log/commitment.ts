import { createHmac, hash } from "node:crypto";
import type { JsonObject, System } from "@sallyport/auth";
import { formatCanonical } from "../sealing/canonical-json.js";
import { toAscii } from "./lines.js";
import type { Redact } from "./redact.js";

/** HMAC-SHA-256 over the RFC 8785 form of the arguments, base64url. */
export function commit(salt: string, args: JsonObject): string {
  return createHmac("sha256", salt).update(formatCanonical(args)).digest("base64url");
}

/** RFC 2104 §2: block size of SHA-256, and the two pads. */
const BLOCK = 64;
const INNER = 0x36;
const OUTER = 0x5c;
const outer = Buffer.alloc(BLOCK + 32);

/**
 * The same as {@link commit} for a salt of ASCII. Two plain hashes instead of an Hmac object: such an object for each call cost more in
 * garbage collection than everything else in a record.
 */
function commitText(salt: string, canonical: string): string {
  const inner = hash("sha256", padded(salt, INNER) + canonical, "buffer");
  outer.write(padded(salt, OUTER), 0, "latin1");
  inner.copy(outer, BLOCK);
  return hash("sha256", outer, "base64url");
}

/** The key block, which stays ASCII: both pads are below 0x80. */
function padded(salt: string, pad: number): string {
  let block = "";
  for (let index = 0; index < salt.length; index++) block += String.fromCharCode(salt.charCodeAt(index) ^ pad);
  return block.padEnd(BLOCK, String.fromCharCode(pad));
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
