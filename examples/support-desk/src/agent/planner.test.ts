import { describe, expect, test } from "vitest";
import type { AgentEvent, AgentTurn, ToolOutcome } from "./agent.js";
import { planner, planOf } from "./planner.js";

describe("the fixed sentences", () => {
  test.each<[string, string, Record<string, unknown>]>([
    ["find Alder", "search_customers", { query: "Alder" }],
    ["Who is Nadia Kowalski?", "search_customers", { query: "Nadia Kowalski" }],
    ["show customer c-1001", "get_customer", { customer_id: "C-1001" }],
    ["history of C-1001", "get_customer_history", { customer_id: "C-1001" }],
    ["ticket T-5001 please", "get_ticket", { ticket_id: "T-5001" }],
    ["what is O-9001?", "get_order", { order_id: "O-9001" }],
    ["waiting tickets", "search_tickets", { status: "waiting" }],
    ["change the email of C-1001 to a@b.example", "update_contact", { customer_id: "C-1001", email: "a@b.example" }],
    ["update phone C-1001: +49 555 1234", "update_contact", { customer_id: "C-1001", phone: "+49 555 1234" }],
    ["refund 25,50 EUR of order O-9001", "issue_refund", { order_id: "O-9001", amount_cents: 2550 }],
    ["refund 19.99 of O-9001", "issue_refund", { order_id: "O-9001", amount_cents: 1999 }],
    ["note on T-5001: called back", "add_note", { ticket_id: "T-5001", text: "called back" }],
  ])("%j calls %s", (said, tool, args) => {
    expect(planOf(said)).toMatchObject({ tool, args });
  });

  test.each(["hello", "", "delete everything"])("%j is not guessed at", (said) => {
    expect(planOf(said)).toBeUndefined();
  });

  test.each<[ToolOutcome, RegExp]>([
    [{ kind: "result", text: '[{"id":"C-1","name":"Ada","company":"X","city":"Y"}]' }, /C-1 Ada, X, Y/],
    [{ kind: "error", text: '{"error":"There is no customer C-9."}' }, /There is no customer C-9/],
    [{ kind: "denied", because: "A team lead does that.", decisionId: "d1" }, /may not do that. A team lead/],
    [{ kind: "step-up", scope: "mcp:write", url: "http://localhost" }, /need your permission/],
    [{ kind: "signed-out", url: "http://localhost" }, /taken back/],
  ])("say what came of it: %j", async (outcome, said) => {
    const turn: AgentTurn = { text: "find Ada", history: [], tools: [], call: async () => outcome };
    const events: AgentEvent[] = [];
    for await (const event of planner.respond(turn)) events.push(event);
    expect(events.map(({ type }) => type)).toEqual(["call", "outcome", "text"]);
    expect(events.at(-1)).toMatchObject({ text: expect.stringMatching(said) });
  });
});
