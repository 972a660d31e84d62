import { expect, test } from "vitest";
import { TEST_NOW as NOW, testDetail, testGrant } from "./records.contract.js";
import { race, type Store } from "./under-test.contract.js";

export function describeGrants(store: Store): void {
  test("the first consent makes the grant", async () => {
    expect(await store().grants.widen(testGrant())).toEqual(testGrant());
    expect(await store().grants.find("ada", "editor", "https://mcp.example/crm")).toEqual(testGrant());
  });

  test("keeps single calls that were consented to, each once, until their time, the newest of many", async () => {
    const first = testDetail("a", { once: true, exp: NOW + 60 });
    const second = testDetail("b");
    await store().grants.widen(testGrant({ details: [first, second] }));
    const whose = ["ada", "editor", "https://mcp.example/crm"] as const;
    expect((await store().grants.find(...whose))?.details).toEqual([first, second]);
    await store().grants.widen(testGrant({ updated: NOW + 1 }));
    expect((await store().grants.find(...whose))?.details).toEqual([first, second]);
    const later = testGrant({ details: [second, testDetail("c")], updated: NOW + 60 });
    expect((await store().grants.widen(later)).details).toEqual([second, testDetail("c")]);
    const many = Array.from({ length: 60 }, (_, index) => testDetail(`m${index}`));
    await store().grants.widen(testGrant({ details: many }));
    const kept = (await store().grants.list("ada"))[0]?.details ?? [];
    expect([kept.length, kept.at(-1)?.id]).toEqual([50, "m59"]);
  });

  test("a later consent widens it: same id and creation, all scopes", async () => {
    await store().grants.widen(testGrant());
    const later = testGrant({ id: "other", scopes: ["mcp:write", "mcp:read"], created: NOW + 5, updated: NOW + 5 });
    const wider = await store().grants.widen(later);
    expect(wider).toMatchObject({ id: "grant", created: NOW, updated: NOW + 5 });
    expect([...wider.scopes].sort()).toEqual(["mcp:read", "mcp:write"]);
    expect(await store().grants.find("ada", "editor", "https://mcp.example/crm")).toEqual(wider);
  });

  test("concurrent consents make one grant with the scopes of all", async () => {
    const scopes = ["a", "b", "c", "d", "e"];
    const made = await race(5, (i) =>
      store().grants.widen(testGrant({ id: `grant-${i}`, scopes: scopes.slice(i, i + 1) })),
    );
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    const [grant, ...others] = await store().grants.list("ada");
    expect(others).toEqual([]);
    expect([...(grant?.scopes ?? [])].sort()).toEqual(scopes);
  });

  test.each(["sub", "client_id", "resource"] as const)("another %s is another grant", async (member) => {
    await store().grants.widen(testGrant());
    const other = testGrant({ id: "other", [member]: "other" });
    expect(await store().grants.widen(other)).toEqual(other);
    expect(await store().grants.find("ada", "editor", "https://mcp.example/crm")).toEqual(testGrant());
  });

  test("a list has the live grants of one subject only", async () => {
    await store().grants.widen(testGrant());
    await store().grants.widen(testGrant({ id: "other", client_id: "other" }));
    await store().grants.widen(testGrant({ id: "hers", sub: "grace" }));
    expect((await store().grants.list("ada")).map(({ id }) => id).sort()).toEqual(["grant", "other"]);
    expect(await store().grants.list("nobody")).toEqual([]);
  });
}
