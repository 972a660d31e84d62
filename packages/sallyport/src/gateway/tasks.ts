import { type McpCall, type Principal, principalKey } from "@sallyport/auth";

/** Tasks remembered per server; beyond it the oldest is forgotten, and its later requests are answered as for a missing task. */
const MAX_TASKS = 10_000;

/**
 * Which call made which task, and whose. A task request is judged as the call that created the task, and another principal's task
 * does not exist. In memory: after a restart of the gateway earlier tasks are unknown, which refuses.
 */
export class Tasks {
  readonly #tasks = new Map<string, { readonly owner: string; readonly call: McpCall }>();

  constructor(private readonly max = MAX_TASKS) {}

  /** A task id that another principal already holds stays theirs: an upstream that repeats ids cannot hand a task over. */
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
