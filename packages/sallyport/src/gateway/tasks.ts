import {
  isJsonObject,
  type JsonObject,
  type McpCall,
  type McpRequest,
  type Principal,
  principalKey,
} from "@sallyport/auth";

/** Tasks remembered per server; beyond it the oldest is forgotten, and its later requests are answered as for a missing task. */
const MAX_TASKS = 10_000;

/**
 * Which call made which task, and whose. A task request is judged as the call that created the task, and another principal's task
 * does not exist. In memory: after a restart of the gateway earlier tasks are unknown, which refuses.
 */
export class Tasks {
  readonly #tasks = new Map<string, { readonly owner: string; readonly call: McpCall }>();

  constructor(private readonly max = MAX_TASKS) {}

  /** A task id that somebody already holds stays theirs: an upstream that repeats ids cannot hand a task over. */
  remember(taskId: string, principal: Principal, call: McpCall): void {
    if (this.#tasks.has(taskId)) return;
    if (this.#tasks.size >= this.max) {
      const [oldest] = this.#tasks.keys();
      if (oldest !== undefined) this.#tasks.delete(oldest);
    }
    this.#tasks.set(taskId, { owner: principalKey(principal), call });
  }

  creatingCall(taskId: string, principal: Principal): McpCall | undefined {
    const task = this.#tasks.get(taskId);
    return task !== undefined && task.owner === principalKey(principal) ? task.call : undefined;
  }
}

const TASKS_EXTENSION = "io.modelcontextprotocol/tasks";
const CLIENT_CAPABILITIES = "io.modelcontextprotocol/clientCapabilities";

/** May the answer to this request make a task? 2025-11-25: asked for by `params.task`; later the extension, declared per request. */
export function mayMakeTask({ params }: McpRequest): boolean {
  if (params === undefined) return false;
  if (params.task !== undefined) return true;
  const capabilities = member(params._meta, CLIENT_CAPABILITIES);
  return capabilities !== undefined && member(member(capabilities, "extensions"), TASKS_EXTENSION) !== undefined;
}

function member(value: JsonObject[string] | undefined, name: string): JsonObject[string] | undefined {
  return isJsonObject(value) ? value[name] : undefined;
}

/** The id of the task that a result says it made: in `task` (2025-11-25) or, by the extension, in a result of type `task`. */
export function taskIdOf(result: JsonObject): string | undefined {
  const task = isJsonObject(result.task) ? result.task : result.resultType === "task" ? result : undefined;
  return typeof task?.taskId === "string" ? task.taskId : undefined;
}
