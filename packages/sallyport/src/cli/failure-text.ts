import { OAuthError } from "@sallyport/auth";
import { ForeignMasterKeyError } from "../sealing/foreign-key.js";
import { SecretFileError } from "../sealing/secret-file.js";
import type { Installation } from "./installation.js";
import { placeOfMasterKey } from "./master-key.js";

/** What zlib and the system say by a code. */
const TEXTS: Readonly<Record<string, string>> = {
  Z_DATA_ERROR: "it is no backup, or it was damaged",
  Z_BUF_ERROR: "it is cut short: take a whole copy of it",
  ENOENT: "its folder does not exist",
  EISDIR: "it is a folder",
  EACCES: "this user may not",
  ENOTDIR: "a part of its path is a file, where a folder must be",
  EROFS: "nothing can be written there",
  ENOSPC: "the disk is full",
};

/** What failed, for somebody who knows neither gzip nor errno. Where the installation is known, it says which key is the wrong one. */
export function explainFailure(error: unknown, installation?: Pick<Installation, "masterKey">): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof SecretFileError) return `${error.message}: ${explainSecretFile(error.cause)}`;
  if (error instanceof ForeignMasterKeyError && installation !== undefined) {
    return `${error.message} than that of ${placeOfMasterKey(installation)}: bring the one that sealed it back there`;
  }
  if (error instanceof OAuthError && error.reason === "store_unavailable") {
    return `the database does not answer: ${error.cause instanceof Error ? error.cause.message : error.message}`;
  }
  const code = codeOf(error);
  return Object.hasOwn(TEXTS, code) ? (TEXTS[code] ?? error.message) : error.message;
}

/** Secrets are their owner's alone, so whoever may not has to be somebody else. */
function explainSecretFile(cause: unknown): string {
  return codeOf(cause) === "EACCES"
    ? "this user may not; run this as the user whose installation it is"
    : explainFailure(cause);
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
