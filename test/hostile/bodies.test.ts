import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  ACCEPT,
  bearer,
  call,
  type Granted,
  type Ground,
  headersOf,
  JSON_TYPE,
  prepareGround,
  rpc,
  titled,
} from "./ground.js";
import { exchangeBytes, formatRequest, parseAnswers } from "./wire.js";

/* Bodies with a good token that may call everything: what is refused is refused for the body alone, and nothing of it goes on. */
let ground: Ground;
let granted: Granted;
let reader: Granted;

beforeAll(async () => {
  ground = await prepareGround();
  granted = await ground.grant(ground.owner, await ground.register());
  reader = await ground.grant(ground.owner, await ground.register(), "mcp:read");
});
afterAll(() => ground.close());
beforeEach(() => ground.upstream.forget());

interface Row {
  readonly title: string;
  readonly body: string | Uint8Array;
  /** Instead of `application/json`; `""` = none. */
  readonly type?: string;
  readonly headers?: readonly (readonly [string, string])[];
  readonly status?: number;
  readonly code?: number | undefined;
}

const bytes = (...parts: readonly (string | readonly number[])[]) =>
  Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.from(part))));
const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
const withArguments = (text: string) =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"look","arguments":${text}}}`;
const MIB = 1024 * 1024;
const INVALID = { status: 400, code: -32600 };
const PARSE = { status: 400, code: -32700 };
const UNSUPPORTED = { status: 415, code: -32600 };

const ENCODINGS: readonly Row[] = [
  { title: "a byte order mark", body: bytes([0xef, 0xbb, 0xbf], call("look")), ...PARSE },
  { title: "UTF-16", body: Buffer.from(call("look"), "utf16le"), ...PARSE },
  { title: "UTF-16 with its mark", body: bytes([0xff, 0xfe], [...Buffer.from(call("look"), "utf16le")]), ...PARSE },
  { title: "a byte that is no UTF-8", body: bytes('{"jsonrpc":"2.0","id":1,"method":"ping', [0xff], '"}'), ...PARSE },
  {
    title: "an overlong slash",
    body: bytes('{"jsonrpc":"2.0","id":1,"method":"tools', [0xc0, 0xaf], 'call"}'),
    ...PARSE,
  },
  {
    title: "a surrogate in UTF-8",
    body: bytes('{"jsonrpc":"2.0","id":1,"method":"', [0xed, 0xa0, 0x80], '"}'),
    ...PARSE,
  },
  { title: "charset=utf-16", body: call("look"), type: "application/json; charset=utf-16", ...UNSUPPORTED },
  { title: "charset=utf-7", body: call("look"), type: "application/json;charset=utf-7", ...UNSUPPORTED },
  {
    title: "two charsets",
    body: call("look"),
    type: "application/json; charset=utf-8; charset=utf-16",
    ...UNSUPPORTED,
  },
  {
    title: "text/plain, as a form of another site can send it",
    body: call("look"),
    type: "text/plain",
    ...UNSUPPORTED,
  },
  { title: "application/json-rpc", body: call("look"), type: "application/json-rpc", ...UNSUPPORTED },
  {
    title: "two content types in one header",
    body: call("look"),
    type: "application/json, text/plain",
    ...UNSUPPORTED,
  },
  { title: "two Content-Type headers", body: call("look"), headers: [["Content-Type", "text/plain"]], ...UNSUPPORTED },
  { title: "no Content-Type", body: call("look"), type: "", ...UNSUPPORTED },
  { title: "gzip", body: gzipSync(call("look")), headers: [["content-encoding", "gzip"]], ...UNSUPPORTED },
  {
    title: "a content encoding that was not applied",
    body: call("look"),
    headers: [["content-encoding", "br"]],
    ...UNSUPPORTED,
  },
  { title: "identity, gzip", body: call("look"), headers: [["content-encoding", "identity, gzip"]], ...UNSUPPORTED },
];

const SHAPES: readonly Row[] = [
  { title: "nothing", body: "", ...PARSE },
  { title: "half a message", body: '{"jsonrpc":"2.0",', ...PARSE },
  { title: "a message and something behind it", body: `${call("look")}${call("change")}`, ...PARSE },
  { title: "a comment", body: `${call("look")}//`, ...PARSE },
  { title: "NaN for an id", body: '{"jsonrpc":"2.0","id":NaN,"method":"ping"}', ...PARSE },
  { title: "a string with a raw line break", body: '{"jsonrpc":"2.0","id":1,"method":"tools/call\n"}', ...PARSE },
  { title: "null", body: "null", ...INVALID },
  { title: "a number", body: "1", ...INVALID },
  { title: "jsonrpc 1.0", body: '{"jsonrpc":"1.0","id":1,"method":"ping"}', ...INVALID },
  { title: "id null", body: '{"jsonrpc":"2.0","id":null,"method":"ping"}', ...INVALID },
  { title: "id as an object", body: rpc("ping", {}, { a: 1 }), ...INVALID },
  { title: "a fractional id", body: rpc("ping", {}, 1.5), ...INVALID },
  { title: "an id beyond 2^53", body: '{"jsonrpc":"2.0","id":9007199254740993,"method":"ping"}', ...INVALID },
  { title: "method as a list", body: '{"jsonrpc":"2.0","id":1,"method":["tools/call"]}', ...INVALID },
  { title: "request and response in one", body: '{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}', ...INVALID },
  { title: "params as a list", body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["change"]}', ...INVALID },
  { title: "arguments as a list", body: withArguments("[]"), ...INVALID },
  { title: "arguments as a string", body: withArguments('"{}"'), ...INVALID },
  {
    title: "a tools/call without id",
    body: '{"jsonrpc":"2.0","method":"tools/call","params":{"name":"change"}}',
    ...INVALID,
  },
  { title: "_meta as a list", body: rpc("tools/call", { name: "look", _meta: [] }), ...INVALID },
  { title: "name as a list", body: rpc("tools/call", { name: ["look"] }), status: 400, code: -32602 },
  { title: "no name", body: rpc("tools/call", {}), status: 400, code: -32602 },
  { title: "an empty name", body: rpc("tools/call", { name: "" }), status: 400, code: -32602 },
  { title: "a method nobody knows", body: rpc("tools/execute"), status: 404, code: -32601 },
  { title: "a method in capitals", body: rpc("Tools/Call", { name: "look" }), status: 404, code: -32601 },
  { title: "a method with a space behind it", body: rpc("tools/call ", { name: "look" }), status: 404, code: -32601 },
  { title: "a method with NUL", body: rpc("tools/call\u0000", { name: "look" }), status: 404, code: -32601 },
  { title: "the method __proto__", body: rpc("__proto__"), status: 404, code: -32601 },
  { title: "the method constructor", body: rpc("constructor"), status: 404, code: -32601 },
  { title: "a server's method", body: rpc("sampling/createMessage"), status: 404, code: -32601 },
  {
    title: "a notification nobody knows",
    body: '{"jsonrpc":"2.0","method":"notifications/evil"}',
    status: 404,
    code: -32601,
  },
  { title: "a method of another revision", body: rpc("server/discover"), status: 404, code: -32601 },
];

