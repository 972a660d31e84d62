import type { Principal } from "@sallyport/auth";
import { createTestSystem } from "@sallyport/auth/testing";
import { describe, expect, test } from "vitest";
import { createRefusals, type RefusalStore, type ScopeRefusal } from "./refusals.js";

const ISSUER = "https://mcp.example";
const REFUSED = {
  resource: `${ISSUER}/mcp`,
  tool: "update_customer",
  scopes: ["mcp:write"],
  legacy: true,
  at: 1_800_000_000,
};
const caller = (change: Partial<Principal> = {}) =>
  ({ iss: ISSUER, sub: "ada", client_id: "editor", sid: "s1", ...change }) as Principal;

function setUp(change: Partial<RefusalStore> = {}) {
  const system = createTestSystem();
  const saved: ScopeRefusal[] = [];
  const after: number[] = [];
  const store: RefusalStore = {
    save: async (refusal) => void saved.push(refusal),
    last: async (_who, time) => void after.push(time),
    take: async (_id, time) => after.push(time) > 0,
    ...change,
  };
  return { refusals: createRefusals(store, { issuer: ISSUER, system }), system, saved, after };
}

describe("scope refusals", () => {
  test("are kept with the names of the call, and nothing else of it", async () => {
    const { refusals, saved } = setUp();
    await refusals.observe(caller(), REFUSED);
    expect(saved).toEqual([{ session_id: "s1", sub: "ada", client_id: "editor", ...REFUSED }]);
  });

  test.each([
    ["a token of another issuer", { iss: "https://login.example" }],
    ["a token without session", { sid: undefined }],
  ])("of %s are not: nobody refreshes or consents to it here", async (_, change) => {
    const { refusals, saved } = setUp();
    await refusals.observe(caller(change), REFUSED);
    expect(saved).toEqual([]);
  });

  test("of one session cost one write a second, however many there are; of another one, its own", async () => {
    const { refusals, saved, system } = setUp();
    for (let i = 0; i < 50; i += 1) await refusals.observe(caller(), { ...REFUSED, tool: `tool-${i}` });
    await refusals.observe(caller({ sid: "s2" }), REFUSED);
    expect(saved.map(({ session_id }) => session_id)).toEqual(["s1", "s2"]);
    system.advance(1);
    await refusals.observe(caller(), REFUSED);
    expect(saved).toHaveLength(3);
  });

  test("are kept at once again after a refresh was answered by the last one", async () => {
    const { refusals, saved, system } = setUp();
    await refusals.observe(caller(), REFUSED);
    await refusals.take("s1", system.now());
    await refusals.observe(caller(), REFUSED);
    expect(saved).toHaveLength(2);
  });

  test("answer a refresh for 10 seconds, and are named on the consent page for 10 minutes", async () => {
    const { refusals, after } = setUp();
    await refusals.take("s1", 1_000);
    await refusals.last({ sub: "ada", client_id: "editor", resource: REFUSED.resource }, 1_000);
    expect(after).toEqual([990, 400]);
  });

  test("go out when the store cannot keep them: the log says so", async () => {
    const { refusals, system } = setUp({ save: () => Promise.reject(new Error("disk full")) });
    await refusals.observe(caller(), REFUSED);
    expect(system.lines.map(({ message }) => message)).toEqual(["scope refusal not kept"]);
  });
});
