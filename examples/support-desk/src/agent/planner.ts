import type { Agent, AgentEvent, AgentTurn, ToolOutcome } from "./agent.js";
import { type Call, readBefore } from "./read-before.js";
import { parseText, sentenceOf } from "./words.js";

interface Step extends Call {
  /** What the result means, in a sentence. */
  say(result: unknown): string;
}

interface Intent {
  /** Shown when nothing was understood. */
  readonly example: string;
  readonly pattern: RegExp;
  plan(found: Readonly<Record<string, string>>): Step;
}

const CUSTOMER = "(?<customer>C-\\d+)";
const money = (cents: number) => `${(cents / 100).toFixed(2)} EUR`;

type Row = Readonly<Record<string, unknown>>;
const rowsOf = (value: unknown) => (Array.isArray(value) ? (value as Row[]) : []);
const text = (row: Row, name: string) => String(row[name] ?? "");

/** Everything that is understood, tried in this order. Data rather than cleverness: what the desk can do stands here. */
const INTENTS: readonly Intent[] = [
  {
    example: "change the email of C-1002 to new@example.com",
    pattern: new RegExp(`(?:change|update|set).*email.*${CUSTOMER}.*?(?<email>\\S+@\\S+\\w)`, "i"),
    plan: ({ customer, email }) => ({
      tool: "update_contact",
      args: { customer_id: customer?.toUpperCase(), email },
      say: () => `The email address of ${customer} is ${email} now.`,
    }),
  },
  {
    example: "change the phone of C-1002 to +49 555 123456",
    pattern: new RegExp(`(?:change|update|set).*phone.*${CUSTOMER}.*?(?<phone>\\+?\\d[\\d ]{4,})`, "i"),
    plan: ({ customer, phone }) => ({
      tool: "update_contact",
      args: { customer_id: customer?.toUpperCase(), phone: phone?.trim() },
      say: () => `The phone number of ${customer} is ${phone?.trim()} now.`,
    }),
  },
  {
    example: "refund 25 EUR of order O-9001",
    pattern: /refund\s+(?<amount>\d+(?:[.,]\d{1,2})?).*?(?<order>O-\d+)/i,
    plan: ({ amount = "0", order }) => {
      const amount_cents = Math.round(Number(amount.replace(",", ".")) * 100);
      return {
        tool: "issue_refund",
        args: { order_id: order?.toUpperCase(), amount_cents },
        say: () => `${money(amount_cents)} of ${order} are refunded.`,
      };
    },
  },
  {
    example: "note on T-5001: called back, line busy",
    pattern: /note (?:on|to) (?<ticket>T-\d+)\s*[:,]?\s*(?<note>.+)/is,
    plan: ({ ticket, note }) => ({
      tool: "add_note",
      args: { ticket_id: ticket?.toUpperCase(), text: note?.trim() },
      say: () => `The note stands on ${ticket}.`,
    }),
  },
  {
    example: "history of C-1002",
    pattern: new RegExp(`(?:history|changes?|who changed).*${CUSTOMER}`, "i"),
    plan: ({ customer }) => ({
      tool: "get_customer_history",
      args: { customer_id: customer?.toUpperCase() },
      say: (result) =>
        rowsOf(result)
          .map((row) => `${text(row, "what")}, by ${text(row, "by_user")} through ${text(row, "by_agent")}`)
          .join("\n") || `Nothing of ${customer} was changed yet.`,
    }),
  },
  {
    example: "show customer C-1002",
    pattern: new RegExp(CUSTOMER, "i"),
    plan: ({ customer }) => ({
      tool: "get_customer",
      args: { customer_id: customer?.toUpperCase() },
      say: (result) => describeCustomer(result as Row),
    }),
  },
  {
    example: "show ticket T-5001",
    pattern: /(?<ticket>T-\d+)/i,
    plan: ({ ticket }) => ({
      tool: "get_ticket",
      args: { ticket_id: ticket?.toUpperCase() },
      say: (result) => {
        const row = result as Row;
        const notes = rowsOf(row.notes).map((note) => `\n${text(note, "author")}: ${text(note, "text")}`);
        return `${text(row, "subject")} (${text(row, "status")}, ${text(row, "priority")})\n${text(row, "body")}${notes.join("")}`;
      },
    }),
  },
  {
    example: "show order O-9001",
    pattern: /(?<order>O-\d+)/i,
    plan: ({ order }) => ({
      tool: "get_order",
      args: { order_id: order?.toUpperCase() },
      say: (result) => {
        const row = result as Row;
        const refunded = Number(row.refunded_cents) > 0 ? `, ${money(Number(row.refunded_cents))} of it refunded` : "";
        return `${order}: ${text(row, "item")}, ${money(Number(row.amount_cents))}${refunded}.`;
      },
    }),
  },
  {
    example: "open tickets",
    pattern: /(?<status>open|waiting|solved)\s+tickets?/i,
    plan: ({ status = "open" }) => ({
      tool: "search_tickets",
      args: { status: status.toLowerCase() },
      say: (result) =>
        rowsOf(result)
          .map(
            (row) => `${text(row, "id")} ${text(row, "subject")}, ${text(row, "company")} (${text(row, "priority")})`,
          )
          .join("\n") || `There are no ${status} tickets.`,
    }),
  },
  {
    example: "orders of Harbor",
    pattern: /orders?\s+(?:of|for|from|with)\s+(?<query>.+)/i,
    plan: ({ query = "" }) => ({
      tool: "search_orders",
      args: { query: query.trim().replace(/[?.]$/, "") },
      say: (result) =>
        rowsOf(result)
          .map(
            (row) =>
              `${text(row, "id")} ${text(row, "item")}, ${money(Number(row.amount_cents))}, ${text(row, "company")}`,
          )
          .join("\n") || "Nobody of yours has ordered that.",
    }),
  },
  {
    example: "find Alder",
    pattern: /(?:find|search|look up|who is)\s+(?:customers?\s+)?(?<query>.+)/i,
    plan: ({ query = "" }) => ({
      tool: "search_customers",
      args: { query: query.trim().replace(/[?.]$/, "") },
      say: (result) =>
        rowsOf(result)
          .map((row) => `${text(row, "id")} ${text(row, "name")}, ${text(row, "company")}, ${text(row, "city")}`)
          .join("\n") || "Nobody of yours is called that.",
    }),
  },
];