const KEYS: readonly Row[] = [
  {
    title: "method twice",
    body: '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"change"}}',
    ...INVALID,
  },
  {
    title: "name twice",
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"look","name":"change"}}',
    ...INVALID,
  },
  {
    title: "name twice, once escaped",
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"look","n\\u0061me":"change"}}',
    ...INVALID,
  },
  {
    title: "params twice, once escaped with capitals",
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"look"},"p\\u0061r\\u0061ms":{"name":"change"}}',
    ...INVALID,
  },
  { title: "a key twice, deep in the arguments", body: withArguments('{"a":[{"b":{"c":1,"c":2}}]}'), ...INVALID },
  { title: "a key twice, deep and escaped", body: withArguments('{"a":[{"b":{"c":1,"\\u0063":2}}]}'), ...INVALID },
  {
    title: "a key twice among forty",
    body: withArguments(`{${Array.from({ length: 40 }, (_, i) => `"k${i}":0`).join(",")},"k3":1}`),
    ...INVALID,
  },
  { title: "Method beside method", body: '{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call"}', ...INVALID },
  {
    title: "Name beside name",
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"look","Name":"change"}}',
    ...INVALID,
  },
  {
    title: "NAME alone",
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"NAME":"change"}}',
    ...INVALID,
  },
  {
    title: "PARAMS alone",
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","PARAMS":{"name":"change"}}',
    ...INVALID,
  },
  {
    title: "Kelvin sign in a wire member (toKen)",
    body: rpc("tools/call", { name: "look", _meta: { "progressTo\u212aen": 1 } }),
    ...INVALID,
  },
  {
    title: "long s in params (param\u017f)",
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","param\u017f":{"name":"change"}}',
    ...INVALID,
  },
  {
    title: "two keys in _meta that differ in case",
    body: rpc("tools/call", { name: "look", _meta: { own: 1, OWN: 2 } }),
    ...INVALID,
  },
  {
    title: "a completion whose ref differs in case",
    body: rpc("completion/complete", { ref: { type: "ref/prompt", name: "a", Type: "ref/resource" } }),
    ...INVALID,
  },
  {
    title: "__proto__ in the envelope",
    body: '{"jsonrpc":"2.0","id":1,"method":"ping","__proto__":{"method":"tools/call"}}',
    ...INVALID,
  },
  {
    title: "__proto__ in the arguments, escaped",
    body: withArguments('{"\\u005f_proto__":{"admin":true}}'),
    ...INVALID,
  },
  {
    title: "half a surrogate pair in a name",
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"look\\ud800"}}',
    ...INVALID,
  },
  {
    title: "an argument that differs from the tool's only in case",
    body: call("look", { Path: "/etc/passwd" }),
    status: 400,
    code: -32602,
  },
  { title: "both spellings of an argument", body: call("look", { path: "a", PATH: "b" }), status: 400, code: -32602 },
];

