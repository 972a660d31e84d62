import type { IncomingMessage } from "node:http";
import {
  callsOf,
  checkMcpHeaders,
  type JsonObject,
  type McpBody,
  type McpCall,
  McpError,
  MODERN,
  parseMcpBody,
  type Revision,
} from "@sallyport/auth";
import type { Arrival, RequestWatch } from "./watch.js";

/** One HTTP request on its way; made once, handed on. */
export interface Incoming extends Arrival {
  readonly request: IncomingMessage;
  readonly watch: RequestWatch | undefined;
}

/** What a request turned out to ask: everything that is judged. */
export interface Asked {
  readonly revision: Revision;
  readonly bytes: Uint8Array | undefined;
  readonly body: McpBody;
  /** For each message what it touches; nothing for a response. */
  readonly byMessage: readonly (readonly McpCall[])[];
  /** The same in one list. */
  readonly calls: readonly McpCall[];
}

export interface AskedOptions {
  /** Name for `McpCall.server`. */
  readonly server: string;
  readonly inputSchemaOf: (tool: string) => JsonObject | undefined;
  creatingCall(taskId: string): McpCall | undefined;
}

/** A POST: the strict reading of its body, headers against body, and what each message touches. @throws McpError. */
export function readPost({ headers }: Incoming, bytes: Uint8Array, options: AskedOptions): Asked {
  const body = parseMcpBody(bytes);
  const { server, inputSchemaOf, creatingCall } = options;
  const revision = checkMcpHeaders(headers.lookup, body, { names: headers.names, inputSchemaOf });
  const context = { server, revision, creatingCall, inputSchemaOf };
  const byMessage = body.messages.map((message) => (message.type === "response" ? [] : callsOf(message, context)));
  const [only] = byMessage;
  return {
    revision,
    bytes,
    body,
    byMessage,
    calls: byMessage.length === 1 && only !== undefined ? only : byMessage.flat(),
  };
}

const NOTHING: McpBody = { batch: false, messages: [], inexactNumbers: false };

/** A GET opens the stream of a session, a DELETE ends one; both need what any message of the protocol needs. @throws McpError. */
export function readStream({ headers, facts }: Incoming, server: string): Asked {
  const { method } = facts;
  const revision = checkMcpHeaders(headers.lookup, undefined, { names: headers.names });
  if (revision === MODERN) {
    throw new McpError(405, -32600, `${MODERN} has no ${method}`, { reason: "method" });
  }
  const call: McpCall = { server, revision, method, kind: "protocol", name: undefined, arguments: undefined };
  return { revision, bytes: undefined, body: NOTHING, byMessage: [], calls: [call] };
}

/** What makes no sense without a session: streams, ends, and answers to a server's requests. @throws McpError. */
export function checkSessionless({ facts }: Incoming, { body, revision }: Asked): void {
  // Streamable HTTP: a server without a stream at this endpoint answers 405, and clients go on without one.
  if (facts.method === "GET") {
    throw new McpError(405, -32000, "There is no stream without a session", { reason: "no_session" });
  }
  const answers = body.messages.some(({ type }) => type === "response");
  if (facts.method === "POST" && !answers) return;
  const why = revision === MODERN ? `${MODERN} has no responses from clients` : "Mcp-Session-Id is missing";
  throw new McpError(400, -32600, why, { reason: "session_missing" });
}
