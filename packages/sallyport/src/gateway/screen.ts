import {
  type Authenticated,
  clientRequestCall,
  type Denied,
  evaluate,
  type JsonValue,
  type Judged,
  judgedCalls,
  type McpCall,
  parseJson,
  type RequestFacts,
  type Revision,
  randomToken,
  type System,
} from "@sallyport/auth";
import { type AskedOfClient, type Asking, readAsking } from "./asked-of-client.js";
import type { GatewayServer } from "./contract.js";
import type { RequestWatch } from "./watch.js";

/** A rule's denial as JSON-RPC says it, to the client and to the server alike. */
const DENIED = -32000;

/** In the words of what a denial says to whoever reads it. */
const UNREADABLE: Denied = {
  outcome: "deny",
  kind: "rule",
  rule: "protocol",
  reason: "a request of the server that cannot be read strictly",
  because: "A request of this server cannot be read.",
  scopes: [],
};
const UNRECORDED: Denied = {
  ...UNREADABLE,
  rule: "log",
  reason: "log_unavailable",
  because: "The decision log cannot be written, so nothing is let through.",
};

export interface Screened {
  readonly watch: RequestWatch | undefined;
  readonly who: Authenticated;
  readonly revision: Revision;
  readonly request: RequestFacts;
}

/**
 * What a server asks of the client on the way of one answer, by the rules that name `requests/…`. What is denied never reaches the client: a
 * request of a legacy server is answered in the client's place, and an answer that asks for input becomes an error (2026-07-28 has no requests
 * of its own). What is allowed keeps its bytes.
 */
export class Screen {
  /** Answers a server in the client's place; set when there is a session in which it can be. */
  answer: ((id: string | number, line: string) => void) | undefined;

  constructor(
    private readonly server: GatewayServer,
    private readonly system: System,
    private readonly screened: Screened,
  ) {}

  /** One JSON text of the answer as it may be shown; `""`: not at all. @throws SyntaxError for what is not JSON. */
  read(text: string): string {
    if (this.server.resourceServer.policy.judgesRequests !== true) return text;
    const value = parseJson(text);
    if (!Array.isArray(value)) {
      const shown = this.#show(value, () => text);
      return shown === value ? text : shown === undefined ? "" : JSON.stringify(shown);
    }
    // Within a batch nobody knows which bytes are whose, so that all of it is read strictly for each.
    const shown = value.map((message: JsonValue) => this.#show(message, () => text));
    if (shown.every((message, index) => message === value[index])) return text;
    const left = shown.filter((message) => message !== undefined);
    return left.length === 0 ? "" : JSON.stringify(left);
  }

  /** The same message, another in its place, or `undefined`. */
  #show(message: JsonValue, text: () => string): JsonValue | undefined {
    const asking = readAsking(message, text);
    const denied = asking && this.#judge(asking);
    if (asking === undefined || denied === undefined) return message;
    const { because } = denied.decision;
    const error = {
      code: DENIED,
      message: because,
      data: { reason: "denied_by_rule", because, decisionId: denied.id },
    };
    const answer = { jsonrpc: "2.0", id: asking.id ?? null, error };
    if (asking.form === "input") return asking.id === undefined ? undefined : answer;
    if (asking.id !== undefined) this.answer?.(asking.id, JSON.stringify(answer));
    return undefined;
  }

  #judge(asking: Asking): { readonly decision: Denied; readonly id: string } | undefined {
    const started = this.system.monotonicMs();
    const judged = asking.asked.flatMap((asked) => this.#judgeOne(asked, asking) ?? []);
    if (judged.length > 0) this.screened.watch?.asked(judged);
    const first = judged.map(({ decision }) => decision).find((decision) => decision.outcome === "deny");
    const id = first === undefined ? undefined : randomToken(this.system, 12);
    const recorded = this.#record(judged, asking, { decisionId: id, latencyMs: this.system.monotonicMs() - started });
    if (first?.outcome === "deny" && id !== undefined) return { decision: first, id };
    return recorded ? undefined : { decision: UNRECORDED, id: randomToken(this.system, 12) };
  }

  #judgeOne(asked: AskedOfClient, { inexactNumbers }: Asking): Judged | undefined {
    const { resourceServer } = this.server;
    const { who, revision, request } = this.screened;
    const place = { server: resourceServer.server, revision };
    const call = clientRequestCall(asked ?? { method: "unreadable" }, place);
    if (call === undefined) return undefined;
    if (asked === undefined) return { call, decision: UNREADABLE };
    const [seen = call] = judgedCalls({ inexactNumbers }, [call]);
    const decision = evaluate(resourceServer.policy, { ...who, call: seen, request, now: this.system.now() });
    if (decision.outcome === "allow") this.#tellRecorded(call, decision.recorded ?? []);
    return { call, decision };
  }

  #tellRecorded(
    { server, method, name }: McpCall,
    recorded: readonly { readonly rule: string; readonly reason: string }[],
  ) {
    for (const { rule, reason } of recorded) {
      this.system.log("info", "a rule in record mode would have denied", { rule, reason, server, method, name });
    }
  }

  /** Whether the log has taken it. It is never waited for: the answer is on its way, and a record is durable a moment later. */
  #record(
    judged: readonly Judged[],
    { id }: Asking,
    about: { readonly decisionId: string | undefined; readonly latencyMs: number },
  ): boolean {
    const { decisions } = this.server;
    const { who, request } = this.screened;
    if (decisions === undefined || judged.length === 0) return true;
    const calls = judged.map(({ call }) => call);
    const messages =
      id === undefined ? [] : [{ type: "request" as const, id, method: calls[0]?.method ?? "", params: undefined }];
    const body = { batch: false, messages, inexactNumbers: false };
    try {
      decisions
        .record({ who, judged, body, byMessage: [calls], request, ...about })
        ?.catch((error: unknown) => this.system.log("error", "a decision was not recorded", { error: String(error) }));
      return true;
    } catch {
      return false;
    }
  }
}