const SIZES: readonly Row[] = [
  { title: "65 levels", body: withArguments(nested(63)), ...INVALID },
  { title: "100,000 open brackets", body: "[".repeat(100_000), ...INVALID },
  { title: "100,000 open objects in the arguments", body: withArguments('{"a":'.repeat(100_000)), ...INVALID },
  {
    title: "one byte more than 4 MiB, announced",
    body: "",
    headers: [["content-length", String(4 * MIB + 1)]],
    status: 413,
    code: -32600,
  },
  {
    title: "header fields of 20 KB",
    body: call("look"),
    headers: [["x-much", "a".repeat(20_000)]],
    status: 431,
    code: undefined,
  },
  {
    title: "a session id of 10 KB",
    body: call("look"),
    headers: [["mcp-session-id", "A".repeat(10_000)]],
    status: 400,
    code: -32020,
  },
  {
    title: "an Mcp-Name of 10 KB",
    body: call("look"),
    headers: [["mcp-name", "l".repeat(10_000)]],
    status: 400,
    code: -32020,
  },
];

const BATCHES: readonly Row[] = [
  { title: "an empty batch", body: "[]", ...INVALID },
  { title: "a batch in a batch", body: `[[${call("look")}]]`, ...INVALID },
  { title: "initialize in a batch", body: `[${rpc("initialize", {}, 1)},${call("look", {}, 2)}]`, ...INVALID },
  { title: "one id for two requests", body: `[${call("look", {}, 1)},${call("look", {}, 1)}]`, ...INVALID },
  { title: "one message that is none", body: `[${call("look")},7]`, ...INVALID },
  {
    title: "101 messages",
    body: `[${Array.from({ length: 101 }, (_, id) => call("look", {}, id)).join(",")}]`,
    ...INVALID,
  },
  {
    title: "a batch of 2025-11-25",
    body: `[${call("look")}]`,
    headers: [["mcp-protocol-version", "2025-11-25"]],
    ...INVALID,
  },
  {
    title: "a batch that claims 2026-07-28",
    body: `[${rpc("tools/call", { name: "look", _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28" } })}]`,
    ...INVALID,
  },
  {
    title: "a batch under Mcp-Method",
    body: `[${call("look")}]`,
    headers: [["mcp-method", "tools/call"]],
    status: 400,
    code: -32020,
  },
  {
    title: "one unknown method among good ones",
    body: `[${call("look", {}, 1)},${rpc("evil", {}, 2)}]`,
    status: 404,
    code: -32601,
  },
  {
    title: "one hidden tool among good ones",
    body: `[${call("look", {}, 1)},${call("nothing", {}, 2)}]`,
    status: 200,
    code: -32602,
  },
];

const check = async ({ body, type, headers = [], status = 400, code = -32600 }: Row) => {
  const types = type === undefined ? [JSON_TYPE] : type === "" ? [] : [["content-type", type] as const];
  const answer = await ground.ask({ headers: [bearer(granted.access_token), ...types, ACCEPT, ...headers], body });
  expect({ status: answer.status, code: answer.code }).toEqual({ status, code: status === 431 ? undefined : code });
  expect(ground.upstream.arrived).toEqual([]);
};

