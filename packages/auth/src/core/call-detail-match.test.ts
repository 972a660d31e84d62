import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isAtMost, matchesCall } from "./call-detail-match.js";
import type { ArgumentLimit, AskedCallDetail, CallDetail } from "./call-details.js";
import { type JsonValue, type McpCall, UNKNOWN_ARGUMENTS } from "./mcp-call.js";

const callOf = (args: unknown, change: Partial<McpCall> = {}): McpCall => ({
  server: "crm",
  revision: "2025-11-25",
  method: "tools/call",
  kind: "tool",
  name: "refund",
  arguments: args as McpCall["arguments"],
  ...change,
});
const granted = (change: Partial<AskedCallDetail>, exp?: number): CallDetail => ({
  type: "mcp_call",
  tools: ["refund"],
  id: "d1",
  scope: "mcp:write",
  ...change,
  locations: ["https://mcp.example/crm"],
  ...(exp !== undefined && { exp }),
});
const order = { arguments: { order: "A-1", items: [{ sku: 1 }] } };
const amount = { limits: { amount: { min: 0, max: 100 }, currency: { one_of: ["EUR", "USD"] } } };

describe("a detail", () => {
  it.each<[Partial<AskedCallDetail>, unknown, boolean]>([
    [{}, undefined, true],
    [{}, { any: 1 }, true],
    [{ arguments: {} }, undefined, true],
    [{ arguments: {} }, {}, true],
    [{ arguments: {} }, { any: 1 }, false],
    [{ other_arguments: false }, {}, true],
    [{ other_arguments: false }, { any: 1 }, false],
    [order, { order: "A-1", items: [{ sku: 1 }] }, true],
    [order, { items: [{ sku: 1 }], order: "A-1" }, true],
    [order, { order: "A-1", items: [{ sku: 1 }], note: "" }, false],
    [{ ...order, other_arguments: true }, { order: "A-1", items: [{ sku: 1 }], note: "" }, true],
    [{ ...order, other_arguments: true }, { order: "A-1", items: [{ sku: 1 }], Order: "B-2" }, false],
    [{ ...order, other_arguments: true }, { order: "A-1", items: [{ sku: 1 }], "\u212aind": 1, kind: 1 }, false],
    [order, { order: "A-1" }, false],
    [order, { order: "A-1 ", items: [{ sku: 1 }] }, false],
    [order, { order: "A-1", items: [{ sku: 1, more: 1 }] }, false],
    [order, { order: "A-1", items: [] }, false],
    [order, { order: "A-1", items: { 0: { sku: 1 } } }, false],
    [amount, { amount: 0, currency: "EUR" }, true],
    [amount, { amount: 100, currency: "USD" }, true],
    [amount, { amount: 100.01, currency: "USD" }, false],
    [amount, { amount: -1, currency: "USD" }, false],
    [amount, { amount: "50", currency: "USD" }, false],
    [amount, { amount: 50 }, false],
    [amount, { amount: 50, currency: ["EUR"] }, false],
    [{ arguments: { toString: "x" } }, {}, false],
    [{}, [], false],
    [{}, "text", false],
    [{}, null, true],
  ])("%j and the arguments %j: %s", (change, args, expected) => {
    expect(matchesCall(granted(change), callOf(args), 1)).toBe(expected);
  });

  it("speaks of tools only, and of its own", () => {
    expect(matchesCall(granted({}), callOf({}, { name: "Refund" }), 1)).toBe(false);
    expect(matchesCall(granted({}), callOf({}, { name: undefined }), 1)).toBe(false);
    expect(matchesCall(granted({}), callOf({}, { kind: "prompt" }), 1)).toBe(false);
    expect(matchesCall(granted({ tools: ["credit", "refund"] }), callOf({}), 1)).toBe(true);
  });

  it("ends", () => {
    expect(matchesCall(granted({ once: true }, 10), callOf({}), 9)).toBe(true);
    expect(matchesCall(granted({ once: true }, 10), callOf({}), 10)).toBe(false);
  });

  it("could fit arguments that nobody knows yet, and never fits those that cannot be read", () => {
    const unreadable = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new RangeError("unreadable");
        },
      },
    );
    expect(matchesCall(granted(order), callOf(UNKNOWN_ARGUMENTS), 1)).toBe(true);
    expect(matchesCall(granted({}), callOf(unreadable), 1)).toBe(false);
  });
});

