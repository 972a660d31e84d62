import {
  type Authenticated,
  filterList,
  isJsonObject,
  type JsonObject,
  LISTS,
  type ListContext,
  listMethodOf,
  type McpBody,
  type McpCall,
  type RequestFacts,
  type Revision,
  rewriteAnswer,
  type ShowResult,
  type System,
} from "@sallyport/auth";
import type { GatewayServer } from "./contract.js";
import { mayMakeTask, Tasks, taskIdOf } from "./tasks.js";

/** Reads one JSON text of an answer and gives what may be shown of it. */
export type AnswerReader = (text: string) => string;

export interface Listed {
  readonly who: Authenticated;
  readonly revision: Revision;
  readonly request: RequestFacts;
}

/**
 * What has to be read on the way back: lists, which show only what the caller can reach (design: lists show what is reachable), and answers
 * that may make a task, which is remembered with the call that made it.
 */
export class Lists {
  readonly tasks = new Tasks();

  constructor(
    private readonly server: GatewayServer,
    private readonly system: System,
  ) {}

  /** `undefined`: nothing of the answer to this body has to be read. */
  readerOf(listed: Listed, body: McpBody, byMessage: readonly (readonly McpCall[])[]): AnswerReader | undefined {
    let readers: Map<string | number, (result: JsonObject) => JsonObject> | undefined;
    for (const [index, message] of body.messages.entries()) {
      if (message.type !== "request") continue;
      const { id, method } = message;
      const [call] = byMessage[index] ?? [];
      if (Object.hasOwn(LISTS, method)) {
        readers ??= new Map();
        readers.set(id, (result) => this.#shown(method, result, listed));
      } else if (call !== undefined && mayMakeTask(message)) {
        readers ??= new Map();
        readers.set(id, (result) => this.#remembered(result, listed, call));
      }
    }
    if (readers === undefined) return undefined;
    const found = readers;
    const asked = new Set(body.messages.map((message) => (message.type === "request" ? message.id : undefined)));
    const show: ShowResult = (result, id) => {
      // Some servers turn a number into a string, and clients take it for the same id: what nobody asked for is told by its shape.
      if (id === undefined || !asked.has(id)) return this.#shownByShape(result, listed);
      return found.get(id)?.(result) ?? result;
    };
    return (text) => rewriteAnswer(text, show);
  }

  /** For a stream on which any earlier request of the session may be answered (resumption): a list is known by its shape alone. */
  streamReaderOf(listed: Listed): AnswerReader {
    return (text) => rewriteAnswer(text, (result) => this.#shownByShape(result, listed));
  }

  #shownByShape(result: JsonObject, listed: Listed): JsonObject {
    const method = listMethodOf(result);
    return method === undefined ? result : this.#shown(method, result, listed);
  }

  #shown(method: string, result: JsonObject, { who, revision, request }: Listed): JsonObject {
    const { resourceServer, list, observeTools } = this.server;
    if (method === "tools/list" && Array.isArray(result.tools)) observeTools?.(result.tools.filter(isJsonObject));
    const context: ListContext = {
      policy: resourceServer.policy,
      server: resourceServer.server,
      who,
      revision,
      request,
      now: this.system.now(),
      list: list ?? "reachable",
      creatingCall: (taskId) => this.tasks.creatingCall(taskId, who.principal),
    };
    return filterList(method, result, context);
  }

  #remembered(result: JsonObject, { who }: Listed, call: McpCall): JsonObject {
    const taskId = taskIdOf(result);
    if (taskId !== undefined) this.tasks.remember(taskId, who.principal, call);
    return result;
  }
}
