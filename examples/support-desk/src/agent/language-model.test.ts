import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { AgentEvent, AgentTool, AgentTurn } from "./agent.js";
import { createLanguageModel } from "./language-model.js";

/** An OpenAI-compatible endpoint that first asks for a tool, and then says what it was given. */
let server: Server;
let baseURL: string;
const asked: {
  readonly messages: readonly { readonly role: string; readonly content?: unknown }[];
  readonly tools?: unknown;
}[] = [];

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = JSON.parse(Buffer.concat(chunks).toString());
    asked.push(body);
    const given = body.messages.findLast(({ role }: { role: string }) => role === "tool");
    const name = body.tools.at(-1).function.name;
    const call = { index: 0, id: "c1", type: "function", function: { name, arguments: '{"customer_id":"C-1"}' } };
    const delta =
      given === undefined ? { tool_calls: [call] } : { content: `It says ${JSON.stringify(given.content)}` };
    const chunk = (choice: object) =>
      `data: ${JSON.stringify({ id: "x", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, ...choice }] })}\n\n`;
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(chunk({ delta: { role: "assistant", ...delta }, finish_reason: null }));
    response.write(chunk({ delta: {}, finish_reason: given === undefined ? "tool_calls" : "stop" }));
    response.end("data: [DONE]\n\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
});
afterAll(() => server.close());

const TOOL: AgentTool = {
  name: "get_customer",
  title: "Read a customer",
  description: "One customer.",
  inputSchema: { type: "object", properties: { customer_id: { type: "string" } }, required: ["customer_id"] },
  readOnly: true,
};

async function respond(outcome: Parameters<typeof collect>[0]) {
  return collect(outcome);
}

async function collect(outcome: import("./agent.js").ToolOutcome): Promise<readonly AgentEvent[]> {
  const agent = createLanguageModel({ baseURL, model: "m" });
  const events: AgentEvent[] = [];
  const calls: unknown[] = [];
  const turn = {
    text: "Who is C-1?",
    history: [],
    tools: [TOOL],
    call: async (...call: unknown[]) => {
      calls.push(call);
      return outcome;
    },
  };
  for await (const event of agent.respond(turn)) events.push(event);
  expect(calls).toEqual([["get_customer", { customer_id: "C-1" }]]);
  return events;
}

test("a language model of any OpenAI-compatible endpoint uses the desk's tools, and says what came of it", async () => {
  const events = await respond({ kind: "result", text: "Ada" });
  expect(events.map(({ type }) => type)).toEqual(["call", "outcome", "text"]);
  expect(events.at(-1)).toMatchObject({ text: 'It says "Ada"' });
  expect(JSON.stringify(asked[0]?.tools)).toContain("get_customer");
});

test("a call that waits for the person ends the turn: the model is not asked again", async () => {
  asked.length = 0;
  const events = await respond({ kind: "step-up", scope: "mcp:write", url: "http://localhost/" });
  expect(events.map(({ type }) => type)).toEqual(["call", "outcome"]);
  expect(asked).toHaveLength(1);
});

test("a change is tried only when the person may see what it is about", async () => {
  const agent = createLanguageModel({ baseURL, model: "m" });
  const tools = [TOOL, { ...TOOL, name: "update_contact", readOnly: false }];
  for (const [found, tried] of [
    [{ kind: "error", text: "There is no C-1 that you may see." }, ["get_customer"]],
    [{ kind: "result", text: "{}" }, ["get_customer", "update_contact"]],
  ] as const) {
    const calls: string[] = [];
    const call: AgentTurn["call"] = async (tool) => {
      calls.push(tool);
      return tool === "get_customer" ? found : { kind: "result", text: "changed" };
    };
    let said = "";
    for await (const event of agent.respond({ text: "Change C-1", history: [], tools, call })) {
      if (event.type === "text") said += event.text;
    }
    expect(calls).toEqual(tried);
    expect(said).toBe(`It says ${JSON.stringify(found.kind === "error" ? found.text : "changed")}`);
  }
});

test("an endpoint that does not answer is said, and nothing is invented", async () => {
  const agent = createLanguageModel({ baseURL: "http://127.0.0.1:1/v1", model: "m" });
  const events: AgentEvent[] = [];
  const call = async () => ({ kind: "result", text: "" }) as const;
  for await (const event of agent.respond({ text: "Hi", history: [], tools: [], call })) events.push(event);
  expect(events).toEqual([{ type: "text", text: "The language model does not answer. Try again." }]);
}, 60_000);
