import { createInterface } from "node:readline/promises";
import type { Readable, Writable } from "node:stream";
import type { Agent, AgentEvent, ToolOutcome } from "../agent/agent.js";
import { sentenceOf } from "../agent/words.js";
import { Conversation } from "../web/conversation.js";
import { startCallback } from "./callback.js";

export interface TerminalOptions {
  readonly agent: Agent;
  readonly mcpUrl: string;
  readonly input: Readable;
  readonly output: Writable;
}

/** The same desk in a terminal. What has to be agreed to opens in a browser; the answer comes back to a port of this process. */
export async function chatInTerminal({ agent, mcpUrl, input, output }: TerminalOptions): Promise<void> {
  const callback = await startCallback();
  const chat = new Conversation(agent, mcpUrl, { id: "support-terminal", redirectUri: callback.redirectUri });
  const lines = createInterface({ input, output, prompt: "> " });
  // Listened to from the start, so that what is typed ahead is not lost.
  const typed = lines[Symbol.asyncIterator]();
  const say = (text: string) => output.write(`${text}\n`);
  const agree = async (url: string) => {
    say(`Open this in your browser, and come back:\n  ${url}`);
    await chat.client.finish(await callback.wait());
    const more = await chat.client.connect();
    if (more !== undefined) throw new Error("the gateway asks for more; start again");
  };
  const show = async (events: AsyncIterable<AgentEvent>) => {
    for await (const event of events) {
      if (event.type === "text") output.write(event.text);
      if (event.type === "call") say(`  ${event.tool} ${JSON.stringify(event.args)}`);
      if (event.type === "outcome") say(`  ${verdictOf(event.outcome)}`);
    }
    say("");
  };
  try {
    say(agent.about);
    const url = await chat.client.connect();
    if (url !== undefined) await agree(url.href);
    say(`Connected. It may: ${chat.client.scope ?? "what was granted"}. An empty line ends.`);
    lines.prompt();
    for await (const line of { [Symbol.asyncIterator]: () => typed }) {
      if (line.trim() === "") break;
      await show(chat.say(line.trim()));
      const [last] = chat.entries.filter((entry) => entry.role === "tool").slice(-1);
      if (last?.role === "tool" && (last.outcome.kind === "step-up" || last.outcome.kind === "signed-out")) {
        await agree(last.outcome.url);
        await show(chat.resume());
      }
      lines.prompt();
    }
  } finally {
    lines.close();
    callback.close();
    await chat.client.close();
  }
}

function verdictOf(outcome: ToolOutcome): string {
  switch (outcome.kind) {
    case "denied":
      return `denied by a rule: ${outcome.because}`;
    case "step-up":
      return `needs your permission: ${outcome.scope}`;
    case "result":
      return "allowed";
    case "signed-out":
      return "access was taken back";
    default:
      return `failed: ${sentenceOf(outcome.text)}`;
  }
}
