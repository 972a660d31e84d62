import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JsonValue } from "./mcp-call.js";
import { parseMcpBody } from "./mcp-message.js";
import { parseJson } from "./parse-json.js";

const escapedAt = (text: string, every: number) =>
  [...text]
    .map((character, index) =>
      index % every === 0 && character.length === 1
        ? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
        : JSON.stringify(character).slice(1, -1),
    )
    .join("");

/** JSON in which every so many characters of each key are escaped. */
function write(value: JsonValue, every: number): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item: JsonValue) => write(item, every)).join(" , ")}]`;
  const members = Object.entries(value).map(
    ([key, member]) => `"${escapedAt(key, every)}"\n : ${write(member, every)}`,
  );
  return `{${members.join(",")}}`;
}

/** What makes V8 from 12.8 on take another key for the escaped one (nodejs/node#63785). */
const POISON = ['{"a":1,"\\\\":2}', '{"a":1,"\\\\u":2}', '{"a":1,"\\\\u00":2}', '{"a":1,"\\\\u006":2}'];

describe("parseJson", () => {
  test.each([
    ['{"a":1,"\\u00c9":2}', { a: 1, É: 2 }],
    ['{"a":1,"\\n":2}', { a: 1, "\n": 2 }],
    ['{"a":1,"\\"":2}', { a: 1, '"': 2 }],
    ['{"a":1,"\\\\":2}', { a: 1, "\\": 2 }],
    ['{"a":1,"\\u006eame":2}', { a: 1, name: 2 }],
    ['{"a":1,"\\u0061mount" : {"\\\\\\"":["\\"x\\":"]}}', { a: 1, amount: { '\\"': ['"x":'] } }],
    ['["\\"","a\\\\",{"k\\u0031":"\\u0031"}]', ['"', "a\\", { k1: "1" }]],
    ['"\\u0061"', "a"],
  ])("reads the keys of %s as they are written, whatever was read before", (text, value) => {
    for (const poison of POISON) JSON.parse(poison);
    expect(parseJson(text)).toEqual(value);
  });

  test("a key that would change a prototype is a member like any other", () => {
    const value = parseJson('{"a":1,"__pr\\u006fto__":{"b":1}}') as object;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys(value)).toEqual(["a", "__proto__"]);
  });

  test("whatever the value, and however its keys are escaped", () => {
    const json = fc
      .jsonValue({ maxDepth: 4, noUnicodeString: false })
      .filter((value) => !JSON.stringify(value).includes("__proto__"));
    fc.assert(
      fc.property(
        json,
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.string(), { maxLength: 4 }),
        (value, every, before) => {
          for (const key of before) JSON.parse(`{${JSON.stringify(key)}:1,${JSON.stringify(`\\${key}`)}:2}`);
          expect(parseJson(write(value as JsonValue, every))).toEqual(JSON.parse(JSON.stringify(value)));
        },
      ),
      { numRuns: 500 },
    );
  });

  test.each(["", "{", '{"a\\":1}', '{"\\u00":1}', '{"\\x":1}', '"\\', '{"a" "\\n":1}'])("%j is not JSON", (text) => {
    expect(() => parseJson(text)).toThrow(SyntaxError);
  });

  test.each(['{"\\u0031":1,"1":2}', '{"a":1,"\\u0061":2}', '{"\\u0061":1,"a":2}'])("%s names a key twice", (text) => {
    expect(() => parseJson(text)).toThrow("twice");
  });

  test("nesting without end is refused, not followed", () => {
    const deep = `${'{"\\u0061":'.repeat(100_000)}1${"}".repeat(100_000)}`;
    expect(() => parseJson(deep)).toThrow("nested deeper than 1000 levels");
  });

  test("backslashes and quotes without end are read in a moment", () => {
    const started = performance.now();
    const text = `{"\\u0061":"${'\\"'.repeat(500_000)}","b":"${"\\\\".repeat(500_000)}"}`;
    expect(Object.keys(parseJson(text) as object)).toEqual(["a", "b"]);
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

test("an argument cannot hide behind an escape from a rule that reads it", () => {
  for (const poison of POISON) JSON.parse(poison);
  const body =
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"refund","arguments":{"a":1,"\\u0061mount":1000}}}';
  const { messages } = parseMcpBody(new TextEncoder().encode(body));
  expect(messages).toMatchObject([{ params: { arguments: { a: 1, amount: 1000 } } }]);
});
