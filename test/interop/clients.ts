import { Client as Client2, StreamableHTTPClientTransport as Transport2 } from "@modelcontextprotocol/client";
import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as Transport1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { type ClientState, createProvider, type ProviderOptions } from "./provider.js";

/** One connection of one real client, as its user drives it. */
export interface Connection {
  readonly state: ClientState;
  /** What was negotiated: `2025-11-25`, `2026-07-28`, … */
  revision(): string | undefined;
  tools(): Promise<readonly string[]>;
  /** Text of the first content block. Refusals reject with the client's own error. */
  call(name: string, args?: Record<string, unknown>): Promise<string>;
  /** Hands the callback of the last authorization to the client, which redeems the code. */
  finish(): Promise<void>;
  /** Closes, and connects anew with what the client kept. */
  reopen(): Promise<void>;
  close(): Promise<void>;
}

export interface RealClient {
  readonly name: string;
  readonly eras: readonly ("legacy" | "modern")[];
  /** Connects; when the client asks for authorization, the person has agreed by then, and it connects again with the code. */
  connect(mcpUrl: string, options: ProviderOptions): Promise<Connection>;
}

const INFO = { name: "sallyport-interop", version: "1.0.0" };

interface AnyClient {
  listTools(): Promise<{ tools: readonly { name: string }[] }>;
  callTool(params: { name: string; arguments: Record<string, unknown> }): Promise<unknown>;
  close(): Promise<void>;
}

interface Attempt {
  readonly client: AnyClient;
  readonly connect: () => Promise<void>;
  readonly finish: (callback: URL) => Promise<void>;
  readonly revision: () => string | undefined;
}

async function connectWith(state: ClientState, attempt: () => Attempt): Promise<Connection> {
  let current = attempt();
  try {
    await current.connect();
  } catch (error) {
    if (state.callback === undefined) throw error;
    await current.finish(takeCallback(state));
    current = attempt();
    await current.connect();
  }
  return {
    state,
    revision: () => current.revision(),
    tools: async () => (await current.client.listTools()).tools.map(({ name }) => name),
    call: async (name, args = {}) => textOf(await current.client.callTool({ name, arguments: args })),
    finish: () => current.finish(takeCallback(state)),
    reopen: async () => {
      await current.client.close();
      current = attempt();
      await current.connect();
    },
    close: () => current.client.close(),
  };
}

function takeCallback(state: ClientState): URL {
  const { callback } = state;
  if (callback === undefined) throw new Error("nobody was sent to the authorization endpoint");
  if (callback.searchParams.get("state") !== state.sent) throw new Error("the callback is not for this request");
  state.callback = undefined;
  return callback;
}

function textOf(result: unknown): string {
  const [first] = (result as { content?: readonly { text?: string }[] }).content ?? [];
  return first?.text ?? "";
}

const sdk2 = (name: string, mode: "legacy" | "auto", eras: RealClient["eras"]): RealClient => ({
  name,
  eras,
  connect: (mcpUrl, options) => {
    const { provider, state } = createProvider(options);
    return connectWith(state, () => {
      const client = new Client2(INFO, mode === "auto" ? { versionNegotiation: { mode } } : {});
      const transport = new Transport2(new URL(mcpUrl), { authProvider: provider });
      return {
        client,
        connect: () => client.connect(transport),
        finish: (callback) => transport.finishAuth(callback.searchParams),
        revision: () => client.getNegotiatedProtocolVersion(),
      };
    });
  },
});

export const CLIENTS: readonly RealClient[] = [
  sdk2("@modelcontextprotocol/client 2.4, legacy", "legacy", ["legacy"]),
  sdk2("@modelcontextprotocol/client 2.4, both eras", "auto", ["legacy", "modern"]),
  {
    name: "@modelcontextprotocol/sdk 1.32",
    eras: ["legacy"],
    connect: (mcpUrl, options) => {
      const { provider, state } = createProvider(options);
      return connectWith(state, () => {
        const client = new Client1(INFO);
        const transport = new Transport1(new URL(mcpUrl), { authProvider: provider });
        let revision: string | undefined;
        return {
          client: client as unknown as AnyClient,
          connect: async () => {
            await client.connect(transport as Transport);
            revision = transport.protocolVersion;
          },
          finish: (callback) => transport.finishAuth(callback.searchParams.get("code") ?? ""),
          revision: () => revision,
        };
      });
    },
  },
];