/** Not a language model: a fixed set of sentences, each of which leads to one tool call, and a change to a look at what it is about before. */
export const planner: Agent = {
  about: "This is not a language model: it understands a fixed set of sentences. Connect a model to talk freely.",
  async *respond(turn) {
    const step = planOf(turn.text);
    if (step === undefined) {
      yield { type: "text", text: `I did not understand that. I know sentences such as:\n${examples()}` };
      return;
    }
    yield* take(turn, step);
  },
};

export function planOf(said: string): Step | undefined {
  for (const { pattern, plan } of INTENTS) {
    const groups = pattern.exec(said)?.groups;
    if (groups !== undefined) return plan(groups as Readonly<Record<string, string>>);
  }
  return undefined;
}

async function* take(turn: AgentTurn, step: Step): AsyncIterable<AgentEvent> {
  const before = readBefore(step);
  if (before !== undefined) {
    const outcome = yield* attempt(turn, { id: 1, ...before });
    if (outcome.kind !== "result") {
      const said =
        outcome.kind === "error" ? `${sentenceOf(outcome.text)} Nothing was changed.` : describe(outcome, step.say);
      yield { type: "text", text: said };
      return;
    }
  }
  const outcome = yield* attempt(turn, { id: 2, ...step });
  yield { type: "text", text: describe(outcome, step.say) };
}

async function* attempt(
  turn: AgentTurn,
  { id, tool, args }: Call & { readonly id: number },
): AsyncGenerator<AgentEvent, ToolOutcome> {
  yield { type: "call", id, tool, args };
  const outcome = await turn.call(tool, args);
  yield { type: "outcome", id, outcome };
  return outcome;
}

function describe(outcome: ToolOutcome, say: Step["say"]): string {
  switch (outcome.kind) {
    case "result":
      return say(parseText(outcome.text));
    case "error":
      return `That did not work: ${sentenceOf(outcome.text)}`;
    case "denied":
      return `I may not do that. ${outcome.because}`;
    case "step-up":
      return "I need your permission for that. Nothing was changed yet.";
    case "beyond":
      return outcome.text;
    case "signed-out":
      return "My access was taken back, so I stopped. Nothing was done.";
  }
}

function describeCustomer(row: Row): string {
  const tickets = rowsOf(row.tickets).map(
    (ticket) => `\n${text(ticket, "id")} ${text(ticket, "subject")} (${text(ticket, "status")})`,
  );
  const orders = rowsOf(row.orders).map(
    (order) => `\n${text(order, "id")} ${text(order, "item")}, ${money(Number(order.amount_cents))}`,
  );
  const head = `${text(row, "id")} ${text(row, "name")}, ${text(row, "company")}, ${text(row, "city")} (${text(row, "plan")})`;
  return `${head}\n${text(row, "email")}, ${text(row, "phone")}${tickets.join("")}${orders.join("")}`;
}

function examples(): string {
  return INTENTS.map(({ example }) => `“${example}”`).join("\n");
}
