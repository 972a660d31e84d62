import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { dynamicTool, jsonSchema, type ModelMessage, stepCountIs, streamText, type ToolSet } from "ai";
import type { Agent, AgentEvent, AgentTurn, ToolOutcome } from "./agent.js";
import { type Call, readBefore } from "./read-before.js";

export interface LanguageModelOptions {
  /** Of any OpenAI-compatible endpoint, for example `http://localhost:11434/v1`. */
  readonly baseURL: string;
  readonly model: string;
  readonly apiKey?: string;
}

const SYSTEM =
  "You work at a customer-support desk. Use the tools; never invent customers, orders or tickets. Say plainly when a tool was denied or needs a permission, and do not try it again.";
const MAX_STEPS = 8;

/** A language model with the desk's tools, by the AI SDK. */
export function createLanguageModel({ baseURL, model, apiKey }: LanguageModelOptions): Agent {
  const provider = createOpenAICompatible({ name: "desk", baseURL, ...(apiKey !== undefined && { apiKey }) });
  return {
    about: `This is the language model ${model}.`,
    async *respond(turn) {
      const seen: AgentEvent[] = [];
      let stopped = false;
      const { fullStream } = streamText({
        model: provider(model),
        system: SYSTEM,
        maxRetries: 1,
        onError: () => {}, // It comes as a part of the stream as well, where the person is told.
        messages: messagesOf(turn),
        tools: toolsOf(turn, seen, () => {
          stopped = true;
        }),
        // A call that waits for the person ends the turn: nothing is tried in its place.
        stopWhen: [stepCountIs(MAX_STEPS), () => stopped],
      });
      for await (const part of fullStream) {
        yield* seen.splice(0);
        if (part.type === "text-delta") yield { type: "text", text: part.text };
        if (part.type === "error") yield { type: "text", text: "The language model does not answer. Try again." };
      }
      yield* seen.splice(0);
    },
  };
}

function messagesOf({ history, text }: AgentTurn): ModelMessage[] {
  return [...history.map(({ role, text: content }) => ({ role, content })), { role: "user", content: text }];
}

function toolsOf(turn: AgentTurn, seen: AgentEvent[], stop: () => void): ToolSet {
  let calls = 0;
  const attempt = async ({ tool, args }: Call): Promise<ToolOutcome> => {
    calls += 1;
    const id = calls;
    seen.push({ type: "call", id, tool, args });
    const outcome = await turn.call(tool, args);
    seen.push({ type: "outcome", id, outcome });
    if (outcome.kind === "step-up" || outcome.kind === "signed-out") stop();
    return outcome;
  };
  return Object.fromEntries(
    turn.tools.map(({ name, description, inputSchema }) => [
      name,
      dynamicTool({
        description,
        inputSchema: jsonSchema(inputSchema),
        execute: async (input) => {
          const wanted = { tool: name, args: input as Readonly<Record<string, unknown>> };
          const before = readBefore(wanted);
          const found = before === undefined ? undefined : await attempt(before);
          const outcome = found === undefined || found.kind === "result" ? await attempt(wanted) : found;
          return forModel(outcome);
        },
      }),
    ]),
  );
}

function forModel(outcome: ToolOutcome): string {
  if (outcome.kind === "denied") return `Denied by a rule: ${outcome.because}`;
  if (outcome.kind === "signed-out") return "The person took the access back. Nothing was done.";
  if (outcome.kind === "step-up") return "The person has to give a permission first. Nothing was done.";
  return outcome.text;
}