const value: fc.Arbitrary<JsonValue> = fc.constantFrom<JsonValue>(0, 1, 2, 3, "a", "b", true, null, [1], { x: 1 });
const name = fc.constantFrom("a", "b", "c");
const bound = fc.oneof(
  fc.record({ one_of: fc.array(fc.constantFrom(0, 1, 2, "a", "b"), { minLength: 1, maxLength: 3 }) }),
  fc.record({ min: fc.nat(2), max: fc.integer({ min: 2, max: 4 }) }),
  fc.record({ max: fc.nat(3) }),
) as fc.Arbitrary<ArgumentLimit>;
const detail: fc.Arbitrary<AskedCallDetail> = fc
  .record(
    {
      tools: fc.uniqueArray(fc.constantFrom("refund", "credit"), { minLength: 1 }),
      constraints: fc.uniqueArray(fc.tuple(name, fc.oneof(value, fc.record({ bound }))), { selector: ([key]) => key }),
      other_arguments: fc.boolean(),
      once: fc.constant(true as const),
    },
    { requiredKeys: ["tools"] },
  )
  .map(({ tools, constraints, other_arguments, once }) => {
    const isBound = (each: JsonValue | { bound: ArgumentLimit }): each is { bound: ArgumentLimit } =>
      typeof each === "object" && each !== null && "bound" in each;
    const limits = (constraints ?? []).flatMap(([key, each]) => (isBound(each) ? [[key, each.bound] as const] : []));
    const exact = (constraints ?? []).flatMap(([key, each]) => (isBound(each) ? [] : [[key, each] as const]));
    return {
      type: "mcp_call" as const,
      tools,
      ...(exact.length > 0 && { arguments: Object.fromEntries(exact) }),
      ...(limits.length > 0 && { limits: Object.fromEntries(limits) }),
      ...(other_arguments !== undefined && { other_arguments }),
      ...(once && { once }),
    };
  });

describe("no detail ever widens", () => {
  it("since what is at most another one allows no call that the other does not", () => {
    let narrower = 0;
    const args = fc.dictionary(fc.constantFrom("a", "b", "c", "d"), value, { maxKeys: 4 });
    fc.assert(
      fc.property(detail, detail, fc.array(args, { minLength: 1, maxLength: 8 }), (narrow, wide, calls) => {
        fc.pre(isAtMost(narrow, wide));
        narrower += 1;
        expect(wide.once === true && narrow.once !== true).toBe(false);
        for (const tool of ["refund", "credit"]) {
          for (const each of [...calls, { ...narrow.arguments }]) {
            const call = callOf(each, { name: tool });
            const [low, high] = [narrow, wide].map((one) => matchesCall(granted(one), call, 1));
            if (low) expect(high).toBe(true);
          }
        }
      }),
      { numRuns: 3_000, maxSkipsPerRun: 1_000 },
    );
    expect(narrower).toBe(3_000);
  });

  it.each<[Partial<AskedCallDetail>, Partial<AskedCallDetail>, boolean]>([
    [{}, {}, true],
    [{ once: true }, {}, true],
    [{}, { once: true }, false],
    [order, {}, true],
    [{}, order, false],
    [order, order, true],
    [{ tools: ["refund"] }, { tools: ["credit", "refund"] }, true],
    [{ tools: ["credit", "refund"] }, {}, false],
    [{ arguments: { amount: 5, currency: "EUR" } }, amount, true],
    [{ arguments: { amount: 500, currency: "EUR" } }, amount, false],
    [{ limits: { amount: { min: 1, max: 99 }, currency: { one_of: ["EUR"] } } }, amount, true],
    [{ limits: { amount: { min: 1 }, currency: { one_of: ["EUR"] } } }, amount, false],
    [{ limits: { amount: { one_of: [1, 2] }, currency: { one_of: ["EUR"] } } }, amount, true],
    [{ limits: { amount: { max: 5 }, currency: { max: 5 } } }, amount, false],
    [{ ...order, other_arguments: true }, order, false],
    [{ arguments: { ...order.arguments, note: "x" } }, order, false],
    [{ arguments: { ...order.arguments, note: "x" } }, { ...order, other_arguments: true }, true],
    [{ arguments: {} }, { other_arguments: false }, true],
  ])("%j is at most %j: %s", (narrow, wide, expected) => {
    const base = { type: "mcp_call", tools: ["refund"] } as const;
    expect(isAtMost({ ...base, ...narrow }, { ...base, ...wide })).toBe(expected);
  });
});
