import { type JsonObject, type McpCall, type System, UNKNOWN_ARGUMENTS } from "@sallyport/auth";
import type { ChainEntry } from "./chain-writer.js";
import type { CommitArguments } from "./commitment.js";
import { type Decided, type DecisionRecorder, LogUnavailable } from "./contract.js";
import { formatIssued } from "./issued-record.js";
import { formatRecord } from "./record.js";

/** What a recorder needs of the chain. */
export interface Chain {
  append(entry: () => ChainEntry): void;
  durable(): Promise<void>;
}

export interface RecorderOptions {
  readonly chain: Chain;
  readonly system: Pick<System, "now">;
  /** Name of the server, for lines that are about no call. */
  readonly server: string;
  readonly commit: CommitArguments;
  /** Calls whose record has to be durable before they go on. Asked for allowed calls only: nothing else goes on. */
  readonly before: (call: McpCall) => boolean;
  /** What the catalogue says that a tool needs now. */
  readonly toolScopeOf?: (tool: string) => string | undefined;
  /** Called instead of refusing when the log takes nothing; absent: calls are refused then. */
  readonly onLost?: (records: number) => void;
}

/** Records the decisions of one server: one line for each thing that was judged. */
export function createRecorder(options: RecorderOptions): Required<DecisionRecorder> {
  const { chain, before, onLost, server, system } = options;
  return {
    recordIssued(issued) {
      try {
        const time = system.now();
        chain.append(() => ({ members: formatIssued(issued, { server, time }) }));
      } catch (error) {
        if (!(error instanceof LogUnavailable) || onLost === undefined) throw error;
        onLost(1);
      }
    },
    record(decided) {
      const { judged } = decided;
      try {
        append(decided, options);
      } catch (error) {
        if (!(error instanceof LogUnavailable) || onLost === undefined) throw error;
        return onLost(judged.length);
      }
      const allowed = judged.every(({ decision }) => decision.outcome === "allow");
      if (!allowed || !judged.some(({ call }) => before(call))) return undefined;
      const durable = chain.durable();
      // The record itself is kept and written later: nothing is lost, it is only late.
      return onLost === undefined ? durable : durable.catch(() => {});
    },
  };
}

function append(decided: Decided, { chain, system, commit, toolScopeOf }: RecorderOptions): void {
  const time = system.now();
  const ids = requestIds(decided);
  decided.judged.forEach((one, index) => {
    const { kind, name } = one.call;
    const requestId = Array.isArray(ids) ? ids[index] : ids;
    // As the catalogue is now.
    const toolScope = kind === "tool" && name !== undefined ? toolScopeOf?.(name) : undefined;
    chain.append(() => {
      const args = argumentsOf(one.call);
      const committed = args === undefined ? undefined : commit(args);
      const members = formatRecord(one, decided, { time, requestId, commitment: committed?.commitment, toolScope });
      return committed === undefined ? { members } : { members, kept: committed.kept };
    });
  });
}

function argumentsOf({ arguments: given }: McpCall): JsonObject | undefined {
  return given === UNKNOWN_ARGUMENTS ? undefined : given;
}

/** The id of the message that each judged call belongs to; a single one for all of them where there is one message. */
function requestIds({
  body,
  byMessage,
}: Decided): string | number | undefined | readonly (string | number | undefined)[] {
  const { messages } = body;
  const [first] = messages;
  if (messages.length <= 1) return first?.type === "request" ? first.id : undefined;
  return byMessage.flatMap((calls, index) => {
    const message = messages[index];
    return calls.map(() => (message?.type === "request" ? message.id : undefined));
  });
}
