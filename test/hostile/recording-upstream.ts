import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One request as it arrived behind the gateway. */
export interface Arrived {
  readonly method: string;
  readonly path: string;
  /** Names in lower case, in the order in which they came, repeated ones included. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** What a tool of this server does on the wire when it is called. */
export type Behaviour = (response: ServerResponse, id: unknown) => void;

export interface RecordingUpstream {
  readonly url: string;
  /** Everything that arrived since the last {@link forget}. */
  readonly arrived: readonly Arrived[];
  forget(): void;
  /** By tool name, or `tools/list`; without one a call is answered with a text. */
  readonly behaviours: Map<string, Behaviour>;
  close(): Promise<void>;
}

/** What `tools/list` says unless a behaviour says otherwise. */
export const TOOLS = [
  { name: "look", annotations: { readOnlyHint: true }, inputSchema: schema("path") },
  { name: "change", inputSchema: schema("amount") },
  { name: "misbehave", annotations: { readOnlyHint: true }, inputSchema: { type: "object" } },
  {
    name: "mirrored",
    annotations: { readOnlyHint: true },
    inputSchema: schema("region", { "x-mcp-header": "Region" }),
  },
];

function schema(property: string, more: object = {}) {
  return { type: "object", properties: { [property]: { type: "string", ...more } } };
}

interface Rpc {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: { readonly name?: string };
}

const RESULTS: Readonly<Record<string, object>> = {
  initialize: {
    protocolVersion: "2025-11-25",
    capabilities: { tools: {} },
    serverInfo: { name: "recorder", version: "1" },
  },
  "server/discover": {
    resultType: "complete",
    supportedVersions: ["2026-07-28"],
    capabilities: { tools: {} },
    _meta: { "io.modelcontextprotocol/serverInfo": { name: "recorder", version: "1" } },
  },
  "tools/list": { tools: TOOLS },
};

export function json(response: ServerResponse, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(200, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

/** An MCP server of both eras that writes down every request, so that a test can say that nothing arrived, or exactly what did. */
export async function startRecordingUpstream(): Promise<RecordingUpstream> {
  const arrived: Arrived[] = [];
  const behaviours = new Map<string, Behaviour>();
  let sessions = 0;

  const answer = ({ id, method = "", params }: Rpc, response: ServerResponse) => {
    const behaviour = behaviours.get(method === "tools/call" ? (params?.name ?? "") : method);
    if (behaviour !== undefined) return behaviour(response, id);
    if (id === undefined || method === "") return void response.writeHead(202).end();
    const result = RESULTS[method] ?? { content: [{ type: "text", text: `${method} was carried out` }] };
    sessions += method === "initialize" ? 1 : 0;
    json(
      response,
      { jsonrpc: "2.0", id, result },
      method === "initialize" ? { "mcp-session-id": `upstream-session-${sessions}` } : {},
    );
  };

  const onRequest = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString("utf8");
    const { rawHeaders, method = "", url = "" } = request;
    const names = rawHeaders.filter((_, index) => index % 2 === 0);
    const headers = names.map((name, index) => [name.toLowerCase(), rawHeaders[index * 2 + 1] ?? ""] as const);
    arrived.push({ method, path: url, headers, body });
    if (method === "GET") {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write('id: event-1\ndata: {"jsonrpc":"2.0","method":"notifications/message"}\n\n');
    } else if (method === "DELETE") response.writeHead(200).end();
    else {
      const value = JSON.parse(body) as Rpc | readonly Rpc[];
      const first = Array.isArray(value) ? value.find(({ id }) => id !== undefined) : value;
      answer(first ?? {}, response);
    }
  };
  const server = createServer((request, response) => void onRequest(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    arrived,
    forget: () => void arrived.splice(0),
    behaviours,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
