import type { ServerResponse } from "node:http";
import type { Authenticated, Judged, McpBody, RequestFacts, Revision } from "@sallyport/auth";
import type { UpstreamHandler } from "../upstream/upstream.js";
import type { ReceivedHeaders } from "./headers.js";

/**
 * Port: hears how the requests of one server go, for traces and metrics. It never throws, keeps nobody waiting, and changes nothing that is
 * judged or answered. Where nothing observes, nothing is called.
 */
export interface RequestObserver {
  /** A request is here, and nothing of it is believed yet. `response` tells by `close` when it is over. */
  begin(arrival: Arrival, response: ServerResponse): RequestWatch;
}

export interface Arrival {
  readonly headers: ReceivedHeaders;
  readonly facts: RequestFacts;
  /** When its head was here, in monotonic milliseconds. */
  readonly receivedMs: number;
}

/** How one request goes on. Each but `asked` is called at most once, in this order. */
export interface RequestWatch {
  judged(judgement: Judgement): void;
  /** What the server asked of the client in the answer was judged; any number of times. */
  asked(judged: readonly Judged[]): void;
  /** It goes on to the upstream. May put trace context into `headers`; the handler that is answered hears what the given one would. */
  sending(headers: Record<string, string>, handler: UpstreamHandler): UpstreamHandler;
}

export interface Judgement {
  readonly who: Authenticated;
  readonly revision: Revision;
  /** Without messages for a stream. */
  readonly body: McpBody;
  readonly judged: readonly Judged[];
  /** As the refusal names it; absent where everything is allowed. */
  readonly decisionId: string | undefined;
}
