import { describe, expect, test } from "vitest";
import type { ScopeRefusal } from "../gateway/refusals.js";
import { type DatabaseUnderTest, useStore } from "./opened.contract.js";

const AT = 1_800_000_000;
const refusal = (change: Partial<ScopeRefusal> = {}): ScopeRefusal => ({
  session_id: "s1",
  sub: "ada",
  client_id: "editor",
  resource: "https://mcp.example/crm",
  tool: "update_customer",
  scopes: ["mcp:write"],
  legacy: true,
  at: AT,
  ...change,
});
const { sub, client_id, resource } = refusal();
const WHO = { sub, client_id, resource };

/** What `gateway/refusals` asks of a store. */
export function describeRefusalStorage(database: DatabaseUnderTest): void {
  describe(`scope refusals contract: ${database.name}`, () => {
    const { store, another } = useStore(database);

    test("another process takes what this one saved, and of many takers one", async () => {
      await store().refusals.save(refusal());
      const second = await another();
      const takers = Array.from({ length: 10 }, (_, i) => (i % 2 ? store() : second).refusals.take("s1", AT - 1));
      expect((await Promise.all(takers)).filter(Boolean)).toHaveLength(1);
      expect(await store().refusals.take("s1", AT - 1)).toBe(false);
    });

    test.each([
      ["another session", "s2", AT - 1, {}],
      ["one that is too old", "s1", AT, {}],
      ["a refusal of 2026-07-28, whose clients step up", "s1", AT - 1, { legacy: false }],
    ])("%s is not taken", async (_, session_id, after, change) => {
      await store().refusals.save(refusal(change));
      expect(await store().refusals.take(session_id, after)).toBe(false);
    });

    test("the next refusal of the session can be taken again", async () => {
      await store().refusals.save(refusal());
      expect(await store().refusals.take("s1", AT - 1)).toBe(true);
      await store().refusals.save(refusal({ at: AT + 30 }));
      expect(await store().refusals.take("s1", AT + 20)).toBe(true);
    });

    test("the consent page hears of the newest one, of whatever session, whether or not it was taken", async () => {
      await store().refusals.save(refusal({ session_id: "s2", tool: "older", at: AT - 5 }));
      await store().refusals.save(refusal({ scopes: ["crm:write", "crm:delete"] }));
      await store().refusals.take("s1", AT - 1);
      const second = await another();
      expect(await second.refusals.last(WHO, AT - 600)).toEqual({
        tool: "update_customer",
        scopes: ["crm:write", "crm:delete"],
      });
      expect(await second.refusals.last(WHO, AT)).toBeUndefined();
      for (const other of [{ sub: "bob" }, { client_id: "phone" }, { resource: "https://mcp.example/wiki" }]) {
        expect(await second.refusals.last({ ...WHO, ...other }, AT - 600)).toBeUndefined();
      }
    });

    test("what is an hour old is swept", async () => {
      await store().refusals.save(refusal());
      await store().sweep(AT + 3_599);
      expect(await store().refusals.last(WHO, 0)).toBeDefined();
      await store().sweep(AT + 3_600);
      expect(await store().refusals.last(WHO, 0)).toBeUndefined();
    });
  });
}
