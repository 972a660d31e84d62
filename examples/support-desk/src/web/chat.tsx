import { randomBytes } from "node:crypto";
import { type Context, Hono } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import { streamSSE } from "hono/streaming";
import type { Agent, AgentEvent } from "../agent/agent.js";
import type { ChatClient } from "../agent/oauth-provider.js";
import type { Summarizer } from "../agent/summarizer.js";
import { Conversation, type Entry } from "./conversation.js";
import { ChatPage, Shown } from "./page.js";
import { SECURITY_HEADERS } from "./page-assets.js";

export interface ChatOptions {
  readonly agent: Agent;
  readonly summarizer: Summarizer;
  /** URL of the CRM's MCP server at the gateway. */
  readonly mcpUrl: string;
  readonly chat: ChatClient;
  /** Where the person takes access back. */
  readonly accountUrl: string;
}

const COOKIE = "desk";
const MAX_CHATS = 200;
const MAX_TEXT = 2_000;

/** The web chat. Each browser has a conversation of its own; nothing of it outlives the process. */
export function createChat(options: ChatOptions): Hono {
  const chats = new Map<string, Conversation>();
  const origin = new URL(options.chat.redirectUri).origin;
  const chatOf = (c: Context): Conversation => {
    const known = chats.get(getCookie(c, COOKIE) ?? "");
    if (known !== undefined) return known;
    const id = randomBytes(24).toString("base64url");
    const made = new Conversation(options.agent, options.mcpUrl, options.chat);
    chats.set(id, made);
    for (const oldest of chats.keys()) {
      if (chats.size <= MAX_CHATS) break;
      void chats.get(oldest)?.client.close();
      chats.delete(oldest);
    }
    // Lax: the person comes back from the gateway's page by a link of another origin.
    setCookie(c, COOKIE, id, { httpOnly: true, sameSite: "Lax", path: "/" });
    return made;
  };
  const page = (c: Context, chat: Conversation, problem?: string) => {
    const { client, entries, resumes: resume } = chat;
    const { agent, accountUrl } = options;
    const shown = { connected: client.connected, scope: client.scope, entries, resume, problem, accountUrl };
    return c.html(`<!doctype html>${ChatPage({ about: agent.about, ...shown })}`, problem === undefined ? 200 : 502);
  };

  const app = new Hono();
  app.use(async (c, next) => {
    // Only our own page may act: no form of another site, whatever port it is on.
    if (c.req.method === "POST" && c.req.header("origin") !== origin) return c.text("Use the form of this page.", 403);
    await next();
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) c.header(name, value);
  });
  app.get("/", (c) => page(c, chatOf(c)));
  app.post("/connect", async (c) => {
    const chat = chatOf(c);
    try {
      return c.redirect((await chat.client.connect())?.href ?? "/", 303);
    } catch (error) {
      return page(c, chat, `The gateway cannot be reached: ${messageOf(error)}`);
    }
  });
  app.get("/callback", async (c) => {
    const chat = chatOf(c);
    try {
      await chat.client.finish(new URL(c.req.url).searchParams);
      if ((await chat.client.connect()) !== undefined)
        return page(c, chat, "The gateway asks for more. Connect again.");
      chat.decided();
      // Not here: whoever loads that page again would bring the same answer again.
      return c.redirect("/", 303);
    } catch (error) {
      return page(c, chat, `Nothing was granted: ${messageOf(error)}`);
    }
  });
  app.post("/say", async (c) => {
    const { text } = await c.req.parseBody();
    const chat = chatOf(c);
    if (typeof text !== "string" || text.trim() === "" || text.length > MAX_TEXT || !chat.client.connected) {
      return c.redirect("/", 303);
    }
    return answer(c, chat, chat.say(text.trim()));
  });
  app.post("/resume", (c) => {
    const chat = chatOf(c);
    return answer(c, chat, chat.resume());
  });
  app.post("/summary", async (c) => {
    const { customer, more } = await c.req.parseBody();
    const chat = chatOf(c);
    const token = chat.client.accessToken();
    if (typeof customer !== "string" || !/^C-\d{1,9}$/i.test(customer) || token === undefined)
      return c.redirect("/", 303);
    const asked = { customer: customer.toUpperCase(), token, more: more === "1" };
    return answer(c, chat, remember(chat, options.summarizer.summarize(asked)));
  });
  return app;
}

/** What the second agent did stands in the same conversation. */
async function* remember(chat: Conversation, events: AsyncIterable<AgentEvent>): AsyncIterable<AgentEvent> {
  const calls = new Map<number, { readonly tool: string; readonly args: unknown }>();
  let said = "";
  for await (const event of events) {
    if (event.type === "text") said += event.text;
    if (event.type === "call") calls.set(event.id, event);
    if (event.type === "outcome") {
      chat.entries.push({ role: "tool", tool: "", args: {}, ...calls.get(event.id), outcome: event.outcome });
    }
    yield event;
  }
  if (said !== "") chat.entries.push({ role: "assistant", text: said });
}

/** Streamed to the script of the page; without it, the page as it is afterwards. */
async function answer(c: Context, chat: Conversation, events: AsyncIterable<AgentEvent>): Promise<Response> {
  const before = chat.entries.length;
  if (c.req.header("accept")?.includes("text/event-stream") !== true) {
    await drain(events, chat);
    return c.redirect("/", 303);
  }
  return streamSSE(c, async (stream) => {
    try {
      for await (const event of events) {
        if (event.type === "text") await stream.writeSSE({ data: JSON.stringify({ text: event.text }) });
        const entry = chat.entries.at(-1);
        if (event.type === "outcome" && entry !== undefined && chat.entries.length > before) {
          await stream.writeSSE({ data: JSON.stringify({ html: String(Shown({ entry })) }) });
        }
      }
    } catch (error) {
      const text = failed(chat, error);
      await stream.writeSSE({ data: JSON.stringify({ text }) });
    }
  });
}

async function drain(events: AsyncIterable<AgentEvent>, chat: Conversation): Promise<void> {
  try {
    for await (const _ of events);
  } catch (error) {
    failed(chat, error);
  }
}

function failed(chat: Conversation, error: unknown): string {
  const entry: Entry = { role: "assistant", text: `That did not work: ${messageOf(error)}` };
  chat.entries.push(entry);
  return entry.text;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 300) : "unknown error";
}
