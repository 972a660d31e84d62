import { beforeEach, expect, test } from "vitest";
import { TEST_NOW as NOW, testCode, testDetail, testGrant, testRedemption, testSession } from "./records.contract.js";
import { race, type Store } from "./under-test.contract.js";

export function describeCodes(store: Store): void {
  const redeem = (code_hash: string, ...args: Parameters<typeof testRedemption>) =>
    store().codes.redeem(code_hash, testRedemption(...args));

  beforeEach(async () => {
    await store().grants.widen(testGrant());
  });

  test("a code is found as it was saved, without being taken", async () => {
    const record = testCode({ scopes: ["mcp:read"], dpop_jkt: "jkt", details: [testDetail("a")] });
    await store().codes.save("hash", record);
    expect(await store().codes.find("hash")).toEqual(record);
    expect(await redeem("hash")).toBe("redeemed");
    expect(await store().codes.find("unknown")).toBeUndefined();
  });

  test("redeeming makes the session with its refresh token, once; ever after the code is used, and nothing changes", async () => {
    await store().codes.save("hash", testCode());
    const { session } = testRedemption();
    expect(await redeem("hash")).toBe("redeemed");
    expect(await store().sessions.findByRefresh("session r1")).toEqual({ session, current: true });
    expect(await redeem("hash", { id: "again" })).toBe("used");
    expect(await redeem("unknown", { id: "again" })).toBe("used");
    expect(await store().sessions.find("session")).toEqual(session);
    expect(await store().sessions.find("again")).toBeUndefined();
    expect(await store().sessions.findByRefresh("again r1")).toBeUndefined();
  });

  test("the session may have no refresh token", async () => {
    await store().codes.save("hash", testCode());
    await store().codes.redeem("hash", { ...testRedemption(), refresh_hash: undefined });
    expect(await store().sessions.find("session")).toEqual(testSession());
    expect(await store().sessions.findByRefresh("session r1")).toBeUndefined();
  });

  test("of several concurrent redemptions exactly one succeeds, and all the others can end what it made", async () => {
    await store().codes.save("hash", testCode());
    const results = await race(8, async (index) => {
      const result = await store().codes.redeem("hash", { ...testRedemption(), refresh_hash: `r${index}` });
      return { result, ended: result === "used" ? await store().sessions.revoke({ session_id: "session" }, NOW) : 0 };
    });
    const winner = results.findIndex(({ result }) => result === "redeemed");
    expect(results.filter(({ result }) => result === "redeemed")).toHaveLength(1);
    expect(results.reduce((sum, { ended }) => sum + ended, 0)).toBe(1);
    expect((await store().sessions.find("session"))?.revoked).toBe(NOW);
    const hashes = await race(8, (index) => store().sessions.findByRefresh(`r${index}`));
    expect(hashes.map((found) => found !== undefined)).toEqual(results.map((_, index) => index === winner));
  });

  test("an expired code is not redeemed", async () => {
    await store().codes.save("hash", testCode({ expires: NOW + 60 }));
    expect(await redeem("hash", {}, NOW + 60)).toBe("used");
    expect(await store().sessions.find("session")).toBeUndefined();
    expect(await redeem("hash", {}, NOW + 59)).toBe("redeemed");
  });

  test("a code whose grant is gone makes no session; a used one is used all the same", async () => {
    await store().codes.save("used", testCode());
    await store().codes.save("hash", testCode({ session_id: "late" }));
    await redeem("used");
    await store().sessions.revoke({ grant_id: "grant" }, NOW);
    await expect(redeem("hash", { id: "late" })).rejects.toMatchObject({ reason: "session_ended" });
    expect(await store().sessions.find("late")).toBeUndefined();
    expect(await store().sessions.findByRefresh("late r1")).toBeUndefined();
    expect(await redeem("used")).toBe("used");
  });

  test("a redemption that fails gives the code back", async () => {
    await store().codes.save("hash", testCode());
    await expect(redeem("hash", { grant_id: "never" })).rejects.toMatchObject({ reason: "session_ended" });
    expect(await redeem("hash")).toBe("redeemed");
  });

  test("redeemed and expired codes are still found, so that a replay knows what to revoke", async () => {
    await store().codes.save("redeemed", testCode());
    await redeem("redeemed");
    await store().codes.save("expired", testCode({ expires: NOW - 1 }));
    expect((await store().codes.find("redeemed"))?.session_id).toBe("session");
    expect((await store().codes.find("expired"))?.session_id).toBe("session");
  });
}
