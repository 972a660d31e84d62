import { Client, StreamableHTTPClientTransport, UnauthorizedError } from "@modelcontextprotocol/client";
import type { AgentTool, ToolOutcome } from "./agent.js";
import { type ChatClient, createGrant } from "./oauth-provider.js";
import { refusalOf } from "./refusals.js";

const INFO = { name: "support-chat", version: "1.0.0" };

/** The chat's way to the MCP server, for one person: connecting, calling, and what has to be agreed to first. */
export interface DeskClient {
  /** `undefined` when connected; else the page where the person signs in and agrees. */
  connect(): Promise<URL | undefined>;
  /** Takes the answer that the person brought back. @throws Error for one that was not asked for. */
  finish(answer: URLSearchParams): Promise<void>;
  /** `undefined`: the access was taken back; `signedOut` says where to get it again. */
  tools(): Promise<readonly AgentTool[] | undefined>;
  signedOut(): ToolOutcome;
  call(tool: string, args: Readonly<Record<string, unknown>>): Promise<ToolOutcome>;
  /** For handing a weaker token to another program. */
  accessToken(): string | undefined;
  readonly connected: boolean;
  /** What was granted, as the token answer said. */
  readonly scope: string | undefined;
  close(): Promise<void>;
}

export function createDeskClient(mcpUrl: string, chat: ChatClient): DeskClient {
  const grant = createGrant(chat);
  let client: Client | undefined;
  let transport: StreamableHTTPClientTransport | undefined;
  const authorization = (): URL => {
    if (grant.authorizationUrl === undefined) throw new Error("the server asks for nothing that could be agreed to");
    return grant.authorizationUrl;
  };
  return {
    async connect() {
      const next = new Client(INFO, { versionNegotiation: { mode: "auto" } });
      transport = new StreamableHTTPClientTransport(new URL(mcpUrl), { authProvider: grant.provider });
      try {
        await next.connect(transport);
        client = next;
        return undefined;
      } catch (error) {
        if (error instanceof UnauthorizedError) return authorization();
        throw error;
      }
    },
    async finish(answer) {
      const { authorizationUrl } = grant;
      const states = [answer.get("state"), authorizationUrl?.searchParams.get("state")];
      if (authorizationUrl === undefined || states[0] === null || states[0] !== states[1]) {
        throw new Error("This answer belongs to nothing that was asked here.");
      }
      grant.authorizationUrl = undefined;
      transport ??= new StreamableHTTPClientTransport(new URL(mcpUrl), { authProvider: grant.provider });
      await transport.finishAuth(answer);
    },
    async tools() {
      const listed = await connected(client)
        .listTools()
        .catch((error: unknown) => {
          if (error instanceof UnauthorizedError) return undefined;
          throw error;
        });
      return listed?.tools.map(({ name, title, description, inputSchema, annotations }) => ({
        name,
        title: title ?? name,
        description: description ?? "",
        inputSchema: inputSchema as Readonly<Record<string, unknown>>,
        readOnly: annotations?.readOnlyHint === true,
      }));
    },
    async call(tool, args) {
      try {
        const { content, isError } = await connected(client).callTool({ name: tool, arguments: { ...args } });
        const text = content.map((block) => (block.type === "text" ? block.text : "")).join("\n");
        return { kind: isError === true ? "error" : "result", text };
      } catch (error) {
        if (error instanceof UnauthorizedError) {
          const url = authorization();
          // The SDK drops tokens that are good no more; while it has some, this call needs more than they are for.
          if (grant.tokens === undefined) return { kind: "signed-out", url: url.href };
          return { kind: "step-up", scope: url.searchParams.get("scope") ?? "", url: url.href };
        }
        return refusalOf(error);
      }
    },
    signedOut: () => ({ kind: "signed-out", url: authorization().href }),
    accessToken: () => grant.tokens?.access_token,
    get connected() {
      return client !== undefined && grant.tokens !== undefined;
    },
    get scope() {
      return grant.tokens?.scope;
    },
    close: async () => {
      await client?.close();
      client = undefined;
    },
  };
}

function connected(client: Client | undefined): Client {
  if (client === undefined) throw new Error("connect first");
  return client;
}
