import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type CallDetail,
  DETAIL_LIMITS,
  formatToolScopes,
  parseCallDetails,
  readCallDetails,
  scopeOfTool,
} from "./call-details.js";
import { OAuthError } from "./oauth-error.js";

const refund = { type: "mcp_call", tools: ["refund"], arguments: { order: "A-1", amount: 50 }, once: true };
const limited = {
  type: "mcp_call",
  locations: ["https://mcp.example/crm"],
  tools: ["refund", "credit"],
  limits: { amount: { min: 0, max: 100 }, currency: { one_of: ["EUR", null, true, 1] } },
  other_arguments: true,
};
const text = (...details: readonly unknown[]) => JSON.stringify(details);
const faultOf = (run: () => unknown) => {
  try {
    run();
    return undefined;
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    return [error.error, error.error_description];
  }
};

describe("authorization_details of type mcp_call", () => {
  it.each([[refund], [limited], [{ type: "mcp_call", tools: ["a"] }], [{ ...refund, arguments: {} }]])(
    "are read as they are written: %j",
    (detail) => {
      expect(parseCallDetails(text(detail))).toEqual([detail]);
      expect(parseCallDetails(text(detail, detail))).toHaveLength(2);
    },
  );

  it.each<[string, string]>([
    ["", "must be JSON"],
    ["{}", "must be an array"],
    ["[]", "at least one"],
    ["[1]", "[0] must be an object"],
    ["[null]", "[0] must be an object"],
    [text({ type: "payment" }), "[0].type must be mcp_call"],
    [text({ tools: ["a"] }), "[0].type must be mcp_call"],
    [text(refund, { ...refund, actions: [] }), "[1] has the unknown member actions"],
    [text({ ...refund, "<b>": 1 }), "[0] has the unknown member (not shown)"],
    [text({ ...refund, id: "x" }), "[0] has the unknown member id"],
    [text({ ...refund, scope: "mcp:read" }), "[0] has the unknown member scope"],
    [text({ ...refund, exp: 1 }), "[0] has the unknown member exp"],
    [text({ ...refund, tools: [] }), "[0].tools"],
    [text({ ...refund, tools: "refund" }), "[0].tools"],
    [text({ ...refund, tools: ["a\u202eb"] }), "[0].tools"],
    [text({ ...refund, tools: ["a".repeat(129)] }), "[0].tools"],
    [text({ ...refund, tools: Array.from({ length: 21 }, (_, index) => `t${index}`) }), "[0].tools"],
    [text({ ...refund, once: false }), "[0].once"],
    [text({ ...refund, other_arguments: "yes" }), "[0].other_arguments"],
    [text({ ...refund, locations: [] }), "[0].locations"],
    [text({ ...refund, locations: ["https://a.example", "https://b.example"] }), "[0].locations"],
    [text({ ...refund, arguments: [] }), "[0].arguments must be an object"],
    [text({ ...refund, limits: { amount: { max: 1 } } }), "constrains one argument twice"],
    [text({ ...refund, limits: { Amount: { max: 1 } } }), "constrains one argument twice"],
    [text({ ...refund, limits: { other: {} } }), "one of one_of, min and max is needed"],
    [text({ ...refund, limits: { other: { min: 2, max: 1 } } }), "min is above max"],
    [text({ ...refund, limits: { other: { max: "9" } } }), "must be numbers"],
    [text({ ...refund, limits: { other: { max: 9, step: 1 } } }), "unknown bound step"],
    [text({ ...refund, limits: { other: { one_of: [] } } }), "one_of must hold"],
    [text({ ...refund, limits: { other: { one_of: [{}] } } }), "one_of must hold"],
    [text({ ...refund, limits: { other: { one_of: ["a"], max: 1 } } }), "one_of stands alone"],
    [text({ ...refund, arguments: { "": 1 } }), "cannot be shown"],
    [text(...Array.from({ length: 11 }, () => refund)), "at most 10"],
    [text({ ...refund, arguments: { note: "x".repeat(DETAIL_LIMITS.bytes) } }), "bytes long"],
    ['[{"type":"mcp_call","tools":["a"],"tools":["b"]}]', "duplicate keys"],
    ['[{"type":"mcp_call","tools":["a"],"arguments":{"n":1,"\\u006e":2}}]', "duplicate keys"],
    ['[{"type":"mcp_call","tools":["a"],"arguments":{"n":9007199254740993}}]', "cannot be kept exactly"],
    ['[{"type":"mcp_call","tools":["a"],"arguments":{"__proto__":1}}]', "must be JSON without"],
    [`[{"type":"mcp_call","tools":["a"],"arguments":{"n":${"[".repeat(20)}${"]".repeat(20)}}}]`, "deep nesting"],
  ])("are refused where they are not this type: %s", (bad, why) => {
    expect(faultOf(() => parseCallDetails(bad))).toEqual([
      "invalid_authorization_details",
      expect.stringContaining(why),
    ]);
  });

  it("come back in the form in which they were granted, of which only the id is kept", () => {
    const granted = { ...refund, locations: ["https://mcp.example/crm"], id: "d1", scope: "mcp:write", exp: 9 };
    const { scope: _, exp: __, ...kept } = granted;
    expect(parseCallDetails(text(granted), "granted")).toEqual([kept]);
  });

  it("end in a value or in an OAuthError for any text", () => {
    const near = fc.json().map((json) => `[{"type":"mcp_call","tools":["a"],"arguments":${json}}]`);
    const odd = fc
      .record({ tools: fc.jsonValue(), arguments: fc.jsonValue(), limits: fc.jsonValue(), once: fc.jsonValue() })
      .map((members) => text({ type: "mcp_call", ...members }));
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), near, odd), (given) => {
        const fault = faultOf(() => {
          const details = parseCallDetails(given);
          expect(parseCallDetails(JSON.stringify(details))).toEqual(details);
        });
        expect(fault?.[0] ?? "invalid_authorization_details").toBe("invalid_authorization_details");
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("the scope of a detail", () => {
  it("says of each tool what it needed, shortly where all needed the same", () => {
    const needs = fc.uniqueArray(fc.tuple(fc.string(), fc.constantFrom("mcp:read", "mcp:write", "a")), {
      minLength: 1,
      maxLength: 20,
      selector: ([tool]) => tool,
    });
    fc.assert(
      fc.property(needs, fc.string(), (pairs, other) => {
        const tools = pairs.map(([tool]) => tool);
        const scope = formatToolScopes(pairs.map(([, needed]) => needed));
        expect(tools.map((tool) => scopeOfTool({ tools, scope }, tool))).toEqual(pairs.map(([, needed]) => needed));
        if (!tools.includes(other)) expect(scopeOfTool({ tools, scope }, other)).toBeUndefined();
        expect(scope.split(" ")).toHaveLength(new Set(pairs.map(([, needed]) => needed)).size === 1 ? 1 : tools.length);
      }),
    );
  });

  it("says nothing of any tool where it could be read in two ways", () => {
    const detail = { tools: ["a", "b", "c"], scope: "mcp:read mcp:write" };
    expect(detail.tools.map((tool) => scopeOfTool(detail, tool))).toEqual([undefined, undefined, undefined]);
  });
});

describe("the claim authorization_details", () => {
  const granted: CallDetail = {
    ...(refund as { type: "mcp_call"; tools: string[]; once: true }),
    locations: ["https://mcp.example/crm"],
    id: "d1",
    scope: "mcp:write",
    exp: 9,
  };

  it("holds what was granted, and leaves other types to others", () => {
    expect(readCallDetails([{ type: "payment", amount: 1 }, granted])).toEqual([granted]);
    expect(readCallDetails([])).toEqual([]);
    for (const scope of ["mcp:write", "mcp:write mcp:read"]) {
      const two = { ...granted, tools: ["refund", "find"], scope };
      expect(readCallDetails([two])).toEqual([two]);
    }
  });

  it.each<[string, unknown]>([
    ["no array", granted],
    ["no object", [1]],
    ["no type", [{ tools: ["a"] }]],
    ["no id", [{ ...granted, id: undefined }]],
    ["no location", [{ ...granted, locations: undefined }]],
    ["no scope", [{ ...granted, scope: undefined }]],
    ["more scopes than tools", [{ ...granted, scope: "mcp:write mcp:read" }]],
    ["scopes for two tools of three", [{ ...granted, tools: ["a", "b", "c"], scope: "mcp:write mcp:read" }]],
    ["a scope for a tool named twice", [{ ...granted, tools: ["a", "a"], scope: "mcp:write mcp:read" }]],
    ["an empty scope", [{ ...granted, scope: "" }]],
    ["a scope that is none", [{ ...granted, scope: 'mcp:"write"' }]],
    ["one call without an end", [{ ...granted, exp: undefined }]],
    ["an end of many calls", [{ ...granted, once: undefined }]],
    ["an unknown member", [{ ...granted, unless: "monday" }]],
    ["a broken one beside a good one", [granted, { ...granted, tools: [] }]],
  ])("is unreadable with %s", (_, claim) => {
    expect(faultOf(() => readCallDetails(JSON.parse(JSON.stringify(claim))))?.[0]).toBe(
      "invalid_authorization_details",
    );
  });
});
