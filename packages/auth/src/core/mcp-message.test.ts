import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { McpError } from "./mcp-error.js";
import { MAX_BODY_BYTES, type McpBody, parseMcpBody } from "./mcp-message.js";

const encoder = new TextEncoder();
const parse = (value: unknown) =>
  parseMcpBody(encoder.encode(typeof value === "string" ? value : JSON.stringify(value)));
const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "echo", arguments: { text: "x" } } };

function refusal(value: unknown): McpError {
  try {
    parse(value);
  } catch (error) {
    if (error instanceof McpError) return error;
    throw error;
  }
  throw new Error(`was accepted: ${typeof value === "string" ? value : JSON.stringify(value)}`);
}

describe("parseMcpBody", () => {
  it("reads a request", () => {
    expect(parse(call)).toEqual({
      batch: false,
      inexactNumbers: false,
      messages: [{ type: "request", id: 1, method: "tools/call", params: call.params }],
    });
  });

  it.each([
    ["a notification", { jsonrpc: "2.0", method: "a" }, { type: "notification", method: "a", params: undefined }],
    ["a result", { jsonrpc: "2.0", id: "x", result: { a: 1 } }, { type: "response", id: "x" }],
    ["an error", { jsonrpc: "2.0", id: 0, error: { code: 1, message: "m" } }, { type: "response", id: 0 }],
    ["a result that is null", { jsonrpc: "2.0", id: 0, result: null }, { type: "response", id: 0 }],
    ["an empty id", { jsonrpc: "2.0", id: "", method: "a" }, { type: "request", id: "", method: "a" }],
    ["the greatest id", { jsonrpc: "2.0", id: 2 ** 53 - 1, method: "a" }, { type: "request", id: 2 ** 53 - 1 }],
    ["unknown members", { jsonrpc: "2.0", method: "a", extra: 1 }, { type: "notification", method: "a" }],
  ])("reads %s", (_, value, expected) => {
    expect(parse(value).messages[0]).toMatchObject(expected);
  });

  it("reads a batch in its order", () => {
    const body = parse([call, { jsonrpc: "2.0", method: "b" }, { jsonrpc: "2.0", id: 1, result: {} }]);
    expect(body.batch).toBe(true);
    expect(body.messages.map((message) => message.type)).toEqual(["request", "notification", "response"]);
  });

  it("notes that a number is not held by a double", () => {
    expect(parse('{"jsonrpc":"2.0","method":"a","params":{"n":9007199254740993}}').inexactNumbers).toBe(true);
  });

  it.each([
    ["nothing", ""],
    ["white space", " \n"],
    ["half an object", '{"jsonrpc":"2.0"'],
    ["two values", "{}{}"],
    ["a byte order mark", `\ufeff${JSON.stringify(call)}`],
    ["a comment", `${JSON.stringify(call)}//`],
    ["a trailing comma", '{"jsonrpc":"2.0",}'],
    ["single quotes", "{'jsonrpc':'2.0'}"],
    ["NaN", '{"a":NaN}'],
    ["a raw line feed in a string", '{"a":"b\nc"}'],
    ["an unknown escape", '{"a":"\\x"}'],
    ["a leading zero", '{"a":01}'],
  ])("refuses %s as no JSON", (_, text) => {
    expect(refusal(text)).toMatchObject({ status: 400, code: -32700 });
  });

  it.each([
    ["broken UTF-8", [0x22, 0xff, 0x22]],
    ["an overlong quote", [0x22, 0xc0, 0xa2, 0x22]],
    ["an encoded surrogate", [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ["UTF-16", [0x7b, 0x00, 0x7d, 0x00]],
  ])("refuses %s", (_, bytes) => {
    expect(() => parseMcpBody(Uint8Array.from(bytes))).toThrow(expect.objectContaining({ status: 400, code: -32700 }));
  });

  it.each([
    ["a string", '"x"'],
    ["null", "null"],
    ["a number", "1"],
    ["an empty batch", "[]"],
    ["a batch in a batch", [[call]]],
    ["a batch of null", [null]],
    ["initialize in a batch", [{ jsonrpc: "2.0", id: 1, method: "initialize", params: {} }]],
    ["one id for two requests of a batch", [call, call]],
    ["more messages than a batch may hold", Array.from({ length: 101 }, () => ({ jsonrpc: "2.0", method: "a" }))],
    ["an empty object", {}],
    ["no version", { id: 1, method: "a" }],
    ["version 1.0", { ...call, jsonrpc: "1.0" }],
    ["version 2", { ...call, jsonrpc: 2 }],
    ["a null id", { ...call, id: null }],
    ["a fractional id", { ...call, id: 1.5 }],
    ["an id that is no safe integer", { ...call, id: 2 ** 53 }],
    ["an infinite id", '{"jsonrpc":"2.0","id":1e999,"method":"a"}'],
    ["an object as id", { ...call, id: {} }],
    ["true as id", { ...call, id: true }],
    ["method and result", { ...call, result: {} }],
    ["method and error", { ...call, error: {} }],
    ["result and error", { jsonrpc: "2.0", id: 1, result: {}, error: {} }],
    ["neither method nor result", { jsonrpc: "2.0", id: 1 }],
    ["a response without id", { jsonrpc: "2.0", result: {} }],
    ["a response with a null id", { jsonrpc: "2.0", id: null, error: {} }],
    ["a method that is no string", { ...call, method: 1 }],
    ["a null method", { ...call, method: null }],
    ["params in an array", { ...call, params: [] }],
    ["null params", { ...call, params: null }],
    ["arguments in an array", { ...call, params: { name: "a", arguments: [] } }],
    ["arguments in a string", { ...call, params: { name: "a", arguments: "{}" } }],
    ["null arguments", { ...call, params: { name: "a", arguments: null } }],
    ["_meta in an array", { ...call, params: { _meta: [] } }],
    ["a ref in a string", { ...call, params: { ref: "x" } }],
    ["notifications in an array", { ...call, params: { notifications: [] } }],
    ["a task that is true", { ...call, params: { task: true } }],
    ["the key __proto__", '{"jsonrpc":"2.0","method":"a","params":{"__proto__":{"name":"b"}}}'],
    ["half a surrogate pair", '{"jsonrpc":"2.0","method":"a","params":{"x":"\\ud800"}}'],
    ["65 levels", `{"jsonrpc":"2.0","method":"a","params":{"a":${"[".repeat(63)}${"]".repeat(63)}}}`],
    ["a million levels", "[".repeat(1_000_000)],
  ])("refuses %s as no request", (_, value) => {
    expect(refusal(value)).toMatchObject({ status: 400, code: -32600 });
  });

  it("takes 64 levels", () => {
    expect(
      parse(`{"jsonrpc":"2.0","method":"a","params":{"a":${"[".repeat(62)}${"]".repeat(62)}}}`).messages,
    ).toHaveLength(1);
  });

  it.each([
    ["method", '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}'],
    ["method, once escaped", '{"jsonrpc":"2.0","id":1,"method":"ping","m\\u0065thod":"tools/call"}'],
    ["name", '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","name":"b"}}'],
    ["params", '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"},"params":{"name":"b"}}'],
    ["an argument", '{"jsonrpc":"2.0","id":1,"method":"a","params":{"arguments":{"x":[{"y":1,"y":2}]}}}'],
  ])("refuses a second %s, with the id of the request", (_, text) => {
    expect(refusal(text)).toMatchObject({ code: -32600, options: { id: 1 } });
  });

  const inside = (place: string, members: string) =>
    place === ""
      ? `{"jsonrpc":"2.0","id":1,"method":"a",${members}}`
      : `{"jsonrpc":"2.0","id":1,"method":"a","params":{${place === "params" ? members : `"${place}":{${members}}`}}}`;

  it.each(["", "params", "_meta", "ref", "notifications", "task"])("refuses confusable keys in %j", (place) => {
    for (const members of [
      '"Name":1',
      '"NAME":"x"',
      '"taskid":1',
      '"\\u0130d":1',
      '"ur\\u0131":1',
      '"progre\\u017fs":1',
      '"to\\u212aen":1,"token":1',
      '"x":1,"X":2',
      '"\\u00e9":1,"\\u00c9":2',
      '"Jsonrpc":"2.0"',
      '"io.modelcontextprotocol/ProtocolVersion":"x"',
    ]) {
      expect(refusal(inside(place, members)), members).toMatchObject({ code: -32600, options: { id: 1 } });
    }
  });

  it.each(["arguments", "anything"])("leaves the case of keys in %j to whoever owns their schema", (place) => {
    expect(parse(inside(place, '"Name":1,"name":2,"X":1,"x":2')).messages).toHaveLength(1);
  });

  it("refuses a body over 4 MiB unread", () => {
    expect(() => parseMcpBody(new Uint8Array(MAX_BODY_BYTES + 1))).toThrow(expect.objectContaining({ status: 413 }));
  });

  it("says nothing that could break a line, whatever the body holds", () => {
    const error = refusal(
      `{"jsonrpc":"2.0","method":"a","\\r\\n\\u2028${"x".repeat(500)}":1,"\\r\\n\\u2028${"x".repeat(500)}":2}`,
    );
    expect(error.message).toMatch(/^[\x20-\x7e…]{1,250}$/);
  });
});

describe("parseMcpBody, fuzzed", () => {
  const anyJson = fc.jsonValue({ maxDepth: 5 }).filter((value) => !JSON.stringify(value).includes("__proto__"));
  const message = fc.record(
    {
      jsonrpc: fc.constant("2.0"),
      id: fc.oneof(fc.string(), fc.maxSafeInteger()),
      method: fc.string(),
      params: fc.dictionary(fc.constantFrom("name", "x", "y", "uri"), anyJson),
    },
    { requiredKeys: ["jsonrpc", "method"] },
  );

  function attempt(bytes: Uint8Array): McpBody | undefined {
    try {
      return parseMcpBody(bytes);
    } catch (error) {
      if (!(error instanceof McpError)) throw error;
      expect([-32700, -32600]).toContain(error.code);
      return undefined;
    }
  }

  it("sees what JSON.parse sees in the same bytes", () => {
    fc.assert(
      fc.property(message, (value) => {
        const text = JSON.stringify(value);
        const seen = parse(text).messages[0];
        const { jsonrpc: _, ...members } = JSON.parse(text);
        expect(seen).toEqual({ type: "id" in value ? "request" : "notification", params: undefined, ...members });
        expect(JSON.stringify({ jsonrpc: "2.0", ...members })).toBe(JSON.stringify(JSON.parse(text)));
      }),
    );
  });

  it("throws nothing but McpError for any JSON", () => {
    fc.assert(fc.property(fc.json(), (text) => void attempt(encoder.encode(text))));
  });

  it("throws nothing but McpError for changed bytes, and what it then accepts JSON.parse accepts alike", () => {
    const change = fc.record({
      at: fc.nat(),
      byte: fc.integer({ min: 0, max: 255 }),
      kind: fc.constantFrom("set", "cut", "add"),
    });
    fc.assert(
      fc.property(message, fc.array(change, { minLength: 1, maxLength: 4 }), (value, changes) => {
        const bytes = Array.from(encoder.encode(JSON.stringify(value)));
        for (const { at, byte, kind } of changes) {
          if (kind === "set") bytes[at % bytes.length] = byte;
          else bytes.splice(at % bytes.length, kind === "cut" ? 1 : 0, ...(kind === "add" ? [byte] : []));
        }
        const body = attempt(Uint8Array.from(bytes));
        if (body === undefined) return;
        const seen = JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes)));
        const [first] = body.messages;
        if (first?.type === "request")
          expect(first).toEqual({ type: "request", id: seen.id, method: seen.method, params: seen.params });
      }),
      { numRuns: 2000 },
    );
  });
});
