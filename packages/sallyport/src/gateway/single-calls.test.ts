import { type CallDetail, OAuthError, type ReplayRecorder } from "@sallyport/auth";
import { createMemoryStorage } from "@sallyport/auth/testing";
import { afterEach, describe, expect, test } from "vitest";
import { result } from "./testing/fake-upstream.js";
import { call, createHarness, type Harness, type HarnessOptions } from "./testing/harness.js";

const EXP = 1_800_000_500;

describe("a token for single calls", () => {
  const harnesses: Harness[] = [];
  afterEach(async () => {
    for (const { gateway } of harnesses.splice(0)) await gateway.close();
  });

  async function open(replay: ReplayRecorder, change: HarnessOptions = {}): Promise<Harness> {
    const { resourceServer, ...rest } = change;
    const harness = await createHarness({ resourceServer: { details: { replay }, ...resourceServer }, ...rest });
    harnesses.push(harness);
    return harness;
  }

  const detail = ({ port }: Harness, change: Partial<CallDetail> = {}): CallDetail => ({
    type: "mcp_call",
    locations: [`http://localhost:${port}/mcp`],
    tools: ["write_note"],
    arguments: { text: "hello" },
    id: "d1",
    scope: "mcp:write",
    ...change,
  });
  const unclear = (harness: Harness) =>
    detail(harness, { tools: ["write_note", "a", "b"], scope: "mcp:write mcp:read" });
  const single = (harness: Harness, change: Partial<CallDetail> = {}) =>
    detail(harness, { once: true, exp: EXP, ...change });
  const headers = (harness: Harness, authorization_details: unknown, scope = "") =>
    harness.caller({ scope, authorization_details });
  const note = call("write_note", { text: "hello" });
  const legacy = { "mcp-protocol-version": "2025-03-26" };

  test("makes exactly these calls, with the messages that every client sends, and no others", async () => {
    const harness = await open(createMemoryStorage().replay);
    const caller = await headers(harness, [detail(harness)]);
    const status = async (body: unknown) => (await harness.post(body, caller)).status;
    expect(await status(note)).toBe(200);
    expect(await status(note)).toBe(200);
    expect(await status({ jsonrpc: "2.0", id: 2, method: "ping" })).toBe(200);
    expect(harness.upstream.exchanges).toHaveLength(3);
    expect(await status(call("write_note", { text: "hello", more: 1 }))).toBe(403);
    expect(await status(call("write_note", { text: "Hello" }))).toBe(403);
    const other = await harness.post(call("read_notes"), caller);
    expect([other.status, other.headers.get("www-authenticate")]).toEqual([
      403,
      expect.stringContaining('scope="mcp:read"'),
    ]);
    expect(harness.upstream.exchanges).toHaveLength(3);
  });

  test.each([["mcp:write"], ["mcp:write mcp:read"]])("makes calls of either of two tools: %s", async (scope) => {
    const harness = await open(createMemoryStorage().replay);
    const both = { ...detail(harness, { tools: ["write_note", "read_notes"], scope, other_arguments: true }) };
    const caller = await headers(harness, [{ ...both, arguments: undefined }]);
    expect((await harness.post(note, caller)).status).toBe(200);
    expect((await harness.post(call("read_notes"), caller)).status).toBe(200);
    expect(await (await harness.post(call("hidden"), caller)).json()).toMatchObject({ error: { code: -32602 } });
    expect(harness.upstream.exchanges).toHaveLength(2);
  });

  test("sees in lists what it can call", async () => {
    const tools = [{ name: "read_notes" }, { name: "write_note" }, { name: "hidden" }];
    const harness = await open(createMemoryStorage().replay, {
      answer: result({ tools }),
      server: { list: "granted" },
    });
    const caller = await headers(harness, [single(harness)]);
    const answer = await harness.post({ jsonrpc: "2.0", id: 1, method: "tools/list" }, caller);
    const shown = (await answer.json()) as { result: { tools: readonly { name: string }[] } };
    expect(shown.result.tools.map(({ name }) => name)).toEqual(["write_note"]);
  });

  test("makes one call once, whatever comes after it, and says why", async () => {
    const harness = await open(createMemoryStorage().replay);
    const caller = await headers(harness, [single(harness)]);
    expect((await harness.post(note, caller)).status).toBe(200);
    const again = await harness.post({ ...note, id: 9 }, caller);
    expect([again.status, again.headers.get("www-authenticate")]).toEqual([403, null]);
    expect(await again.json()).toMatchObject({
      id: 9,
      error: { code: -32000, data: { reason: "denied_by_rule", because: expect.stringContaining("allowed once") } },
    });
    // Another token of the same session, for example after a refresh, is no second chance.
    expect((await harness.post(note, await headers(harness, [single(harness)]))).status).toBe(403);
    expect(harness.upstream.exchanges).toHaveLength(1);
  });

  test("is honoured once by two gateways on one store, however many calls come at once", async () => {
    const { replay } = createMemoryStorage();
    const one = await open(replay);
    const audience = [`http://localhost:${one.port}/mcp`];
    const two = await open(replay, { resourceServer: { issuers: [{ ...one.issuer, audience }] } });
    for (const id of ["a", "b", "c", "d", "e"]) {
      const asked = [one, two, one, two, one, two, one, two].map(async (harness) => {
        const claims = { scope: "", authorization_details: [single(harness, { id })] };
        const authorization = `Bearer ${await one.issuer.token(claims)}`;
        return harness.post(note, { ...(await harness.caller()), authorization });
      });
      const statuses = (await Promise.all(asked)).map(({ status }) => status);
      expect(statuses.toSorted()).toEqual([200, 403, 403, 403, 403, 403, 403, 403]);
    }
    expect(one.upstream.exchanges.length + two.upstream.exchanges.length).toBe(5);
  });

  test("two in a batch use two, and one that would be used twice refuses the batch before anything is used", async () => {
    const harness = await open(createMemoryStorage().replay);
    const batch = [note, { ...note, id: 2 }];
    const post = async (body: unknown, details: readonly CallDetail[]) =>
      (await harness.post(body, { ...(await headers(harness, details)), ...legacy })).status;
    expect(await post(batch, [single(harness)])).toBe(403);
    expect(harness.upstream.exchanges).toHaveLength(0);
    expect(await post(note, [single(harness)])).toBe(200);
    expect(await post(batch, [single(harness), single(harness, { id: "d2" })])).toBe(403);
    expect(await post(batch, [single(harness, { id: "d3" }), single(harness, { id: "d4" })])).toBe(200);
    expect(harness.upstream.exchanges).toHaveLength(2);
  });

  test("is not used up by what a scope permits, nor by what many calls are agreed to", async () => {
    const harness = await open(createMemoryStorage().replay);
    const both = [single(harness), detail(harness, { id: "d2" })];
    expect((await harness.post(note, await headers(harness, both))).status).toBe(200);
    expect((await harness.post(note, await headers(harness, [single(harness)], "mcp:write"))).status).toBe(200);
    const alone = await headers(harness, [single(harness)]);
    expect((await harness.post(note, alone)).status).toBe(200);
    expect((await harness.post(note, alone)).status).toBe(403);
  });

  test.each<[string, () => Promise<boolean>]>([
    ["answers that it is down", () => Promise.reject(new OAuthError("store_unavailable", { retryAfter: 2 }))],
    ["fails", () => Promise.reject(new Error("no such table"))],
    [
      "throws",
      () => {
        throw new Error("closed");
      },
    ],
  ])("goes nowhere while the store %s: 503, and no yes", async (_, record) => {
    const harness = await open({ record });
    const answer = await harness.post(note, await headers(harness, [single(harness)]));
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, expect.stringMatching(/^[12]$/)]);
    expect(await answer.text()).not.toContain("no such table");
    expect(harness.upstream.exchanges).toHaveLength(0);
    // What needs no store needs it neither here.
    expect((await harness.post(note, await headers(harness, [detail(harness)]))).status).toBe(200);
  });

  test("asks nobody where every call is allowed for good", async () => {
    let asked = 0;
    const harness = await open({ record: async () => ++asked > 0 });
    await harness.post(note, await headers(harness, [detail(harness)]));
    await harness.post(call("read_notes"), await harness.caller());
    expect(asked).toBe(0);
  });

  test.each<[string, (harness: Harness) => unknown, number]>([
    ["of another place", (harness) => [detail(harness, { locations: ["https://other.example/mcp"] })], 403],
    ["whose time is over", (harness) => [single(harness, { exp: 1_800_000_000 })], 403],
    ["of a tool that came to need more", (harness) => [detail(harness, { scope: "mcp:read" })], 403],
    [
      "of a tool that came to need more, beside one that needed as much before",
      (harness) => [detail(harness, { tools: ["write_note", "other"], scope: "mcp:read mcp:write" })],
      403,
    ],
    ["that say of two of three tools what they needed", (harness) => [unclear(harness)], 401],
    ["of another type", () => [{ type: "payment", amount: 1 }], 403],
    ["that cannot be read", (harness) => [{ ...detail(harness), unless: "monday" }], 401],
    ["that are no array", () => "all", 401],
  ])("with details %s is not one for this call", async (_, details, expected) => {
    const harness = await open(createMemoryStorage().replay);
    const answer = await harness.post(note, await headers(harness, details(harness)));
    expect(answer.status).toBe(expected);
    expect(harness.upstream.exchanges).toHaveLength(0);
  });

  test("counts for nothing beyond the entitlement, nor where details are not counted", async () => {
    const reader = () => ({ status: "live", roles: [], entitled: ["mcp:read"], granted: undefined }) as const;
    const short = await open(createMemoryStorage().replay, { liveness: reader });
    const answer = await short.post(note, await headers(short, [detail(short)]));
    expect(await answer.json()).toMatchObject({ error: { code: -32602 } });
    const without = await createHarness();
    harnesses.push(without);
    expect((await without.post(note, await headers(without, [detail(without)]))).status).toBe(403);
    expect(without.upstream.exchanges).toHaveLength(0);
  });

  test("is used up before the log says so, and the log names what allowed it", async () => {
    const told: string[] = [];
    const decisions = {
      record: ({ judged }: { judged: readonly { decision: { outcome: string; rule: string } }[] }) => {
        told.push(...judged.map(({ decision }) => `${decision.outcome} ${decision.rule}`));
        return undefined;
      },
    };
    const harness = await open(createMemoryStorage().replay, { server: { decisions } });
    const caller = await headers(harness, [single(harness)]);
    await harness.post(note, caller);
    await harness.post(note, caller);
    expect(told).toEqual(["allow detail:d1", "deny detail:d1"]);
  });

  test("is announced in the resource's metadata (RFC 9728 §2)", async () => {
    const harness = await open(createMemoryStorage().replay);
    const answer = await fetch(`http://127.0.0.1:${harness.port}/.well-known/oauth-protected-resource/mcp`);
    expect(await answer.json()).toMatchObject({ authorization_details_types_supported: ["mcp_call"] });
  });
});
