import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JsonObject } from "./mcp-call.js";
import { McpError } from "./mcp-error.js";
import { checkMcpHeaders } from "./mcp-headers.js";
import { parseMcpBody } from "./mcp-message.js";

type Headers = Record<string, string | readonly string[]>;
const VERSION = "io.modelcontextprotocol/protocolVersion";
const meta = { [VERSION]: "2026-07-28" };
const modern = { "mcp-protocol-version": "2026-07-28" };
const call = (params: object = {}, method = "tools/call") => ({
  jsonrpc: "2.0",
  id: 7,
  method,
  params: { _meta: meta, name: "echo", ...params },
});
const full = { ...modern, "mcp-method": "tools/call", "mcp-name": "echo" };
const base64 = (text: string) => `=?base64?${Buffer.from(text).toString("base64")}?=`;

function check(headers: Headers, message?: unknown, inputSchemaOf?: (tool: string) => JsonObject | undefined) {
  const body = message === undefined ? undefined : parseMcpBody(new TextEncoder().encode(JSON.stringify(message)));
  return checkMcpHeaders((name) => headers[name], body, {
    names: Object.keys(headers),
    ...(inputSchemaOf && { inputSchemaOf }),
  });
}

function refusal(...args: Parameters<typeof check>): McpError {
  try {
    check(...args);
  } catch (error) {
    if (error instanceof McpError) return error;
    throw error;
  }
  throw new Error("was accepted");
}

const legacyCall = { jsonrpc: "2.0", id: 7, method: "tools/call", params: { name: "echo" } };
const initialize = { jsonrpc: "2.0", id: 7, method: "initialize", params: { protocolVersion: "2025-11-25" } };
const note = { jsonrpc: "2.0", method: "notifications/cancelled", params: {} };
const response = { jsonrpc: "2.0", id: 7, result: {} };

describe("checkMcpHeaders: the revision", () => {
  it.each<[string, Headers, unknown, string]>([
    ["a legacy request without header", {}, legacyCall, "2025-03-26"],
    ["a legacy request with header", { "mcp-protocol-version": "2025-11-25" }, legacyCall, "2025-11-25"],
    ["white space around the header", { "mcp-protocol-version": " \t2025-06-18 " }, legacyCall, "2025-06-18"],
    ["initialize", {}, initialize, "2025-03-26"],
    ["initialize with a header", { "mcp-protocol-version": "2025-06-18" }, initialize, "2025-06-18"],
    ["a batch without header", {}, [legacyCall, note], "2025-03-26"],
    ["a batch with its header", { "mcp-protocol-version": "2025-03-26" }, [legacyCall], "2025-03-26"],
    ["a legacy response", { "mcp-protocol-version": "2025-11-25" }, response, "2025-11-25"],
    ["a legacy notification", {}, note, "2025-03-26"],
    ["GET without header", {}, undefined, "2025-03-26"],
    ["DELETE with header", { "mcp-protocol-version": "2025-11-25" }, undefined, "2025-11-25"],
    ["a modern request", full, call(), "2026-07-28"],
    ["a modern notification, by its header alone", modern, note, "2026-07-28"],
    [
      "a modern notification with everything",
      { ...modern, "mcp-method": "notifications/cancelled" },
      { ...note, params: { _meta: meta } },
      "2026-07-28",
    ],
    [
      "initialize with a modern claim, which the method table then refuses",
      { ...modern, "mcp-method": "initialize" },
      call({}, "initialize"),
      "2026-07-28",
    ],
  ])("of %s", (_, headers, body, revision) => {
    expect(check(headers, body)).toBe(revision);
  });

  it.each<[string, Headers, unknown, number]>([
    ["an unknown version", { "mcp-protocol-version": "2024-11-05" }, legacyCall, -32022],
    [
      "a version of the future in header and body",
      { "mcp-protocol-version": "2099-01-01" },
      call({ _meta: { [VERSION]: "2099-01-01" } }),
      -32022,
    ],
    ["a version of the future in the body alone", {}, call({ _meta: { [VERSION]: "2099-01-01" } }), -32022],
    ["an empty version", { "mcp-protocol-version": "" }, legacyCall, -32022],
    ["two versions joined by a proxy", { "mcp-protocol-version": "2025-06-18, 2025-06-18" }, legacyCall, -32022],
    ["an unknown version on GET", { "mcp-protocol-version": "x" }, undefined, -32022],
    ["the version header twice", { "mcp-protocol-version": ["2025-06-18", "2025-06-18"] }, legacyCall, -32020],
    ["a modern body with a legacy header", { ...full, "mcp-protocol-version": "2025-11-25" }, call(), -32020],
    ["a modern body without header", { "mcp-method": "tools/call", "mcp-name": "echo" }, call(), -32020],
    ["a modern notification body without header", {}, { ...note, params: { _meta: meta } }, -32020],
    ["a legacy body claim with a modern header", modern, call({ _meta: { [VERSION]: "2025-11-25" } }), -32020],
    [
      "a legacy body claim that the header repeats",
      { "mcp-protocol-version": "2025-11-25" },
      call({ _meta: { [VERSION]: "2025-11-25" } }),
      -32022,
    ],
    ["a legacy body claim without header", {}, call({ _meta: { [VERSION]: "2025-11-25" } }), -32022],
    ["initialize under a modern header", modern, initialize, -32020],
    ["a modern header without _meta", full, legacyCall, -32602],
    ["a modern header without version in _meta", full, call({ _meta: { other: 1 } }), -32602],
    ["a version in _meta that is no string", full, call({ _meta: { [VERSION]: 20260728 } }), -32602],
    ["a null version in _meta", full, call({ _meta: { [VERSION]: null } }), -32602],
    ["a response in 2026-07-28", modern, response, -32600],
    ["a batch in 2025-06-18", { "mcp-protocol-version": "2025-06-18" }, [legacyCall], -32600],
    ["a batch in 2026-07-28", modern, [legacyCall], -32600],
    ["a batch with a modern element", {}, [legacyCall, { ...call(), id: 8 }], -32600],
    ["a batch with a malformed claim", {}, [call({ _meta: { [VERSION]: null } })], -32600],
  ])("refuses %s", (_, headers, body, code) => {
    expect(refusal(headers, body)).toMatchObject({ status: 400, code });
  });

  it("names what is supported and what was asked", () => {
    expect(refusal({ "mcp-protocol-version": "2099-01-01" }, legacyCall).options).toEqual({
      id: 7,
      data: { supported: ["2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"], requested: "2099-01-01" },
    });
  });
});

