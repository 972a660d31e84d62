import { OAuthError } from "@sallyport/auth";

/** What zlib and the system say by a code. */
const TEXTS: Readonly<Record<string, string>> = {
  Z_DATA_ERROR: "it is no backup, or it was damaged",
  Z_BUF_ERROR: "it is cut short: take a whole copy of it",
  ENOENT: "its folder does not exist",
  EISDIR: "it is a folder",
  EACCES: "this user may not",
};

/** What failed, for somebody who knows neither gzip nor errno. */
export function explainFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof OAuthError && error.reason === "store_unavailable") {
    return `the database does not answer: ${error.cause instanceof Error ? error.cause.message : error.message}`;
  }
  const code = "code" in error ? String(error.code) : "";
  return Object.hasOwn(TEXTS, code) ? (TEXTS[code] ?? error.message) : error.message;
}
