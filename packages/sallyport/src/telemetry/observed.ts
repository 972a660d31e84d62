import type { Denied, Judged, McpCall, McpMessage, Revision } from "@sallyport/auth";
import type { Judgement } from "../gateway/watch.js";

/** Why something did not come to a good end; `undefined` where it did. The values are few, so that they may be labels. */
export type ErrorType = "unknown" | "denied_by_rule" | "insufficient_scope" | `upstream_${string}` | `http_${number}`;

/** What traces and metrics tell of one judged request: names and outcomes, and nothing that a caller could fill with secrets. */
export interface Observed {
  readonly server: string;
  /** JSON-RPC method; `batch`, `response`, or the HTTP method of a stream. All from fixed lists. */
  readonly method: string;
  readonly revision: Revision;
  readonly call: McpCall | undefined;
  /** `name` of a tool that the catalogue knows, `other` for one that it does not; `undefined` where no tool is called. */
  readonly tool: string | undefined;
  readonly decision: "allow" | "deny";
  readonly denial: Denied["kind"] | undefined;
  readonly rule: string;
  readonly decisionId: string | undefined;
  readonly requestId: string | number | undefined;
  /** A stream that answers no single question: its length says nothing. */
  readonly standing: boolean;
}

const DENIALS: Readonly<Record<Denied["kind"], ErrorType>> = {
  unknown: "unknown",
  rule: "denied_by_rule",
  scope: "insufficient_scope",
};

/** In the order in which one answers for a whole body. */
const KINDS = Object.keys(DENIALS) as readonly Denied["kind"][];

export function observe(
  server: string,
  { body, revision, judged, decisionId }: Judgement,
  toolLabel: (name: string) => string,
): Observed {
  const { messages, batch } = body;
  const [first] = messages;
  const decisive = decisiveOf(judged);
  const { call, decision } = decisive ?? {};
  return {
    server,
    method: methodOf(batch, first) ?? call?.method ?? "response",
    revision,
    call,
    tool: call?.kind === "tool" ? toolLabel(call.name ?? "") : undefined,
    decision: decision?.outcome ?? "allow",
    denial: decision?.outcome === "deny" ? decision.kind : undefined,
    rule: decision?.rule ?? "",
    decisionId,
    requestId: !batch && first?.type === "request" ? first.id : undefined,
    standing: first === undefined || (first.type === "request" && first.method === "subscriptions/listen"),
  };
}

export function errorTypeOf({ denial }: Pick<Observed, "denial">): ErrorType | undefined {
  return denial === undefined ? undefined : DENIALS[denial];
}

function methodOf(batch: boolean, first: McpMessage | undefined): string | undefined {
  if (batch) return "batch";
  return first === undefined || first.type === "response" ? undefined : first.method;
}

/** The call whose decision answered for the request. */
function decisiveOf(judged: readonly Judged[]): Judged | undefined {
  for (const kind of KINDS) {
    const denied = judged.find(({ decision }) => decision.outcome === "deny" && decision.kind === kind);
    if (denied !== undefined) return denied;
  }
  return judged[0];
}
