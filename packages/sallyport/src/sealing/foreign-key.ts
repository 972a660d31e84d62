/** Something was sealed under none of the master keys that are known. The message says what, not where the keys come from. */
export class ForeignMasterKeyError extends Error {
  override readonly name = "ForeignMasterKeyError";

  constructor(what: string) {
    super(`${what} was sealed under another master key`);
  }
}
