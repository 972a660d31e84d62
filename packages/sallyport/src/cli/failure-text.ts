import { OAuthError } from "@sallyport/auth";

/** What failed, for somebody who knows neither gzip nor errno. */
export function explainFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof OAuthError && error.reason === "store_unavailable") {
    return `the database does not answer: ${error.cause instanceof Error ? error.cause.message : error.message}`;
  }
  switch ("code" in error ? error.code : undefined) {
    case "Z_DATA_ERROR":
      return "it is no backup, or it was damaged";
    case "Z_BUF_ERROR":
      return "it is cut short: take a whole copy of it";
    case "ENOENT":
      return "its folder does not exist";
    case "EISDIR":
      return "it is a folder";
    case "EACCES":
      return "this user may not";
    default:
      return error.message;
  }
}
