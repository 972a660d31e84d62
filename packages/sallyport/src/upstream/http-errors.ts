import { UpstreamError } from "./upstream.js";

type Kind = UpstreamError["kind"];

/** undici's and Node's error codes, by what they say about the server behind. Everything not listed means that it could not be reached. */
const KINDS: Readonly<Record<string, readonly [Kind, string]>> = {
  UND_ERR_CONNECT_TIMEOUT: ["timeout", "the upstream did not accept a connection in time"],
  UND_ERR_HEADERS_TIMEOUT: ["timeout", "the upstream did not answer in time"],
  UND_ERR_BODY_TIMEOUT: ["timeout", "the upstream stopped in the middle of its answer"],
  UND_ERR_HEADERS_OVERFLOW: ["protocol", "the upstream's response headers are too large"],
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: ["protocol", "the upstream's answer is not as long as it says"],
  UND_ERR_RES_EXCEEDED_MAX_SIZE: ["protocol", "the upstream's answer is too large"],
  HTTPParserError: ["protocol", "the upstream does not answer in HTTP/1.1"],
  UND_ERR_INVALID_ARG: ["protocol", "the request cannot be sent to the upstream"],
};

/** Names an error of the connection. The message is public and carries no address; the cause is for the log. */
export function toUpstreamError(error: unknown): UpstreamError {
  if (error instanceof UpstreamError) return error;
  const [kind, message] = KINDS[codeOf(error)] ?? ["unreachable", "the upstream cannot be reached"];
  return new UpstreamError(kind, message, { cause: error });
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  // llhttp's own codes are many (HPE_…), and not every error of undici's parser has one.
  if (error.name === "HTTPParserError") return error.name;
  return "code" in error && typeof error.code === "string" ? error.code : "";
}
