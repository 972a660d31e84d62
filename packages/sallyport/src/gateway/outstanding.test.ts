import type { McpBody, Principal } from "@sallyport/auth";
import { describe, expect, test } from "vitest";
import { Outstanding } from "./outstanding.js";

const person = (sub: string, client_id = "client-1") => ({ iss: "https://as.example", sub, client_id }) as Principal;
const ALICE = person("alice");

const answers = (...ids: readonly (string | number)[]): McpBody => ({
  batch: ids.length !== 1,
  messages: ids.map((id) => ({ type: "response", id })),
  inexactNumbers: false,
});

function ask(outstanding: Outstanding, session: string, ...ids: readonly (string | number)[]): void {
  const reader = outstanding.readerOf(ALICE, session, { made: undefined, events: true });
  for (const id of ids) reader?.push(Buffer.from(`data: ${JSON.stringify({ id, method: "ping" })}\n\n`));
}

const REFUSED = expect.objectContaining({ status: 400, code: -32600, message: "no such request is outstanding" });

describe("a client's answers", () => {
  const refused: readonly [string, Principal, string, McpBody][] = [
    ["to what was not asked", ALICE, "s-1", answers(2)],
    ["to a string where a number was asked", ALICE, "s-1", answers("1")],
    ["to a number where a string was asked", ALICE, "s-1", answers(7)],
    ["to another session's question", ALICE, "s-2", answers(1)],
    ["to another person's question", person("bob"), "s-1", answers(1)],
    ["of another program of the same person", person("alice", "client-2"), "s-1", answers(1)],
    ["of which one is not asked for", ALICE, "s-1", answers(1, 2)],
    ["of which two are the same", ALICE, "s-1", answers(1, 1)],
  ];
  test.each(refused)("%s are refused, and what was asked stays open", (_, principal, session, body) => {
    const outstanding = new Outstanding(1_000);
    ask(outstanding, "s-1", 1, "7");
    expect(() => outstanding.answer(principal, session, body)).toThrow(REFUSED);
    outstanding.answer(ALICE, "s-1", answers(1, "7"));
  });

  test("are taken once, also when a stream that is replayed asks again", () => {
    const outstanding = new Outstanding(1_000);
    ask(outstanding, "s-1", 1);
    outstanding.answer(ALICE, "s-1", answers(1));
    expect(() => outstanding.answer(ALICE, "s-1", answers(1))).toThrow(REFUSED);
    ask(outstanding, "s-1", 1);
    expect(() => outstanding.answer(ALICE, "s-1", answers(1))).toThrow(REFUSED);
  });

  test("are not looked for in bodies without any", () => {
    const request = { type: "notification", method: "notifications/initialized", params: {} };
    const body = { ...answers(), messages: [request] } as unknown as McpBody;
    expect(() => new Outstanding(1_000).answer(ALICE, "s-1", body)).not.toThrow();
  });

  test("may be for the session that the answer to initialize has just made", () => {
    const outstanding = new Outstanding(1_000);
    const reader = outstanding.readerOf(ALICE, undefined, { made: "s-9", events: true });
    reader?.push(Buffer.from('data: {"id":1,"method":"ping"}\n\n'));
    expect(outstanding.readerOf(ALICE, undefined, { made: undefined, events: true })).toBeUndefined();
    outstanding.answer(ALICE, "s-9", answers(1));
  });
});

describe("what is remembered is bounded", () => {
  test("256 ids of a session: the oldest goes", () => {
    const outstanding = new Outstanding(1_000);
    ask(outstanding, "s-1", ...Array.from({ length: 257 }, (_, index) => index));
    expect(() => outstanding.answer(ALICE, "s-1", answers(0))).toThrow(REFUSED);
    outstanding.answer(ALICE, "s-1", answers(1, 256));
  });

  test("sessions: the one asked longest ago goes", () => {
    const outstanding = new Outstanding(1_000, 2);
    ask(outstanding, "s-1", 1);
    ask(outstanding, "s-2", 1);
    ask(outstanding, "s-1", 2);
    ask(outstanding, "s-3", 1);
    expect(() => outstanding.answer(ALICE, "s-2", answers(1))).toThrow(REFUSED);
    outstanding.answer(ALICE, "s-1", answers(1, 2));
    outstanding.answer(ALICE, "s-3", answers(1));
  });

  test("an id longer than 256 characters is not kept", () => {
    const outstanding = new Outstanding(1_000);
    ask(outstanding, "s-1", "x".repeat(257), "x".repeat(256));
    expect(() => outstanding.answer(ALICE, "s-1", answers("x".repeat(257)))).toThrow(REFUSED);
    outstanding.answer(ALICE, "s-1", answers("x".repeat(256)));
  });
});
