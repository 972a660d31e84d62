import { McpServer } from "@modelcontextprotocol/server";
import { z } from "zod";

/** The CRM's API in the name of one caller: sends a token that was exchanged for it. */
export type CrmFetch = (path: string, init?: RequestInit) => Promise<Response>;

const READ = { readOnlyHint: true, openWorldHint: false } as const;
const WRITE = { readOnlyHint: false, destructiveHint: false, openWorldHint: false } as const;

/** The tools of the desk. Each is one request to the CRM's API, which decides by itself whose rows the person may see. */
export function createCrmServer(crm: (scope: "crm:read" | "crm:write") => CrmFetch): McpServer {
  const server = new McpServer({ name: "crm", version: "1.0.0" });
  const get = (path: string) => answer(crm("crm:read")(path));
  const send = (method: "POST" | "PATCH", path: string, body: unknown) =>
    answer(
      crm("crm:write")(path, { method, body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    );
  const at = (strings: TemplateStringsArray, value: string) => strings.join(encodeURIComponent(value));

  server.registerTool(
    "search_customers",
    {
      title: "Search customers",
      description: "Finds customers by name, company, city, email or id. At most 20.",
      inputSchema: z.object({ query: z.string().max(100) }),
      annotations: READ,
    },
    ({ query }) => get(`/customers?${new URLSearchParams({ q: query })}`),
  );
  server.registerTool(
    "get_customer",
    {
      title: "Read a customer",
      description: "One customer with tickets and orders.",
      inputSchema: z.object({ customer_id: z.string() }),
      annotations: READ,
    },
    ({ customer_id }) => get(at`/customers/${customer_id}`),
  );
  server.registerTool(
    "get_customer_history",
    {
      title: "Read what was changed",
      description: "Changes of one customer, newest first: by which person, through which program.",
      inputSchema: z.object({ customer_id: z.string() }),
      annotations: READ,
    },
    ({ customer_id }) => get(at`/customers/${customer_id}/history`),
  );
  server.registerTool(
    "search_tickets",
    {
      title: "List tickets",
      description: "Tickets of one status, newest first. At most 20.",
      inputSchema: z.object({ status: z.enum(["open", "waiting", "solved"]) }),
      annotations: READ,
    },
    ({ status }) => get(`/tickets?${new URLSearchParams({ status })}`),
  );
  server.registerTool(
    "get_ticket",
    {
      title: "Read a ticket",
      description: "One ticket with its notes.",
      inputSchema: z.object({ ticket_id: z.string() }),
      annotations: READ,
    },
    ({ ticket_id }) => get(at`/tickets/${ticket_id}`),
  );
  server.registerTool(
    "search_orders",
    {
      title: "Search orders",
      description: "Finds orders by item, customer, company or id, newest first. At most 20.",
      inputSchema: z.object({ query: z.string().max(100) }),
      annotations: READ,
    },
    ({ query }) => get(`/orders?${new URLSearchParams({ q: query })}`),
  );
  server.registerTool(
    "get_order",
    {
      title: "Read an order",
      description: "One order with what was refunded of it.",
      inputSchema: z.object({ order_id: z.string() }),
      annotations: READ,
    },
    ({ order_id }) => get(at`/orders/${order_id}`),
  );
  server.registerTool(
    "add_note",
    {
      title: "Add a note",
      description: "Adds a note to a ticket.",
      inputSchema: z.object({ ticket_id: z.string(), text: z.string().max(4_000) }),
      annotations: WRITE,
    },
    ({ ticket_id, text }) => send("POST", `${at`/tickets/${ticket_id}`}/notes`, { text }),
  );
  server.registerTool(
    "update_contact",
    {
      title: "Change contact details",
      description: "Changes a customer's email address, phone number, or both.",
      inputSchema: z.object({
        customer_id: z.string(),
        email: z.string().optional(),
        phone: z.string().optional(),
      }),
      annotations: { ...WRITE, idempotentHint: true },
    },
    ({ customer_id, ...contact }) => send("PATCH", `${at`/customers/${customer_id}`}/contact`, contact),
  );
  server.registerTool(
    "issue_refund",
    {
      title: "Refund an order",
      description: "Pays back part of an order, or all of it. The amount is in cents.",
      inputSchema: z.object({ order_id: z.string(), amount_cents: z.int().min(1) }),
      annotations: { ...WRITE, destructiveHint: true },
    },
    ({ order_id, amount_cents }) => send("POST", `${at`/orders/${order_id}`}/refunds`, { amount_cents }),
  );
  return server;
}

/** What the API says, as the tool's text; what it refuses, as the tool's error. */
async function answer(asked: Promise<Response>) {
  const response = await asked;
  const text = await response.text();
  return { content: [{ type: "text" as const, text }], ...(!response.ok && { isError: true }) };
}
