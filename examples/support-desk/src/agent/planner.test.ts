import { describe, expect, test } from "vitest";
import type { AgentEvent, AgentTurn, ToolOutcome } from "./agent.js";
import { EXAMPLES, planner, planOf } from "./planner.js";

describe("the fixed sentences", () => {
  test.each<[string, string, Record<string, unknown>]>([
    ["find Alder", "search_customers", { query: "Alder" }],
    ["Who is Nadia Kowalski?", "search_customers", { query: "Nadia Kowalski" }],
    ["show customer c-1001", "get_customer", { customer_id: "C-1001" }],
    ["history of C-1001", "get_customer_history", { customer_id: "C-1001" }],
    ["ticket T-5001 please", "get_ticket", { ticket_id: "T-5001" }],
    ["what is O-9001?", "get_order", { order_id: "O-9001" }],
    ["orders of Harbor Dental?", "search_orders", { query: "Harbor Dental" }],
    ["waiting tickets", "search_tickets", { status: "waiting" }],
    ["change the email of C-1001 to a@b.example", "update_contact", { customer_id: "C-1001", email: "a@b.example" }],
    ["update phone C-1001: +49 555 1234", "update_contact", { customer_id: "C-1001", phone: "+49 555 1234" }],
    ["refund 25,50 EUR of order O-9001", "issue_refund", { order_id: "O-9001", amount_cents: 2550 }],
    ["refund 19.99 of O-9001", "issue_refund", { order_id: "O-9001", amount_cents: 1999 }],
    ["note on T-5001: called back", "add_note", { ticket_id: "T-5001", text: "called back" }],
  ])("%j calls %s", (said, tool, args) => {
    expect(planOf(said)).toMatchObject({ tool, args });
  });

  test.each<[string, string]>([
    ["Can you please show me the customer C-1002?", "get_customer"],
    ["C-1002", "get_customer"],
    ["open ticket T-5002", "get_ticket"],
    ["show me all open tickets, please!", "search_tickets"],
    ["who changed C-1002?", "get_customer_history"],
    ["what was changed of the customer C-1002", "get_customer_history"],
    ["orders of C-1002", "get_customer"],
    ["please look up Alder", "search_customers"],
    ["I want to see orders with label printer", "search_orders"],
    ["please refund 25€ for O-9004, thanks", "issue_refund"],
    ["add a note on T-5002: called back", "add_note"],
    ["could you change the email of C-1002 to a@b.example", "update_contact"],
  ])("words around it change nothing: %j calls %s", (said, tool) => {
    expect(planOf(said)).toMatchObject({ tool });
  });

  test.each([
    ...["hello", "", "delete everything"],
    ...[
      "delete C-1002",
      "close T-5002",
      "cancel order O-9004",
      "refund the orders of Harbor",
      "close all open tickets",
    ],
    ...["change the name of C-1002 to Ada", "make changes to C-1002", "undo the history of C-1002"],
    ...["do not refund 25 EUR of order O-9004", "did you refund 25 EUR of order O-9004?"],
    ...["refund 1,000 EUR of O-9004", "refund 1.000 of O-9004", "refund 25 USD of O-9004", "refund 10 % of O-9004"],
    ...["refund 25 EUR of O-9004 and O-9002", "refund O-9004", "note on T-5002"],
  ])("%j is not guessed at", (said) => {
    expect(planOf(said)).toBeUndefined();
  });

  test.each<[string, readonly RegExp[]]>([
    ["refund 500 EUR to C-1002", [/^“refund 25 EUR of order O-\d+”$/]],
    ["change the email and the phone of C-1002", [/^“change the email/, /^“change the phone/]],
    ["hello", EXAMPLES.map((example) => new RegExp(`^“${example.replace("+", "\\+")}”$`))],
  ])("%j calls nothing, and is told how to say it", async (text, examples) => {
    const call: AgentTurn["call"] = () => Promise.reject(new Error("called"));
    const events: AgentEvent[] = [];
    for await (const event of planner.respond({ text, history: [], tools: [], call })) events.push(event);
    const [said, ...suggested] = events.flatMap((event) => (event.type === "text" ? event.text.split("\n") : []));
    expect(events).toHaveLength(1);
    expect(said).toMatch(/^I did not understand that, and did nothing\./);
    expect(suggested).toEqual(examples.map((example) => expect.stringMatching(example)));
  });

  test("takes no long over a long sentence", () => {
    const begun = performance.now();
    for (const word of ["a ", "to , ", "please:", "order ", "1 "]) planOf(word.repeat(2_000 / word.length));
    expect(performance.now() - begun).toBeLessThan(500);
  });

  test.each<[ToolOutcome, RegExp]>([
    [{ kind: "result", text: '[{"id":"C-1","name":"Ada","company":"X","city":"Y"}]' }, /C-1 Ada, X, Y/],
    [{ kind: "error", text: '{"error":"There is no customer C-9."}' }, /There is no customer C-9/],
    [{ kind: "denied", because: "A team lead does that.", decisionId: "d1" }, /may not do that. A team lead/],
    [{ kind: "step-up", scope: "mcp:write", url: "http://localhost" }, /need your permission/],
    [{ kind: "signed-out", url: "http://localhost" }, /taken back/],
    [{ kind: "error", text: "[1]" }, /gave no reason/],
  ])("say what came of it: %j", async (outcome, said) => {
    const turn: AgentTurn = { text: "find Ada", history: [], tools: [], call: async () => outcome };
    const events: AgentEvent[] = [];
    for await (const event of planner.respond(turn)) events.push(event);
    expect(events.map(({ type }) => type)).toEqual(["call", "outcome", "text"]);
    expect(events.at(-1)).toMatchObject({ text: expect.stringMatching(said) });
  });

  /** Answers the tools that read with `found`, and everything else with a step-up. */
  async function change(said: string, found: ToolOutcome) {
    const calls: unknown[] = [];
    const call: AgentTurn["call"] = async (tool, args) => {
      calls.push([tool, args]);
      return tool.startsWith("get_") ? found : { kind: "step-up", scope: "mcp:write", url: "http://localhost" };
    };
    const events: AgentEvent[] = [];
    for await (const event of planner.respond({ text: said, history: [], tools: [], call })) events.push(event);
    return { calls, said: events.flatMap((event) => (event.type === "text" ? [event.text] : [])).join("") };
  }
  const CHANGES: readonly (readonly [string, string, Record<string, unknown>, string])[] = [
    ["change the email of C-9 to a@b.example", "get_customer", { customer_id: "C-9" }, "update_contact"],
    ["change the phone of C-9 to +49 555 1234", "get_customer", { customer_id: "C-9" }, "update_contact"],
    ["refund 5 EUR of order O-9", "get_order", { order_id: "O-9" }, "issue_refund"],
    ["note on T-9: called back", "get_ticket", { ticket_id: "T-9" }, "add_note"],
  ];

  test.each(CHANGES)(
    "%j is looked up first, and without it nobody is asked for a permission",
    async (said, tool, args) => {
      const missing: ToolOutcome = { kind: "error", text: '{"error":"There is no C-9 that you may see."}' };
      const answer = await change(said, missing);
      expect(answer.calls).toEqual([[tool, args]]);
      expect(answer.said).toBe("There is no C-9 that you may see. Nothing was changed.");
    },
  );

  test.each(CHANGES)("%j asks for the permission when there is something to change", async (said, tool, args, then) => {
    const answer = await change(said, { kind: "result", text: "{}" });
    expect(answer.calls).toEqual([
      [tool, args],
      [then, expect.objectContaining(args)],
    ]);
    expect(answer.said).toContain("need your permission");
  });

  test.each<[ToolOutcome, RegExp]>([
    [{ kind: "denied", because: "Not on Sundays.", decisionId: undefined }, /may not do that. Not on Sundays/],
    [{ kind: "signed-out", url: "http://localhost" }, /taken back/],
  ])("a look that ends otherwise ends the change: %j", async (found, said) => {
    const answer = await change("note on T-9: called back", found);
    expect([answer.calls.length, answer.said]).toEqual([1, expect.stringMatching(said)]);
  });
});
