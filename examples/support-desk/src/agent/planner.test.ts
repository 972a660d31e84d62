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

  test.each(["hello", "", "delete everything"])("%j is not guessed at", (said) => {
    expect(planOf(said)).toBeUndefined();
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
