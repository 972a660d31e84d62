import type { Agent, AgentEvent, AgentTurn, ToolOutcome } from "./agent.js";
import { type Call, readBefore } from "./read-before.js";
import { parseText, sentenceOf } from "./words.js";

interface Step extends Call {
  /** What the result means, in a sentence. */
  say(result: unknown): string;
}

interface Intent {
  /** Shown when nothing was understood: of rows that everybody at the desk may see. */
  readonly example: string;
  /** What a sentence speaks of that was meant so, and was not understood. */
  readonly topic?: RegExp;
  readonly pattern: RegExp;
  plan(found: Readonly<Record<string, string>>): Step;
}

/** Words that change nothing about what is asked. A sentence with any other around it is not understood, rather than half of it. */
const POLITE = "please|thanks|can|could|would|will|you|i|we|want|need|like|to";
const AROUND =
  `${POLITE}|show|see|open|give|get|read|tell|check|look|up|at|me|us|about|what|which|who|whose|is|are|was|were|did|does|has|have|there|` +
  "the|an?|all|any|my|our|of|for|from|on|in|with|customers?|tickets?|orders?|details?|information";
const before = (words: string) => `^\\W*(?:(?:${words})[\\s,:]+)*`;
const AFTER = `(?:[\\s,:]+(?:${AROUND}))*[\\s.?!]*$`;
const lookUp = (asked: string) => new RegExp(before(AROUND) + asked + AFTER, "i");
const search = (asked: string) => new RegExp(`${before(AROUND)}${asked}\\s+(?<query>\\S.*)`, "i");
/** Only what is a request from its first word on: nothing is changed by a question about it. */
const change = (asked: string) => new RegExp(before(POLITE) + asked, "is");

const CUSTOMER = "(?<customer>C-\\d+)";
const money = (cents: number) => `${(cents / 100).toFixed(2)} EUR`;

type Row = Readonly<Record<string, unknown>>;
const rowsOf = (value: unknown) => (Array.isArray(value) ? (value as Row[]) : []);
const text = (row: Row, name: string) => String(row[name] ?? "");

/** Everything that is understood, tried in this order. Data rather than cleverness: what the desk can do stands here. */
const INTENTS: readonly Intent[] = [
  {
    example: "change the email of C-1002 to new@example.com",
    topic: /e-?mail/i,
    pattern: change(`(?:change|update|set)\\s.*email.*${CUSTOMER}.*?(?<email>\\S+@\\S+\\w)`),
    plan: ({ customer, email }) => ({
      tool: "update_contact",
      args: { customer_id: customer?.toUpperCase(), email },
      say: () => `The email address of ${customer} is ${email} now.`,
    }),
  },
  {
    example: "change the phone of C-1002 to +49 555 123456",
    topic: /phone/i,
    pattern: change(`(?:change|update|set)\\s.*phone.*${CUSTOMER}.*?(?<phone>\\+?\\d[\\d ]{4,})`),
    plan: ({ customer, phone }) => ({
      tool: "update_contact",
      args: { customer_id: customer?.toUpperCase(), phone: phone?.trim() },
      say: () => `The phone number of ${customer} is ${phone?.trim()} now.`,
    }),
  },
  {
    example: "refund 25 EUR of order O-9004",
    topic: /refund|pay back|money/i,
    // Money: understood to the last word, or not at all.
    pattern: change(
      `refund\\s+(?<amount>\\d+(?:[.,]\\d{1,2})?)\\s*(?:EUR|euros?|€)?\\s+(?:(?:of|for|from|on|the|order)\\s+)*(?<order>O-\\d+)${AFTER}`,
    ),
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
    example: "note on T-5002: called back, line busy",
    topic: /note/i,
    pattern: change(
      "(?:(?:add|write|leave|put|make) )?(?:an? )?note (?:on|to) (?<ticket>T-\\d+)\\b\\s*[:,]?\\s*(?<note>.+)",
    ),
    plan: ({ ticket, note }) => ({
      tool: "add_note",
      args: { ticket_id: ticket?.toUpperCase(), text: note?.trim() },
      say: () => `The note stands on ${ticket}.`,
    }),
  },
  {
    example: "history of C-1002",
    pattern: lookUp(`(?:history|changes|changed)\\s+(?:(?:${AROUND})\\s+)*${CUSTOMER}`),
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
    pattern: lookUp(CUSTOMER),
    plan: ({ customer }) => ({
      tool: "get_customer",
      args: { customer_id: customer?.toUpperCase() },
      say: (result) => describeCustomer(result as Row),
    }),
  },
  {
    example: "show ticket T-5002",
    pattern: lookUp("(?<ticket>T-\\d+)"),
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
    example: "show order O-9004",
    pattern: lookUp("(?<order>O-\\d+)"),
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
    pattern: lookUp("(?<status>open|waiting|solved)\\s+tickets?"),
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
    pattern: search("orders?\\s+(?:of|for|from|with)"),
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
    pattern: search("(?:find|search|look up|who is)(?:\\s+customers?)?"),
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
      yield { type: "text", text: `I did not understand that, and did nothing. ${suggest(turn.text)}` };
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

/** What the desk is shown as an example. */
export const EXAMPLES: readonly string[] = INTENTS.map(({ example }) => example);

/** The sentences that this one was perhaps meant to be, or all. */
function suggest(said: string): string {
  const near = INTENTS.filter(({ topic }) => topic?.test(said)).map(({ example }) => example);
  const listed = (examples: readonly string[]) => examples.map((example) => `“${example}”`).join("\n");
  return near.length > 0 ? `Say it like this:\n${listed(near)}` : `I know sentences such as:\n${listed(EXAMPLES)}`;
}