describe("checkMcpHeaders: Mcp-Method and Mcp-Name (R-50, R-148)", () => {
  it.each<[string, Headers, unknown]>([
    ["a prompt", { ...full, "mcp-method": "prompts/get" }, call({}, "prompts/get")],
    [
      "a resource",
      { ...full, "mcp-method": "resources/read", "mcp-name": "file:///a" },
      call({ uri: "file:///a" }, "resources/read"),
    ],
    ["a task", { ...full, "mcp-method": "tasks/get", "mcp-name": "t1" }, call({ taskId: "t1" }, "tasks/get")],
    ["a list, which has no name", { ...modern, "mcp-method": "tools/list" }, call({}, "tools/list")],
    [
      "a completion, whose name is not mirrored",
      { ...modern, "mcp-method": "completion/complete" },
      call({ ref: {} }, "completion/complete"),
    ],
    ["an encoded name", { ...full, "mcp-name": base64("echo") }, call()],
    ["an encoded name outside ASCII", { ...full, "mcp-name": base64("größe 東") }, call({ name: "größe 東" })],
    ["an encoded empty name", { ...full, "mcp-name": "=?base64??=" }, call({ name: "" })],
    [
      "a name that itself looks encoded",
      { ...full, "mcp-name": base64("=?base64?eA==?=") },
      call({ name: "=?base64?eA==?=" }),
    ],
    [
      "a marker in another case, which is no marker",
      { ...full, "mcp-name": "=?BASE64?eA==?=" },
      call({ name: "=?BASE64?eA==?=" }),
    ],
    ["white space around the values", { ...full, "mcp-name": " echo\t", "mcp-method": " tools/call " }, call()],
    [
      "a body without name, which the method table refuses",
      { ...modern, "mcp-method": "tools/call" },
      call({ name: undefined }),
    ],
    ["a legacy request without them", { "mcp-protocol-version": "2025-11-25" }, legacyCall],
    ["a legacy request with true ones", { "mcp-method": "tools/call", "mcp-name": "echo" }, legacyCall],
  ])("pass for %s", (_, headers, body) => {
    expect(() => check(headers, body)).not.toThrow();
  });

  it.each<[string, Headers, unknown]>([
    ["no method", { ...modern, "mcp-name": "echo" }, call()],
    ["another method", { ...full, "mcp-method": "tools/list" }, call()],
    ["the method in another case", { ...full, "mcp-method": "Tools/Call" }, call()],
    ["an encoded method", { ...full, "mcp-method": base64("tools/call") }, call()],
    ["the method twice", { ...full, "mcp-method": ["tools/call", "tools/call"] }, call()],
    ["another method on a notification", { ...modern, "mcp-method": "notifications/progress" }, note],
    ["no name", { ...modern, "mcp-method": "tools/call" }, call()],
    ["another name", { ...full, "mcp-name": "other" }, call()],
    ["the name in another case", { ...full, "mcp-name": "Echo" }, call()],
    ["the name twice", { ...full, "mcp-name": ["echo", "other"] }, call()],
    ["an empty name header", { ...full, "mcp-name": "" }, call()],
    ["a name where the body has none", full, call({ name: undefined })],
    ["a name where the body's is no string", full, call({ name: ["echo"] })],
    [
      "another URI",
      { ...full, "mcp-method": "resources/read", "mcp-name": "file:///b" },
      call({ uri: "file:///a" }, "resources/read"),
    ],
    [
      "a URI that is equal only once decoded",
      { ...full, "mcp-method": "resources/read", "mcp-name": "file:///%61" },
      call({ uri: "file:///a" }, "resources/read"),
    ],
    ["no task id", { ...modern, "mcp-method": "tasks/update" }, call({ taskId: "t1" }, "tasks/update")],
    ["base64 without padding", { ...full, "mcp-name": "=?base64?ZWNobwo?=" }, call()],
    ["base64 with spaces", { ...full, "mcp-name": "=?base64?ZWNo bw==?=" }, call()],
    ["base64url", { ...full, "mcp-name": "=?base64?_-8=?=" }, call()],
    ["base64 of broken UTF-8", { ...full, "mcp-name": "=?base64?/w==?=" }, call()],
    [
      "a value longer than 8,192 characters",
      { ...full, "mcp-name": "e".repeat(8193) },
      call({ name: "e".repeat(8193) }),
    ],
    ["an unknown Mcp header that is as long", { ...full, "mcp-param-x": "e".repeat(8193) }, call()],
    ["another method on a legacy request", { "mcp-method": "tools/list" }, legacyCall],
    ["a method on a batch", { "mcp-method": "tools/call" }, [legacyCall]],
    ["a name on a batch", { "mcp-name": "echo" }, [legacyCall]],
    ["another name on a legacy request", { "mcp-name": "other" }, legacyCall],
  ])("refuse %s", (_, headers, body) => {
    expect(refusal(headers, body)).toMatchObject({ status: 400, code: -32020 });
  });

  it("answer with the id of the request", () => {
    expect(refusal({ ...full, "mcp-name": "other" }, call()).options.id).toBe(7);
  });

  it("agree exactly if the sent name, encoded or not, is the body's", () => {
    const name = fc.string({ unit: fc.constantFrom("a", "B", "é", "=", "?", "/"), minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(name, name, (sent, named) => {
        const run = () => check({ ...full, "mcp-name": base64(sent) }, call({ name: named }));
        if (sent === named) expect(run()).toBe("2026-07-28");
        else expect(run).toThrow(expect.objectContaining({ code: -32020 }));
      }),
    );
  });

  it("throw nothing but McpError, whatever the headers hold", () => {
    const value = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string().map((text) => `=?base64?${text}?=`),
      fc.array(fc.string(), { maxLength: 3 }),
    );
    fc.assert(
      fc.property(
        fc.record({ "mcp-protocol-version": value, "mcp-method": value, "mcp-name": value }, { requiredKeys: [] }),
        (headers) => {
          try {
            check({ ...full, ...headers } as Headers, call());
          } catch (error) {
            expect(error).toBeInstanceOf(McpError);
          }
        },
      ),
    );
  });
});
