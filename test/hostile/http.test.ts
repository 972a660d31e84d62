import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  ACCEPT,
  bearer,
  call,
  form,
  type Granted,
  type Ground,
  headersOf,
  JSON_TYPE,
  prepareGround,
  rpc,
  titled,
} from "./ground.js";
import { exchangeBytes, formatRequest, openSocket, parseAnswers, type WireRequest } from "./wire.js";

/* HTTP itself: headers that contradict the body, names that are not ours, framing that two parsers read differently. */
let ground: Ground;
let granted: Granted;

beforeAll(async () => {
  ground = await prepareGround();
  granted = await ground.grant(ground.owner, await ground.register());
});
afterAll(() => ground.close());
beforeEach(() => ground.upstream.forget());

type Headers = readonly (readonly [string, string])[];
const own = (): URL => new URL(ground.program.mcpUrl);
const port = () => Number(own().port);

const MODERN = "2026-07-28";
const META = "io.modelcontextprotocol/";
const modern = (name: string, args: object = {}, version: unknown = MODERN) =>
  rpc("tools/call", {
    name,
    arguments: args,
    _meta: { [`${META}protocolVersion`]: version, [`${META}clientCapabilities`]: {} },
  });
const MODERN_HEADERS: Headers = [
  ["mcp-protocol-version", MODERN],
  ["mcp-method", "tools/call"],
];
const named = (name: string): Headers => [...MODERN_HEADERS, ["mcp-name", name]];
const base64 = (text: string) => `=?base64?${Buffer.from(text).toString("base64")}?=`;
const MISMATCH = { status: 400, code: -32020 };

const DISAGREEMENTS: readonly { title: string; headers: Headers; body: string; status: number; code: number }[] = [
  {
    title: "Mcp-Method names another method",
    headers: [["mcp-method", "tools/list"]],
    body: call("look"),
    ...MISMATCH,
  },
  { title: "Mcp-Method differs in case", headers: [["mcp-method", "Tools/Call"]], body: call("look"), ...MISMATCH },
  {
    title: "Mcp-Method twice",
    headers: [
      ["mcp-method", "tools/call"],
      ["mcp-method", "tools/call"],
    ],
    body: call("look"),
    ...MISMATCH,
  },
  { title: "Mcp-Name names another tool", headers: [["mcp-name", "look"]], body: call("change"), ...MISMATCH },
  {
    title: "Mcp-Name in base64 names another tool",
    headers: [["mcp-name", base64("look")]],
    body: call("change"),
    ...MISMATCH,
  },
  { title: "Mcp-Name in broken base64", headers: [["mcp-name", "=?base64?%%%?="]], body: call("look"), ...MISMATCH },
  {
    title: "Mcp-Name in base64 of no UTF-8",
    headers: [["mcp-name", "=?base64?/w==?="]],
    body: call("look"),
    ...MISMATCH,
  },
  {
    title: "Mcp-Name twice",
    headers: [
      ["mcp-name", "look"],
      ["mcp-name", "change"],
    ],
    body: call("look"),
    ...MISMATCH,
  },
  {
    title: "2026-07-28 without Mcp-Method",
    headers: [
      ["mcp-protocol-version", MODERN],
      ["mcp-name", "look"],
    ],
    body: modern("look"),
    ...MISMATCH,
  },
  { title: "2026-07-28 without Mcp-Name", headers: MODERN_HEADERS, body: modern("look"), ...MISMATCH },
  { title: "2026-07-28 with another Mcp-Name", headers: named("look"), body: modern("change"), ...MISMATCH },
  {
    title: "the body claims 2026-07-28, the header 2025-11-25",
    headers: [["mcp-protocol-version", "2025-11-25"]],
    body: modern("look"),
    ...MISMATCH,
  },
  { title: "the body claims 2026-07-28, the header nothing", headers: [], body: modern("look"), ...MISMATCH },
  {
    title: "the header claims 2026-07-28, the body nothing",
    headers: named("look"),
    body: call("look"),
    status: 400,
    code: -32602,
  },
  {
    title: "the body claims a list of revisions",
    headers: named("look"),
    body: modern("look", {}, [MODERN]),
    status: 400,
    code: -32602,
  },
  {
    title: "the body claims a legacy revision",
    headers: [["mcp-protocol-version", "2025-11-25"]],
    body: modern("look", {}, "2025-11-25"),
    status: 400,
    code: -32022,
  },
  {
    title: "a revision nobody knows",
    headers: [["mcp-protocol-version", "2099-01-01"]],
    body: call("look"),
    status: 400,
    code: -32022,
  },
  {
    title: "two revisions",
    headers: [
      ["mcp-protocol-version", "2025-11-25"],
      ["mcp-protocol-version", MODERN],
    ],
    body: call("look"),
    ...MISMATCH,
  },
  {
    title: "Mcp-Param-Region names another region",
    headers: [...named("mirrored"), ["mcp-param-region", "eu"]],
    body: modern("mirrored", { region: "us" }),
    ...MISMATCH,
  },
  {
    title: "Mcp-Param-Region in base64 names another region",
    headers: [...named("mirrored"), ["mcp-param-region", base64("eu")]],
    body: modern("mirrored", { region: "us" }),
    ...MISMATCH,
  },
  {
    title: "Mcp-Param-Region for an argument that is not there",
    headers: [...named("mirrored"), ["mcp-param-region", "eu"]],
    body: modern("mirrored"),
    ...MISMATCH,
  },
  {
    title: "Mcp-Param-Region is missing",
    headers: named("mirrored"),
    body: modern("mirrored", { region: "us" }),
    ...MISMATCH,
  },
];

