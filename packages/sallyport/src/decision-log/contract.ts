import type { Authenticated, Judged, McpBody, McpCall, Principal, RequestFacts } from "@sallyport/auth";

/** One request with the answer to each thing it asks, as the gateway hands it on. */
export interface Decided {
  readonly who: Authenticated;
  /** What was judged, in the order of the messages. */
  readonly judged: readonly Judged[];
  readonly body: McpBody;
  /** For each message of the body what it touches: tells which request id belongs to which call. */
  readonly byMessage: readonly (readonly McpCall[])[];
  readonly request: RequestFacts;
  /** As the refusal names it to the caller; absent where everything is allowed. */
  readonly decisionId?: string | undefined;
  /** Names the token that goes on with the call; absent where none of its own was made. */
  readonly upstreamToken?: string | undefined;
  /** The `traceparent` header, as it came. */
  readonly traceparent?: string | undefined;
  /** From the request's head to this decision, in milliseconds. */
  readonly latencyMs: number;
}

/**
 * Port: takes every decision of one server before anything goes on. Nothing is returned where the record may be written a little later; a
 * promise where the call has to wait until its record is durable. Throws or rejects when a record cannot be kept: then nothing goes on.
 */
export interface DecisionRecorder {
  record(decided: Decided): void | Promise<void>;
  /** Links a token that was made for the system behind to the caller's, before it is used. Throws when that cannot be kept. */
  recordIssued?(issued: IssuedRecord): void;
}

/** One token that was made for the system behind. It is named, and not held. */
export interface IssuedRecord {
  /** Whose; absent for a token of the gateway's own. */
  readonly principal: Principal | undefined;
  readonly tokenId: string;
  readonly scope: string | undefined;
  /** Integer seconds. */
  readonly expires: number | undefined;
}

/** The log takes no records: it fails, or its disk does not keep up. */
export class LogUnavailable extends Error {
  override readonly name = "LogUnavailable";
}
