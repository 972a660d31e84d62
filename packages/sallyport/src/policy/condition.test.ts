import type { EvaluationInput, JsonObject, McpCall } from "@sallyport/auth";
import { UNKNOWN_ARGUMENTS } from "@sallyport/auth";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConditionError, compileCondition } from "./condition.js";

const input = (args: McpCall["arguments"], over: Partial<EvaluationInput["principal"]> = {}): EvaluationInput => ({
  principal: {
    iss: "https://as.example.com",
    sub: "alice",
    client_id: "app",
    sid: undefined,
    jti: undefined,
    scopes: ["read"],
    kind: "user",
    actor: undefined,
    chain: [],
    cnf: undefined,
    roles: ["support"],
    exp: 0,
    iat: 0,
    ...over,
  },
  entitled: ["read"],
  call: { server: "crm", revision: "2025-11-25", method: "tools/call", kind: "tool", name: "t", arguments: args },
  request: { method: "POST", remoteAddress: undefined },
  now: 1_800_000_000,
});
const ask = (text: string, args: McpCall["arguments"] = {}, over = {}) =>
  compileCondition(text).evaluate(input(args, over));
const problems = (text: string): readonly string[] => {
  try {
    compileCondition(text);
    return [];
  } catch (error) {
    if (error instanceof ConditionError) return error.problems.map(({ offset, message }) => `${offset}: ${message}`);
    throw error;
  }
};

describe("a condition", () => {
  const answers: readonly (readonly [text: string, args: JsonObject, answer: boolean])[] = [
    ["args.n > 10", { n: 11 }, true],
    ["args.n == 1", { n: 1 }, true],
    ["args.n in [1, 2]", { n: 2 }, true],
    ["args.n + 1.0 == 2.0", { n: 1 }, true],
    ["has(args.x)", { x: null }, true],
    ['"x" in args', { x: null }, true],
    ["has(args.x)", {}, false],
    ["has(args.constructor)", {}, false],
    ['"toString" in args', {}, false],
    ['args.constructor == "x"', { constructor: "x" }, true],
    ['args.o.hasOwnProperty == "x"', { o: { hasOwnProperty: "x" } }, true],
    ["args == {'a': 1}", { a: 1 }, true],
    ["size(args) == 2", { a: 1, b: 2 }, true],
    ["args.l[1] == 'b'", { l: ["a", "b"] }, true],
    ["args.l.all(x, x.startsWith('a'))", { l: ["a", "ab"] }, true],
    ["args.m.exists(k, k == 'a')", { m: { a: 1 } }, true],
    ["args.l.filter(x, x > 1).size() == 1", { l: [1, 2] }, true],
    ["type(args.x) == string", { x: "s" }, true],
    ['principal.sub == "alice" && "support" in principal.roles', {}, true],
    ["has(principal.actor)", {}, false],
    ["principal.chain.size() == 0", {}, true],
    ['call.kind == "tool" && call.name == "t" && call.server == "crm"', {}, true],
    ['time > timestamp("2027-01-01T00:00:00Z")', {}, true],
    ['request.method == "POST"', {}, true],
    ["has(request.remoteAddress)", {}, false],
    ["args.missing == 1 || true", {}, true],
    ["args.missing == 1 && false", {}, false],
  ];
  test.each(answers)("%s of %o is %s", (text, args, answer) => {
    expect(ask(text, args)).toBe(answer);
  });

  const failures: readonly (readonly [text: string, args: JsonObject])[] = [
    ["args.missing == 1", {}],
    ["args.n > 1", { n: "2" }],
    ["args.n > 1", { n: null }],
    ["principal.actor.sub == 'x'", {}],
    ["args.x", { x: 1 }],
    ["args.l.exists(x, x == 1)", { l: new Array(1001).fill(0) }],
    ["args.m.exists(x, x == 'a')", { m: Object.fromEntries([...new Array(1001).keys()].map((key) => [`k${key}`, 1])) }],
    ["args.l[7] == 1", { l: [] }],
    ["int(args.n) > 0", { n: "x" }],
  ];
  test.each(failures)("%s fails, which denies, where it has no answer", (text, args) => {
    expect(() => ask(text, args)).toThrow();
  });

  test("may hold a long list that it does not read", () => {
    expect(ask("args.n == 1", { n: 1, l: new Array(5000).fill(0) })).toBe(true);
  });

  test("matches regular expressions in linear time", () => {
    expect(ask("args.s.matches('^(a+)+$')", { s: `${"a".repeat(5000)}!` })).toBe(false);
  });
});

