import type { Agent, AgentEvent, ToolOutcome } from "../agent/agent.js";
import { createDeskClient, type DeskClient } from "../agent/desk-client.js";
import type { ChatClient } from "../agent/oauth-provider.js";

/** One thing on the page. */
export type Entry =
  | { readonly role: "user" | "assistant"; readonly text: string }
  | {
      readonly role: "tool";
      readonly tool: string;
      readonly args: unknown;
      readonly outcome: ToolOutcome;
      /** Of a step-up: the person has been asked since. */
      readonly decided?: boolean;
    };

/** The chat of one browser: what was said, and its connection to the server. Lives in memory, as long as the process. */
export class Conversation {
  readonly entries: Entry[] = [];
  readonly client: DeskClient;
  /** What waits for the person's agreement, to be tried once more. */
  #waiting: string | undefined;
  #decided = false;

  constructor(
    private readonly agent: Agent,
    mcpUrl: string,
    chat: ChatClient,
  ) {
    this.client = createDeskClient(mcpUrl, chat);
  }

  /** Something waited, and the person has come back. */
  get resumes(): boolean {
    return this.#decided && this.#waiting !== undefined;
  }

  /** Answers `text`, piece by piece. */
  async *say(text: string): AsyncIterable<AgentEvent> {
    const history = this.entries.flatMap((entry) => (entry.role === "tool" ? [] : [entry]));
    this.entries.push({ role: "user", text });
    yield* this.#respond(text, history);
  }

  /** The person came back from the page that asked: nothing here asks for that any more. */
  decided(): void {
    this.#decided = true;
    for (const [index, entry] of this.entries.entries()) {
      if (entry.role === "tool" && entry.outcome.kind === "step-up") this.entries[index] = { ...entry, decided: true };
    }
  }

  /** Tries again what the person has agreed to meanwhile. Nothing where nothing waits. */
  async *resume(): AsyncIterable<AgentEvent> {
    const text = this.#waiting;
    if (text === undefined) return;
    yield* this.#respond(text, []);
  }

  async *#respond(
    text: string,
    history: readonly { readonly role: "user" | "assistant"; readonly text: string }[],
  ): AsyncIterable<AgentEvent> {
    this.#waiting = undefined;
    this.#decided = false;
    const { client } = this;
    const calls = new Map<number, { readonly tool: string; readonly args: unknown }>();
    let said = "";
    const tools = await client.tools();
    if (tools === undefined) {
      const outcome = client.signedOut();
      this.entries.push({ role: "tool", tool: "tools/list", args: {}, outcome });
      yield { type: "outcome", id: 0, outcome };
      return;
    }
    const turn = { text, history, tools, call: client.call };
    for await (const event of this.agent.respond(turn)) {
      if (event.type === "text") said += event.text;
      if (event.type === "call") calls.set(event.id, event);
      if (event.type === "outcome") {
        const { tool = "", args } = calls.get(event.id) ?? {};
        this.entries.push({ role: "tool", tool, args, outcome: event.outcome });
        if (event.outcome.kind === "step-up") this.#waiting = text;
      }
      yield event;
    }
    if (said !== "") this.entries.push({ role: "assistant", text: said });
  }
}