describe("R-148, R-149, R-150: headers that say something else than the body", () => {
  test.each(titled(DISAGREEMENTS))("%s", async (_, { headers, body, status, code }) => {
    const answer = await ground.ask({ headers: [...headersOf(granted.access_token), ...headers], body });
    expect({ status: answer.status, code: answer.code }).toEqual({ status, code });
    expect(ground.upstream.arrived).toEqual([]);
  });

  test("a call whose headers agree goes on, so the refusals above are for the disagreement", async () => {
    const headers: Headers = [...named(base64("mirrored")), ["mcp-param-region", "us"]];
    const body = modern("mirrored", { region: "us" });
    expect((await ground.ask({ headers: [...headersOf(granted.access_token), ...headers], body })).status).toBe(200);
  });
});

test("gateway-header-smuggle, token-passthrough: of a request full of other headers only the allow-list arrives", async () => {
  const smuggled: Headers = [
    ["cookie", "session=1"],
    ["x-user", "root"],
    ["x-forwarded-user", "root"],
    ["x-forwarded-for", "10.0.0.1"],
    ["x-forwarded-host", "evil.example"],
    ["forwarded", "for=10.0.0.1;host=evil.example"],
    ["x-real-ip", "10.0.0.1"],
    ["x-original-url", "/admin"],
    ["x-rewrite-url", "/admin"],
    ["x-http-method-override", "DELETE"],
    ["proxy-authorization", "Basic eA=="],
    ["dpop", "a.b.c"],
    ["x-api-key", "secret"],
    ["user-agent", "attacker"],
    ["referer", "https://evil.example/"],
    ["accept-encoding", "gzip"],
    ["accept-language", "tlh"],
    ["range", "bytes=0-1"],
    ["if-none-match", "*"],
    ["te", "trailers"],
    ["mcp_session_id", "upstream-session-1"],
    ["traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
  ];
  const answer = await ground.ask({ headers: [...headersOf(granted.access_token), ...smuggled], body: call("look") });
  expect(answer.status).toBe(200);
  const [arrived] = ground.upstream.arrived;
  expect(arrived?.headers.map(([name]) => name).sort()).toEqual([
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "host",
    "traceparent",
  ]);
  expect(arrived?.headers).toContainEqual(["accept-encoding", "identity"]);
  expect(arrived?.headers).toContainEqual(["host", new URL(ground.upstream.url).host]);
  expect(JSON.stringify(arrived)).not.toContain(granted.access_token);
});

const FOREIGN = { status: 403, code: -32000 };
const NAMES: readonly { title: string; headers: () => Headers; status: number; code: number | undefined }[] = [
  { title: "host-rebinding: a name of the attacker's", headers: () => [["host", "evil.example"]], ...FOREIGN },
  {
    title: "host-rebinding: a name of the attacker's on our port",
    headers: () => [["host", `evil.example:${port()}`]],
    ...FOREIGN,
  },
  {
    title: "host-rebinding: our name as a prefix",
    headers: () => [["host", `localhost.evil.example:${port()}`]],
    ...FOREIGN,
  },
  { title: "host-rebinding: our name on another port", headers: () => [["host", "localhost:1"]], ...FOREIGN },
  {
    title: "host-rebinding: our name with user information",
    headers: () => [["host", `localhost:${port()}@evil.example`]],
    ...FOREIGN,
  },
  { title: "host-rebinding: another loopback address", headers: () => [["host", `127.0.0.2:${port()}`]], ...FOREIGN },
  { title: "host-rebinding: 0.0.0.0", headers: () => [["host", `0.0.0.0:${port()}`]], ...FOREIGN },
  { title: "host-rebinding: an empty name", headers: () => [["host", ""]], ...FOREIGN },
  { title: "origin-unchecked: another site", headers: () => [["origin", "https://evil.example"]], ...FOREIGN },
  { title: "origin-unchecked: null, as a sandboxed frame says", headers: () => [["origin", "null"]], ...FOREIGN },
  {
    title: "origin-unchecked: our name as a prefix",
    headers: () => [["origin", "http://localhost.evil.example"]],
    ...FOREIGN,
  },
  { title: "origin-unchecked: a file", headers: () => [["origin", "file://"]], ...FOREIGN },
  { title: "origin-unchecked: an extension", headers: () => [["origin", "chrome-extension://abcdefgh"]], ...FOREIGN },
  {
    title: "origin-unchecked: loopback with something behind it",
    headers: () => [["origin", "http://localhost/evil"]],
    ...FOREIGN,
  },
  {
    title: "origin-unchecked: ours and another",
    headers: () => [
      ["origin", own().origin],
      ["origin", "https://evil.example"],
    ],
    ...FOREIGN,
  },
  { title: "origin-unchecked: an empty one", headers: () => [["origin", ""]], ...FOREIGN },
];

describe("R-27, R-28: names that are not ours", () => {
  test.each(titled(NAMES))("%s", async (_, { headers, status, code }) => {
    const given = headers();
    const answer = await ground.ask({ headers: [...given, ...headersOf(granted.access_token)], body: call("look") });
    expect({ status: answer.status, code: answer.code }).toEqual({ status, code });
    expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
    expect(ground.upstream.arrived).toEqual([]);
  });

  test.each(["/authorize", "/account", "/sign-in", "/jwks"])(
    "host-rebinding: %s is not served under another name",
    async (path) => {
      const answer = await ground.ask({ method: "GET", path, headers: [["host", "evil.example"]] });
      expect(answer.status).toBe(403);
    },
  );

  test("cors-wildcard-cred: no answer lets a page send cookies", async () => {
    for (const path of ["/mcp", "/token", "/register", "/.well-known/oauth-protected-resource/mcp"]) {
      const headers: Headers = [
        ["origin", "http://localhost:9"],
        ["access-control-request-method", "POST"],
      ];
      const answer = await ground.ask({ method: "OPTIONS", path, headers });
      expect(answer.status, path).toBe(204);
      expect(answer.headers["access-control-allow-credentials"], path).toBeUndefined();
    }
  });

  test("cors-wildcard-cred: pages of other sites get no leave to call", async () => {
    const headers: Headers = [
      ["origin", "https://evil.example"],
      ["access-control-request-method", "POST"],
    ];
    const answer = await ground.ask({ method: "OPTIONS", path: "/mcp", headers });
    expect({ status: answer.status, allowed: answer.headers["access-control-allow-origin"] }).toEqual({
      status: 403,
      allowed: undefined,
    });
  });
});

const DOCUMENTS = [
  "/.well-known/oauth-protected-resource/mcp",
  "/.well-known/oauth-protected-resource",
  "/.well-known/oauth-authorization-server",
  "/.well-known/openid-configuration",
];
const INJECTED: Headers = [
  ["x-forwarded-host", "evil.example"],
  ["x-forwarded-proto", "https"],
  ["x-forwarded-port", "444"],
  ["x-forwarded-prefix", "/evil"],
  ["forwarded", "host=evil.example;proto=https"],
  ["x-original-host", "evil.example"],
  ["x-host", "evil.example"],
];

describe("meta-host-injection: what is published comes from the configuration alone", () => {
  test.each(DOCUMENTS)("%s", async (path) => {
    const plain = await ground.ask({ method: "GET", path });
    const injected = await ground.ask({ method: "GET", path, headers: INJECTED });
    const byAddress = await ground.ask({
      method: "GET",
      path,
      headers: [["host", `127.0.0.1:${port()}`], ...INJECTED],
    });
    expect(plain.status).toBe(200);
    expect(injected.text).toBe(plain.text);
    expect(byAddress.text).toBe(plain.text);
    expect(plain.text).toContain(ground.program.issuer);
  });

  test("the challenge", async () => {
    const plain = await ground.ask({ body: call("look") });
    const injected = await ground.ask({ body: call("look"), headers: [["host", `127.0.0.1:${port()}`], ...INJECTED] });
    expect(injected.headers["www-authenticate"]).toBe(plain.headers["www-authenticate"]);
  });

  test("wellknown-guarded: whoever asks, with whatever token and from wherever, reads them", async () => {
    for (const path of DOCUMENTS) {
      const headers: Headers = [
        ["authorization", "Bearer x"],
        ["origin", "https://app.example"],
      ];
      const answer = await ground.ask({ method: "GET", path, headers });
      expect([answer.status, answer.headers["access-control-allow-origin"]], path).toEqual([200, "*"]);
      expect(answer.headers["content-type"], path).toMatch(/^application\/(?:[a-z-]+\+)?json/);
      expect(() => JSON.parse(answer.text), path).not.toThrow();
    }
  });

  test("scope-omnibus: the resource asks for little, and neither it nor the challenge for offline_access (R-11, R-12)", async () => {
    const { text } = await ground.ask({ method: "GET", path: "/.well-known/oauth-protected-resource/mcp" });
    expect(JSON.parse(text).scopes_supported).toEqual(["mcp:read"]);
    const challenge = (await ground.ask({ body: call("look") })).headers["www-authenticate"];
    expect(challenge).toContain('scope="mcp:read"');
  });

  const TRICKS = [
    "//.well-known/oauth-protected-resource/mcp",
    "/.well-known/oauth-protected-resource/mcp/",
    "/.well-known/oauth-protected-resource//mcp",
    "/.well-known/oauth-protected-resource/%6dcp",
    "/.well-known/oauth-protected-resource/MCP",
    "/.well-known/oauth-protected-resource/mcp/..;/admin",
    "/.well-known/oauth-protected-resource/other",
    "/.well-known/oauth-authorization-server/evil",
    "/.WELL-KNOWN/oauth-authorization-server",
    "/mcp/.well-known/oauth-protected-resource",
  ];
  test.each(TRICKS)("%s is nothing", async (path) => {
    const answer = await ground.ask({ method: "GET", path });
    expect(answer.status).toBe(404);
    expect(answer.text).not.toContain("authorization_servers");
  });
});

interface Framing {
  readonly title: string;
  readonly request: () => Buffer;
  readonly statuses: readonly number[];
  /** Calls that may have gone on: only those that had a token of their own. */
  readonly arrived?: number;
}

const request = (wire: WireRequest) => formatRequest(own().host, wire);
const authorized = (more: Headers = []): Headers => [bearer(granted.access_token), JSON_TYPE, ACCEPT, ...more];
const KEEP = ["connection", "keep-alive"] as const;
/** Without a token: what a smuggler wants to be taken for the next request of somebody else. */
const inner = () => request({ headers: [JSON_TYPE, ACCEPT], body: call("change") });
const chunked = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
const raw = (lines: readonly string[], body = call("look")) =>
  Buffer.from(
    `${["POST /mcp HTTP/1.1", `Host: ${own().host}`, `Authorization: Bearer ${granted.access_token}`, "Content-Type: application/json", ...lines].join("\r\n")}\r\n\r\n${body}`,
  );

const FRAMINGS: readonly Framing[] = [
  {
    title: "CL.TE: Content-Length and Transfer-Encoding",
    request: () =>
      Buffer.concat([
        request({
          headers: authorized([
            ["content-length", "5"],
            ["transfer-encoding", "chunked"],
          ]),
          body: "0\r\n\r\n",
        }),
        inner(),
      ]),
    statuses: [400],
  },
  {
    title: "TE.CL: Transfer-Encoding and Content-Length",
    request: () => raw(["Transfer-Encoding: chunked", "Content-Length: 4"], chunked(call("look"))),
    statuses: [400],
  },
  {
    title: "TE.TE: chunked is not the last coding",
    request: () => raw(["Transfer-Encoding: chunked, identity"], chunked(call("look"))),
    statuses: [400],
  },
  {
    title: "TE.TE: a coding nobody knows",
    request: () => raw(["Transfer-Encoding: xchunked"], chunked(call("look"))),
    statuses: [400],
  },
  {
    title: "TE.TE: two Transfer-Encoding headers",
    request: () => raw(["Transfer-Encoding: chunked", "Transfer-Encoding: identity"], chunked(call("look"))),
    statuses: [400],
  },
  { title: "CL.CL: two lengths", request: () => raw(["Content-Length: 5", "Content-Length: 90"]), statuses: [400] },
  { title: "CL: a length with a sign", request: () => raw(["Content-Length: +90"]), statuses: [400] },
  { title: "CL: a negative length", request: () => raw(["Content-Length: -1"]), statuses: [400] },
  { title: "CL: a length in hexadecimal", request: () => raw(["Content-Length: 0x5a"]), statuses: [400] },
  { title: "a space before the colon", request: () => raw(["Content-Length : 5"]), statuses: [400] },
  {
    title: "a folded header",
    request: () => raw(["X-A: b", " Transfer-Encoding: chunked", "Content-Length: 2"], "{}"),
    statuses: [400],
  },
  {
    title: "a bare line feed inside a header",
    request: () => raw(["X-A: b\nTransfer-Encoding: chunked", "Content-Length: 2"], "{}"),
    statuses: [400],
  },
  {
    title: "a bare carriage return inside a header",
    request: () => raw(["X-A: b\rTransfer-Encoding: chunked", "Content-Length: 2"], "{}"),
    statuses: [400],
  },
  { title: "NUL in a header", request: () => raw(["X-A: b\0c", "Content-Length: 2"], "{}"), statuses: [400] },
  {
    title: "a chunk size with an extension of line breaks",
    request: () => raw(["Transfer-Encoding: chunked"], `2;\n\r\n{}\r\n0\r\n\r\n`),
    statuses: [400],
  },
  {
    title: "the absolute form with another host",
    request: () => request({ path: "http://evil.example/mcp", headers: authorized(), body: call("look") }),
    statuses: [400],
  },
  { title: "the asterisk form", request: () => request({ method: "OPTIONS", path: "*" }), statuses: [400] },
  { title: "no Host", request: () => Buffer.from("GET /jwks HTTP/1.1\r\nConnection: close\r\n\r\n"), statuses: [400] },
  { title: "HTTP/1.0 without Host", request: () => Buffer.from("GET /account HTTP/1.0\r\n\r\n"), statuses: [403] },
  {
    title: "a request after the length of the first is a request of its own, and is told to come again",
    request: () => Buffer.concat([request({ headers: authorized([KEEP]), body: call("look") }), inner()]),
    statuses: [200, 503],
    arrived: 1,
  },
  {
    title: "a chunk of a refused request is no request",
    request: () =>
      Buffer.concat([
        request({
          headers: [JSON_TYPE, KEEP, ["transfer-encoding", "chunked"]],
          body: chunked(inner().toString("latin1")),
        }),
        request({ method: "HEAD", path: "/jwks" }),
      ]),
    statuses: [401, 200],
  },
];

describe("framing: one request is one request", () => {
  test.each(titled(FRAMINGS))("%s", async (_, row) => {
    const answers = parseAnswers(await exchangeBytes(port(), row.request()));
    expect(answers.map(({ status }) => status)).toEqual(row.statuses);
    expect(ground.upstream.arrived).toHaveLength(row.arrived ?? 0);
  });

  test("of ten pipelined requests one goes on, and no answer is taken for another's", async () => {
    const requests = Array.from({ length: 10 }, (_, id) =>
      request({ headers: authorized([KEEP]), body: call("look", {}, id) }),
    );
    const answers = parseAnswers(await exchangeBytes(port(), Buffer.concat(requests)));
    expect(answers.map(({ status }) => status)).toEqual([200, 503]);
    expect(JSON.parse(answers[0]?.text ?? "").id).toBe(0);
    expect(ground.upstream.arrived).toHaveLength(1);
  });

  test("an Upgrade is no way around the token", async () => {
    const upgrade: Headers = [
      ["connection", "Upgrade"],
      ["upgrade", "websocket"],
      ["sec-websocket-version", "13"],
      ["sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA=="],
    ];
    const socket = await openSocket(port());
    const answered = new Promise<Buffer>((resolve) => socket.once("data", resolve));
    socket.write(request({ method: "GET", headers: upgrade }));
    expect(parseAnswers(await answered)[0]?.status).toBe(401);
    socket.destroy();
  });

  test("connections that say nothing keep nobody out", async () => {
    const idle = await Promise.all(Array.from({ length: 200 }, () => openSocket(port())));
    for (const socket of idle) socket.write("POST /mcp HTTP/1.1\r\nHost: ");
    const answer = await ground.ask({ headers: authorized(), body: call("look") });
    expect(answer.status).toBe(200);
    for (const socket of idle) socket.destroy();
  });
});

describe("forms and documents of the authorization server", () => {
  test("a form without a length is refused before it is read", async () => {
    const answer = await ground.ask({
      path: "/token",
      headers: [
        ["content-type", "application/x-www-form-urlencoded"],
        ["transfer-encoding", "chunked"],
      ],
      body: chunked("grant_type=x"),
    });
    expect(answer.status).toBe(411);
  });

  test("a form of a gigabyte is refused before it is read", async () => {
    const answer = await ground.ask({ path: "/register", headers: [JSON_TYPE, ["content-length", "1000000000"]] });
    expect(answer.status).toBe(413);
  });

  test("a form of 70 KB is refused", async () => {
    const body = form({ grant_type: "authorization_code", code: "A".repeat(70_000) });
    const answer = await ground.ask({
      path: "/token",
      headers: [["content-type", "application/x-www-form-urlencoded"]],
      body,
    });
    expect({ status: answer.status, code: answer.code }).toEqual({ status: 413, code: "invalid_request" });
  });
});