describe("R-140: every body is read once, strictly, before anything goes on", () => {
  test.each(titled(ENCODINGS))("encoding: %s", (_, row) => check(row));
  test.each(titled(SHAPES))("shape: %s", (_, row) => check(row));
  test.each(titled(KEYS))("CVE-2026-27896, keys: %s", (_, row) => check(row));
  test.each(titled(SIZES))("size: %s", (_, row) => check(row));
  test.each(titled(BATCHES))("batch: %s", (_, row) => check(row));

  test("size: a chunked body that grows beyond 4 MiB is cut off", async () => {
    const head = [...headersOf(granted.access_token), ["transfer-encoding", "chunked"] as const];
    const chunk = Buffer.concat([Buffer.from("100000\r\n"), Buffer.alloc(MIB, 0x20), Buffer.from("\r\n")]);
    const { host, port } = new URL(ground.program.mcpUrl);
    const request = Buffer.concat([
      formatRequest(host, { headers: head }),
      ...Array<Buffer>(5).fill(chunk),
      Buffer.from("0\r\n\r\n"),
    ]);
    const [answer] = parseAnswers(await exchangeBytes(Number(port), request));
    expect(answer).toMatchObject({ status: 413, code: -32600 });
    expect(ground.upstream.arrived).toEqual([]);
  });

  test("what is sound goes on byte for byte, odd spacing and numbers included", async () => {
    const body = `\r\n {"id" :1,\t"jsonrpc":"2.0","params":{"arguments":{"n":1.0e400,"m":0.10},"name":"l\\u006fok"} ,"method":"tools\\/call"}`;
    const answer = await ground.ask({ headers: headersOf(granted.access_token), body });
    expect(answer.status).toBe(200);
    expect(ground.upstream.arrived.map((arrived) => arrived.body)).toEqual([body]);
  });
});

const SHORT = { status: 403, code: -32000 };
const UNKNOWN = { status: 200, code: -32602 };
const REACHES: readonly { title: string; body: string; status: number; code: number }[] = [
  { title: "scope-not-enforced: a tool that changes", body: call("change"), ...SHORT },
  {
    title: "scope-not-enforced: one changing call in a batch of reads",
    body: `[${call("look", {}, 1)},${call("change", {}, 2)}]`,
    ...SHORT,
  },
  {
    title: "scope-not-enforced: the changing call first",
    body: `[${call("change", {}, 2)},${call("look", {}, 1)}]`,
    ...SHORT,
  },
  {
    title: "scope-not-enforced: as a task",
    body: rpc("tools/call", { name: "change", task: { ttl: 1000 } }),
    ...SHORT,
  },
  { title: "list-call-divergence: a tool that does not exist", body: call("nothing"), ...UNKNOWN },
  { title: "list-call-divergence: a tool's name in capitals", body: call("LOOK"), ...UNKNOWN },
  { title: "list-call-divergence: a tool's name with a space", body: call("look "), ...UNKNOWN },
  { title: "list-call-divergence: a tool's name in other letters", body: call("l\u043e\u043ek"), ...UNKNOWN },
  { title: "list-call-divergence: the tool __proto__", body: call("__proto__"), ...UNKNOWN },
  { title: "list-call-divergence: the tool constructor", body: call("constructor"), ...UNKNOWN },
  {
    title: "resource-read-idor: dot segments",
    body: rpc("resources/read", { uri: "file:///a/../b" }),
    status: 400,
    code: -32602,
  },
  {
    title: "resource-read-idor: encoded dot segments",
    body: rpc("resources/read", { uri: "file:///a/%2e%2E/b" }),
    status: 400,
    code: -32602,
  },
  {
    title: "resource-read-idor: twice encoded",
    body: rpc("resources/read", { uri: "file:///a/%252e%252e/b" }),
    status: 400,
    code: -32602,
  },
  {
    title: "resource-read-idor: a completion for dot segments",
    body: rpc("completion/complete", { ref: { type: "ref/resource", uri: "file:///a/../b" } }),
    status: 400,
    code: -32602,
  },
  {
    title: "resource-read-idor: another person's task",
    body: rpc("tasks/get", { taskId: "1" }),
    status: 400,
    code: -32602,
  },
];

describe("a token does what its scopes say, call by call", () => {
  test.each(titled(REACHES))("%s", async (_, { body, status, code }) => {
    const modern = body.includes("tasks/") || body.includes('"task"');
    const version = modern ? [["mcp-protocol-version", "2025-11-25"] as const] : [];
    const answer = await ground.ask({ headers: [...headersOf(reader.access_token), ...version], body });
    expect({ status: answer.status, code: answer.code }).toEqual({ status, code });
    if (status === 403)
      expect(answer.headers["www-authenticate"]).toMatch(
        /^Bearer error="insufficient_scope".*scope="mcp:read mcp:write"(?:, DPoP |$)/,
      );
    expect(ground.upstream.arrived).toEqual([]);
  });

  test("hidden and absent tools are told apart by nothing in the answer", async () => {
    const said = await Promise.all(
      ["hidden", "absent"].map(async (name) => {
        const { status, headers, text } = await ground.ask({
          headers: headersOf(reader.access_token),
          body: call(name),
        });
        const { date: _, "content-length": __, ...rest } = headers;
        return { status, rest, text: text.replaceAll(name, "*") };
      }),
    );
    expect(said[0]).toEqual(said[1]);
  });
});
