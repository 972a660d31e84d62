import { isCommonPassword } from "./common-passwords.js";

/** Not waited for at the start: finding its native part takes as long as a tenth of one. */
export const loadPasswords = () => import("@node-rs/argon2");

/** OWASP's first choice for argon2id (the default algorithm of the binding): 19 MiB, two passes, one lane; about 10 ms. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
const MIN_LENGTH = 12;
/** Long enough for any passphrase, short enough that hashing is not a way to keep the server busy. */
const MAX_LENGTH = 256;

/** The same characters typed on another keyboard are the same password (NIST SP 800-63B-4 §3.1.1.2). */
function normalise(password: string): string {
  return password.normalize("NFKC");
}

/** Why `password` is not taken, as a sentence for the page; `undefined` when it is. No composition rules (SP 800-63B-4 §3.1.1.2). */
export function passwordProblem(password: string, userName: string): string | undefined {
  const normal = normalise(password);
  const length = [...normal].length;
  if (length < MIN_LENGTH) return `Use at least ${MIN_LENGTH} characters. A few words in a row make a good password.`;
  if (length > MAX_LENGTH) return `Use at most ${MAX_LENGTH} characters.`;
  if (isCommonPassword(normal, userName))
    return "This password is too easy to guess. Choose words that others would not.";
  return undefined;
}

/** argon2id in PHC form. */
export async function hashPassword(password: string): Promise<string> {
  const { hash } = await loadPasswords();
  return hash(normalise(password), COST);
}

let decoy: Promise<string> | undefined;

/**
 * Costs the same whether the user exists, has a password, or not: without a hash one of no password is verified against.
 * `upgraded` is a new hash to store when the old one was made at a lower cost.
 */
export async function verifyPassword(
  password: string,
  stored: string | undefined,
): Promise<{ readonly right: boolean; readonly upgraded: string | undefined }> {
  decoy ??= hashPassword("no password at all");
  const tooLong = password.length > MAX_LENGTH * 4;
  const { parseOptions, verify } = await loadPasswords();
  const matches = await verify(stored ?? (await decoy), tooLong ? "" : normalise(password)).catch(() => false);
  const right = matches && stored !== undefined && !tooLong;
  return {
    right,
    upgraded: right && isOutdated(stored, parseOptions(stored)) ? await hashPassword(password) : undefined,
  };
}

function isOutdated(stored: string, used: { readonly memoryCost: number; readonly timeCost: number }): boolean {
  return used.memoryCost < COST.memoryCost || used.timeCost < COST.timeCost || !stored.startsWith("$argon2id$");
}
