import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { InMemoryEventStore } from "@modelcontextprotocol/sdk/examples/shared/inMemoryEventStore.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { z } from "zod";

/** An MCP server of this process, over HTTP. */
export interface Sdk1Server {
  readonly url: string;
  /** Authorization headers that reached it: there must never be one of the gateway's callers. */
  readonly authorizations: readonly string[];
  close(): Promise<void>;
}

const INPUT = { text: z.string() };
const read = { description: "Reads a note", annotations: { readOnlyHint: true } };
const write = { description: "Writes a note" };
const answer = (text: string) => ({ content: [{ type: "text" as const, text }] });

/** SDK 1.32: sessions, and event streams that can be resumed. */
export async function startSdk1Server(): Promise<Sdk1Server> {
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const authorizations: string[] = [];

  async function transportOf(request: IncomingMessage): Promise<StreamableHTTPServerTransport | undefined> {
    const id = request.headers["mcp-session-id"];
    if (typeof id === "string") return sessions.get(id);
    const transport: StreamableHTTPServerTransport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      eventStore: new InMemoryEventStore(),
      onsessioninitialized: (made) => {
        sessions.set(made, transport);
      },
    });
    const server = new McpServer({ name: "notes", version: "1.0.0" });
    server.registerTool("read_note", { ...read, inputSchema: INPUT }, ({ text }) => answer(`read ${text}`));
    server.registerTool("write_note", { ...write, inputSchema: INPUT }, ({ text }) => answer(`wrote ${text}`));
    await server.connect(transport as Transport);
    return transport;
  }

  const listener = createServer((request: IncomingMessage, response: ServerResponse) => {
    if (request.headers.authorization !== undefined) authorizations.push(request.headers.authorization);
    void transportOf(request).then((transport) => {
      if (transport === undefined) response.writeHead(404).end();
      else return transport.handleRequest(request, response);
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}/mcp`,
    authorizations,
    close: async () => {
      await Promise.all([...sessions.values()].map((transport) => transport.close()));
      listener.closeAllConnections();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}