describe("a condition before anybody has called", () => {
  const open: readonly (readonly [text: string, answer: boolean | "unknown"])[] = [
    ["args.n > 1", "unknown"],
    ["has(args.n)", "unknown"],
    ["time > timestamp('2027-01-01T00:00:00Z')", "unknown"],
    ["request.method == 'POST'", "unknown"],
    ["args.n > 1 || principal.sub == 'alice'", true],
    ["principal.sub == 'alice' || args.n > 1", true],
    ["args.n > 1 && principal.sub == 'bob'", false],
    ["args.n > 1 && principal.sub == 'alice'", "unknown"],
    ["args.n > 1 ? true : false", "unknown"],
    ["args.n > 1 || principal.actor.sub == 'x'", "unknown"],
    ["principal.sub == 'bob'", false],
  ];
  test.each(open)("%s is %s", (text, answer) => {
    expect(ask(text, UNKNOWN_ARGUMENTS)).toBe(answer);
  });

  const failing = ["principal.actor.sub == 'x'", "principal.actor.sub == 'x' ? args.n == 1 : args.n == 2"];
  test.each(failing)("%s fails as it will fail for every call", (text) => {
    expect(() => ask(text, UNKNOWN_ARGUMENTS)).toThrow();
  });
});

describe("a condition that cannot be right", () => {
  const wrong: readonly (readonly [text: string, problem: string])[] = [
    ["args.a >", "7: not CEL"],
    ["arg.a == 1", '0: unknown name "arg"'],
    ["principal.name == 'x'", '9: no member "name"'],
    ["has(principal.name)", 'no member "name"'],
    ["call.args == 1", 'no member "args"'],
    ["args.n + 1 > 2", "a JSON number is a double"],
    ["principal.sub > 5", '">" cannot be applied to string, int'],
    ["principal.sub == 5", "string is never equal to int"],
    ["principal.sub", "the condition is string; it must be true or false"],
    ["1 + 1", "the condition is int"],
    ["principal.sub && true", "needs true or false, and not string"],
    ["lower(principal.sub) == 'a'", 'unknown function "lower"'],
    ["principal.sub.lower() == 'a'", 'unknown function "lower"'],
    ["principal.sub.startsWith(1)", '"startsWith" cannot be applied to string, int'],
    ["principal.sub.exists(x, x == 'a')", "only lists and maps can be gone through"],
    ["args.a.exists(x, args.b.exists(y, x == y))", "for each item of arguments"],
    ["args.a.exists(x, x.exists(y, y == 1))", "for each item of arguments"],
    ["args.a.exists(x, x in args.b)", "for each item of arguments"],
    ["args.a.exists(x, args.s.contains(x))", "for each item of arguments"],
    ["args.a.exists(x, (args.s + 'a') == x)", "for each item of arguments"],
    ["args.a.exists(x, size(args.s) > 3)", "for each item of arguments"],
    ["args.a.map(x, x).exists(y, args.b.exists(z, z == y))", "for each item of arguments"],
    ["[args.a, args.b].exists(l, l.exists(x, x == 1))", "for each item of arguments"],
    ["args.s.matches(args.p)", "the pattern of matches must be written out"],
    ["google.protobuf.Struct{} == args", "unknown type"],
    ["@result == 1", "not CEL"],
    ["time.year == 2027", 'no member "year" in timestamp'],
  ];
  test.each(wrong)("%s is refused at load", (text, problem) => {
    expect(problems(text).join("\n")).toContain(problem);
  });

  const right = [
    "principal.roles.exists(r, args.a.exists(x, x == r))",
    "args.a.exists(x, x in principal.roles)",
    "args.a.exists(x, x.owner == args.owner && x.price > args.limit)",
    "args.a.exists(x, x.contains('a') && x.size() > 3)",
    "[1, 2].all(n, args.l.exists(x, x == n))",
    "args.a.exists(x, x == 1) && args.b.exists(y, y == 2)",
    "{'a': 1}.a == 1",
    "(principal.kind == 'user' ? args.a : args.b) == 1",
  ];
  test.each(right)("%s is not", (text) => {
    expect(problems(text)).toEqual([]);
  });

  test("has all its problems listed", () => {
    expect(problems("arg.a == 1 && principal.x == 2")).toHaveLength(2);
  });

  test("never makes the check itself fail, whatever its text", () => {
    const words = fc.constantFrom(
      ..."args principal . x ( ) [ ] 1 1.0 'a' == && || ! has in exists , { } : ? + time null".split(" "),
    );
    fc.assert(
      fc.property(fc.array(words, { maxLength: 12 }), (parts) => {
        problems(parts.join(" "));
      }),
      { numRuns: 2000 },
    );
  });
});
