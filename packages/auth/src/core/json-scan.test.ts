import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { scanJson } from "./json-scan.js";

const encoder = new TextEncoder();
const scan = (text: string, depth = 8) => scanJson(encoder.encode(text), text, depth);
/** Long enough to be jumped through, and not ASCII: both ways of reading a string are taken. */
const variants = (text: string) => [text, `["${"x".repeat(200)}",${text}]`, `["é",${text}]`];
const pad = (count: number) => Array.from({ length: count }, (_, index) => `"k${index}":0`).join(",");

describe("scanJson", () => {
  it.each([
    ["nothing to complain about", '{"a":{"b":[1,{"a":"b"}]},"b":"a"}'],
    ["equal keys in sibling objects", '[{"a":1},{"a":1}]'],
    ["a key equal to one of the parent", '{"a":{"a":{"a":1}}}'],
    ["keys equal to values", '{"a":"a","b":"a"}'],
    ["equal strings in an array", '["a","a"]'],
    ["equal strings in an array within an object", '{"a":["b","b",{"b":"b"}],"b":"b"}'],
    ["keys that begin alike", '{"a":1,"ab":1,"":1,"b":1}'],
    ["keys that differ in an escape", '{"a\\n":1,"a\\t":1,"a":1}'],
    ["quotes and backslashes at the end of strings", '{"a\\"":"\\\\","a\\\\":"\\""}'],
    ["the name __proto__ as a value", '{"a":"__proto__"}'],
    ["keys of the length of __proto__", '{"__prota__":1,"arguments":2}'],
    ["whole surrogate pairs", '{"\\ud83d\\ude00":"\\ud83d\\ude00"}'],
    ["escapes that only look like surrogates", '{"\\\\ud800":"\\ud7ff\\\\ud800"}'],
    ["many keys", `{${pad(40)}}`],
  ])("passes %s", (_, text) => {
    for (const variant of variants(text))
      expect(scan(variant)).toMatchObject({ fault: undefined, inexactNumbers: false });
  });

  it.each([
    ["a key twice", '{"a":1,"b":2,"a":3}', "a"],
    ["the empty key twice", '{"":1,"":2}', ""],
    ["a key twice, with white space", '{ "a" : 1 ,\n\t"a" : 2 }', "a"],
    ["a key twice behind nested objects", '{"a":{"b":1},"c":[{"d":2}],"a":3}', "a"],
    ["a key twice deep down", '{"x":[[{"y":{"a":1,"a":2}}]]}', "a"],
    ["a key twice, once escaped", '{"a":1,"\\u0061":2}', "a"],
    ["a key twice, the first escaped", '{"\\u0061":1,"a":2}', "a"],
    ["a key twice, with different escapes", '{"\\/":1,"\\u002f":2}', "/"],
    ["a key outside ASCII twice", '{"é":1,"\\u00e9":2}', "é"],
    ["a key outside the plane twice", '{"😀":1,"\\uD83D\\uDE00":2}', "😀"],
    ["a key twice among many", `{${pad(40)},"k7":1}`, "k7"],
    ["a key twice, the second of which is the thirteenth", `{${pad(12)},"k11":1}`, "k11"],
    ["an escaped key twice among many", `{${pad(40)},"k\\u0037":1}`, "k7"],
    ["a key twice behind an escaped one", '{"b\\n":1,"a":1,"a":2}', "a"],
    ["a long key twice", `{"${"k".repeat(300)}":1,"${"k".repeat(300)}":2}`, "k".repeat(300)],
  ])("finds %s", (_, text, key) => {
    for (const variant of variants(text)) expect(scan(variant)).toMatchObject({ fault: "duplicate", key });
  });

  it.each([
    ["__proto__ as a key", '{"__proto__":1}', "prototype"],
    ["__proto__ as an escaped key", '{"__proto\\u005f_":1}', "prototype"],
    ["__proto__ as a key deep down", '{"a":[{"__proto__":{}}]}', "prototype"],
    ["a lone high surrogate", '["\\ud800"]', "surrogate"],
    ["a lone low surrogate", '["\\uDC00"]', "surrogate"],
    ["surrogates in the wrong order", '["\\udc00\\ud800"]', "surrogate"],
    ["a lone surrogate in a key", '{"\\uD800":1}', "surrogate"],
    ["a lone surrogate far into a string", `["${"x".repeat(300)}\\ud800${"x".repeat(300)}"]`, "surrogate"],
    ["a lone surrogate in a row of escapes", `["${"x".repeat(300)}\\n\\n\\ud800\\n"]`, "surrogate"],
    ["arrays too deep", `${"[".repeat(9)}${"]".repeat(9)}`, "depth"],
    ["objects too deep", `${'{"a":'.repeat(9)}1${"}".repeat(9)}`, "depth"],
  ])("finds %s", (_, text, fault) => {
    for (const variant of variants(text)) expect(scan(variant)).toMatchObject({ fault });
  });

  it("counts depth, not length", () => {
    expect(scan(`[${"[],".repeat(100)}[]]`, 2).fault).toBeUndefined();
    expect(scan("[".repeat(8) + "]".repeat(8)).fault).toBeUndefined();
  });

  it.each([
    "[9007199254740993]",
    '{"a":1e999}',
    "[1.00000000000000000001]",
    "[-12345678901234567890]",
    "12345678901234567890",
  ])("notes the inexact number in %s", (text) => {
    for (const variant of variants(text))
      expect(scan(variant)).toMatchObject({ fault: undefined, inexactNumbers: true });
  });

  it.each(['["9007199254740993"]', "[0.1,1e3,-0,1234567890123456]", '{"1e999":1}'])("notes none in %s", (text) => {
    expect(scan(text).inexactNumbers).toBe(false);
  });

  it("finds nothing in what JSON.stringify writes, for strings that are well formed", () => {
    const wellFormed = fc.jsonValue({ stringUnit: "binary", maxDepth: 6 }).map((value) => JSON.stringify(value));
    fc.assert(
      fc.property(wellFormed, fc.constantFrom(undefined, 1, "\t"), (text, indent) => {
        fc.pre(!text.includes('"__proto__":'));
        expect(scan(JSON.stringify(JSON.parse(text), null, indent), 32).fault).toBeUndefined();
      }),
    );
  });

  it("always finds a duplicate that was put in, however it is spelled", () => {
    const keys = fc.uniqueArray(fc.string({ unit: "grapheme", maxLength: 30 }), { minLength: 1, maxLength: 30 });
    const escapeAll = (key: string) =>
      `"${Array.from({ length: key.length }, (_, at) => `\\u${key.charCodeAt(at).toString(16).padStart(4, "0")}`).join("")}"`;
    fc.assert(
      fc.property(keys, fc.nat(), fc.nat(), fc.boolean(), (names, which, where, escaped) => {
        fc.pre(!names.includes("__proto__"));
        const name = names[which % names.length] ?? "";
        const members = names.map((key) => `${JSON.stringify(key)}:[{}]`);
        members.splice(where % (names.length + 1), 0, `${escaped ? escapeAll(name) : JSON.stringify(name)}:{"x":1}`);
        expect(scan(`[{"y":{${members.join(",")}}}]`)).toMatchObject({ fault: "duplicate", key: name });
      }),
    );
  });

  it("finds a duplicate exactly where some object has one, whatever surrounds it", () => {
    type Tree = string | number | readonly Tree[] | { readonly members: readonly (readonly [string, Tree])[] };
    const key = fc.oneof(
      fc.constantFrom("a", "b", "é", "\n", '"', "\\", "arguments", "arguments_"),
      fc.string({ unit: "grapheme", maxLength: 3 }),
    );
    const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        key,
        fc.integer(),
        fc.array(tie("tree"), { maxLength: 3 }),
        fc.record({ members: fc.array(fc.tuple(key, tie("tree")), { maxLength: 16 }) }),
      ),
    }));
    const hasDuplicate = (node: Tree): boolean => {
      if (typeof node !== "object") return false;
      if (!("members" in node)) return node.some(hasDuplicate);
      const names = node.members.map(([name]) => name);
      return new Set(names).size !== names.length || node.members.some(([, value]) => hasDuplicate(value));
    };
    const write = (node: Tree): string => {
      if (typeof node !== "object") return JSON.stringify(node);
      if (!("members" in node)) return `[${node.map(write).join(" , ")}]`;
      return `{${node.members.map(([name, value]) => `${JSON.stringify(name)} :${write(value)}`).join(",\n")}}`;
    };
    fc.assert(
      fc.property(tree, (node) => {
        const text = write(node);
        JSON.parse(text);
        expect(scan(text, 32).fault).toBe(hasDuplicate(node) ? "duplicate" : undefined);
      }),
      { numRuns: 2000 },
    );
  });

  it("always answers for bytes that are no JSON, and throws never", () => {
    const soup = fc.oneof(
      fc.string({ unit: fc.constantFrom(...'{}[]",:\\u0d8aeE+-.19 \n'), maxLength: 400 }),
      fc.string({ unit: "binary" }),
    );
    fc.assert(
      fc.property(soup, (text) => {
        expect(typeof scan(text).inexactNumbers).toBe("boolean");
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    ["an object of many keys", `{${Array.from({ length: 100_000 }, (_, index) => `"${index}":0`).join(",")}}`],
    [
      "keys whose cheap hashes collide",
      `{${Array.from({ length: 65_536 }, (_, index) => `"${index.toString(2).padStart(16, "0").replaceAll("0", "Aa").replaceAll("1", "BB")}":0`).join(",")}}`,
    ],
    ["a string of escapes", `["${"\\n".repeat(500_000)}"]`],
    ["a string of escapes and letters", `["${"\\nx".repeat(300_000)}"]`],
    ["escaped quotes", `["${'\\"'.repeat(500_000)}"]`],
    ["an open string", `["${"x".repeat(1_000_000)}`],
    ["many open strings' worth of quotes", `[${'"'.repeat(1_000_001)}`],
    ["digits", "1".repeat(1_000_000)],
    ["brackets", "[".repeat(1_000_000)],
  ])("reads %s in linear time", (_, text) => {
    const started = performance.now();
    scan(text);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
