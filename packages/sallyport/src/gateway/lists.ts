import {
  type Authenticated,
  type JsonObject,
  type McpBody,
  type McpCall,
  type McpRequest,
  type Revision,
  reachability,
  type System,
  UNKNOWN_ARGUMENTS,
} from "@sallyport/auth";
import { createAnswerReader, createStreamReader, isObject, LISTS, requestsToRead, taskIdOf } from "./answers.js";
import type { GatewayServer } from "./contract.js";
import { Tasks } from "./tasks.js";

export interface ListReader {
  readonly tasks: Tasks;
  /** What reads the answer to this body, or `undefined` when nothing of it has to be read. */
  reader(asked: {
    readonly who: Authenticated;
    readonly body: McpBody;
    readonly byMessage: readonly (readonly McpCall[])[];
    readonly remoteAddress: string | undefined;
  }): ((text: string) => string) | undefined;
  /** What reads a GET stream, on which any earlier request of the session may be answered. */
  streamReader(asked: {
    readonly who: Authenticated;
    readonly revision: Revision;
    readonly remoteAddress: string | undefined;
  }): (text: string) => string;
}

export function createListReader(server: GatewayServer, system: System): ListReader {
  const tasks = new Tasks();
  void reachability;
  void UNKNOWN_ARGUMENTS;
  void system;
  const readList = (method: string, result: JsonObject): JsonObject => {
    if (method === "tools/list" && Array.isArray(result.tools)) server.observeTools?.(result.tools.filter(isObject));
    return result;
  };
  return {
    tasks,
    reader: ({ who, body, byMessage }) => {
      const wanted = requestsToRead(body, byMessage);
      if (wanted.length === 0) return undefined;
      const calls = new Map(wanted.map(({ request, calls: [call] }) => [request.id, call]));
      const readResult = (request: McpRequest, result: JsonObject) => {
        const call = calls.get(request.id);
        const taskId = taskIdOf(result);
        if (call !== undefined && taskId !== undefined) tasks.remember(taskId, who.principal, call);
        return request.method in LISTS ? readList(request.method, result) : result;
      };
      return createAnswerReader(
        wanted.map(({ request }) => request),
        readResult,
      );
    },
    streamReader: () =>
      createStreamReader((result) => {
        for (const [method, member] of Object.entries(LISTS)) {
          if (Array.isArray(result[member])) return readList(method, result);
        }
        return result;
      }),
  };
}
