import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { createTokenEndpoint, tokenExchangeGrant } from "@sallyport/auth/client";
import type { AgentEvent, ToolOutcome } from "./agent.js";
import { refusalOf } from "./refusals.js";

/** A second agent, which gets a token of its own for the first one's: for one customer, to read, for five minutes. */
export interface Summarizer {
  /** `more`: it is told to try what it may not do, so that everybody can see that it cannot. */
  summarize(asked: {
    readonly customer: string;
    readonly token: string;
    readonly more: boolean;
  }): AsyncIterable<AgentEvent>;
}

export interface SummarizerOptions {
  readonly issuer: string;
  readonly mcpUrl: string;
  /** Another client than the chat: it is named in every decision as the party that acts. */
  readonly client: { readonly id: string; readonly secret: string };
}

export function createSummarizer({ issuer, mcpUrl, client }: SummarizerOptions): Summarizer {
  const endpoint = createTokenEndpoint({
    token_endpoint: `${issuer}/token`,
    client: { client_id: client.id, client_secret: client.secret, method: "client_secret_basic" },
  });
  /** RFC 8693 with RFC 9396: no scope at all, and one kind of call, with its argument. */
  const narrow = async (subject_token: string, customer_id: string): Promise<string> => {
    const details = [{ type: "mcp_call", locations: [mcpUrl], tools: ["get_customer"], arguments: { customer_id } }];
    const { access_token } = await endpoint.request([
      ...tokenExchangeGrant({ subject_token, resource: mcpUrl }),
      ["authorization_details", JSON.stringify(details)],
    ]);
    return access_token;
  };
  return {
    async *summarize({ customer, token, more }) {
      const own = await narrow(token, customer);
      const mcp = new Client({ name: "summarizer", version: "1.0.0" }, { versionNegotiation: { mode: "auto" } });
      const headers = { authorization: `Bearer ${own}` };
      await mcp.connect(new StreamableHTTPClientTransport(new URL(mcpUrl), { requestInit: { headers } }));
      try {
        const tries = [{ tool: "get_customer", args: { customer_id: customer } }, ...(more ? beyond(customer) : [])];
        for (const [index, { tool, args }] of tries.entries()) {
          const id = index + 1;
          yield { type: "call", id, tool, args };
          const outcome = await attempt(mcp, tool, args);
          yield { type: "outcome", id, outcome };
          if (index === 0) yield { type: "text", text: summaryOf(customer, outcome) };
        }
        if (more) yield { type: "text", text: "\nThat is all my token is good for, whatever I am told." };
      } finally {
        await mcp.close();
      }
    },
  };
}

/** Another customer, and a change: what somebody might talk it into. */
function beyond(customer: string) {
  const other = customer === "C-1001" ? "C-1002" : "C-1001";
  return [
    { tool: "get_customer", args: { customer_id: other } },
    { tool: "update_contact", args: { customer_id: customer, email: "thief@example.com" } },
  ];
}

async function attempt(mcp: Client, name: string, args: Readonly<Record<string, unknown>>): Promise<ToolOutcome> {
  try {
    const { content, isError } = await mcp.callTool({ name, arguments: { ...args } });
    const text = content.map((block) => (block.type === "text" ? block.text : "")).join("\n");
    return { kind: isError === true ? "error" : "result", text };
  } catch (error) {
    return refusalOf(error);
  }
}

function summaryOf(customer: string, outcome: ToolOutcome): string {
  if (outcome.kind !== "result") return `I could not read ${customer}.`;
  const row = JSON.parse(outcome.text) as {
    readonly name: string;
    readonly company: string;
    readonly plan: string;
    readonly tickets: readonly { readonly status: string }[];
    readonly orders: readonly { readonly amount_cents: number }[];
  };
  const open = row.tickets.filter(({ status }) => status !== "solved").length;
  const spent = row.orders.reduce((sum, { amount_cents }) => sum + amount_cents, 0);
  return `${row.name} of ${row.company} is on the ${row.plan} plan, has ${open} unsolved of ${row.tickets.length} tickets, and ordered for ${(spent / 100).toFixed(2)} EUR.`;
}
