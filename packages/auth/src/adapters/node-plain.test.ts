import { createServer, type IncomingHttpHeaders, request, type Server, type ServerOptions } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PlainAnswer } from "../authorization-server/responses.js";
import {
  createTestAuthorizationServer,
  TEST_ISSUER,
  type TestAuthorizationServer,
} from "../testing/authorization-server.js";
import { nodeCryptography } from "./node-cryptography.js";
import { sendPlainAnswer, toPlainRequest } from "./node-plain.js";

let as: TestAuthorizationServer;
let server: Server;
let port: number;

beforeAll(async () => {
  as = await createTestAuthorizationServer({ cryptography: nodeCryptography, introspectedBy: () => [] });
  server = createServer((req, res) => {
    const answer = as.answer(toPlainRequest(req, TEST_ISSUER));
    if (answer === undefined) res.writeHead(404).end("not plain");
    else answer.then((answered) => sendPlainAnswer(res, answered)).catch(() => res.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

interface Asked {
  readonly title: string;
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string;
}

interface Answered {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

function send({ method, path, headers = {}, body }: Omit<Asked, "title">): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, path, method, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, text }));
    });
    sent.once("error", reject).end(body);
  });
}

const FORM = { "content-type": "application/x-www-form-urlencoded" };
const CLIENT = "Basic YTpi";

const REQUESTS: readonly Asked[] = [
  { title: "a document", method: "GET", path: "/.well-known/oauth-authorization-server" },
  { title: "a document's head", method: "HEAD", path: "/jwks" },
  { title: "a preflight", method: "OPTIONS", path: "/token" },
  { title: "another method", method: "GET", path: "/token" },
  { title: "another method where scripts may not call", method: "GET", path: "/introspect" },
  { title: "a query", method: "POST", path: "/token?grant_type=refresh_token", headers: FORM, body: "a=1" },
  { title: "no body", method: "POST", path: "/token", headers: FORM },
  {
    title: "another type",
    method: "POST",
    path: "/token",
    headers: { "content-type": "application/json" },
    body: "{}",
  },
  { title: "no client", method: "POST", path: "/token", headers: FORM, body: "grant_type=refresh_token" },
  { title: "not UTF-8", method: "POST", path: "/token", headers: FORM, body: "grant_type=%FF" },
  { title: "too much", method: "POST", path: "/token", headers: FORM, body: `a=${"x".repeat(70_000)}` },
  { title: "a repeated parameter", method: "POST", path: "/revoke", headers: FORM, body: "token=a&token=b" },
  {
    title: "two Authorization headers",
    method: "POST",
    path: "/token",
    headers: { ...FORM, authorization: [CLIENT, CLIENT] },
    body: "grant_type=refresh_token",
  },
  {
    title: "two proofs",
    method: "POST",
    path: "/token",
    headers: { ...FORM, dpop: ["a", "b"] },
    body: "grant_type=refresh_token&client_id=a",
  },
  {
    title: "a registration",
    method: "POST",
    path: "/register",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ redirect_uris: ["javascript:alert(1)"] }),
  },
];

describe("an endpoint for programs answers over node:http as it does by Request and Response", () => {
  test.each(REQUESTS)("$title", async ({ method, path, headers = {}, body }) => {
    const plain = await send({ method, path, headers, ...(body !== undefined && { body }) });
    const pairs = Object.entries(headers).flatMap(([name, value]) => [value].flat().map((one) => [name, one]));
    const init = { method, headers: pairs as [string, string][], ...(body !== undefined && { body }) };
    const whole = await as.handle(new Request(TEST_ISSUER + path, init));
    expect(plain.status).toBe(whole?.status);
    expect(plain.text).toBe(await whole?.text());
    for (const [name, value] of whole?.headers ?? []) expect([name, plain.headers[name]]).toEqual([name, value]);
  });

  test.each(["/authorize", "/consent", "/", "/token/", "/TOKEN", "//token", "/x/../token"])(
    "%s is none of them",
    async (path) => {
      expect((await send({ method: "GET", path })).text).toBe("not plain");
    },
  );

  test("a body that goes on after it was refused ends the connection with the answer", async () => {
    const socket = connect(port, "127.0.0.1");
    const head = "POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    socket.write(`${head}Content-Length: 900000\r\n\r\n${"x".repeat(100_000)}`);
    let text = "";
    for await (const chunk of socket) text += String(chunk);
    expect(text).toContain("HTTP/1.1 413");
    expect(text.toLowerCase()).toContain("connection: close");
  });
});

describe("an answer as bytes", () => {
  const listening: Server[] = [];
  afterAll(() => {
    for (const one of listening) one.close();
  });

  /** What one connection gets for `requests`, without what node adds. */
  async function bytesOf(answers: readonly PlainAnswer[], requests: readonly string[], options: ServerOptions = {}) {
    let next = 0;
    const one = createServer(options, (req, res) => {
      const answered = answers[next++];
      req.resume().on("end", () => setImmediate(() => answered && sendPlainAnswer(res, answered)));
    });
    listening.push(one);
    await new Promise<void>((resolve) => one.listen(0, "127.0.0.1", resolve));
    const socket = connect((one.address() as AddressInfo).port, "127.0.0.1");
    socket.write(requests.map((line) => `${line}\r\nHost: x\r\n\r\n`).join(""));
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks)
      .toString("utf8")
      .replace(/^(?:Date|Keep-Alive|Connection): .*\r\n/gim, "");
  }
  const LAST = "GET /last HTTP/1.1\r\nConnection: close";
  const last = new PlainAnswer(200, {}, "last");
  const end = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlast";

  test.each([
    ["ASCII", new PlainAnswer(400, { a: "b" }, "plain"), "400 Bad Request\r\na: b\r\ncontent-length: 5\r\n\r\nplain"],
    ["more than Latin-1", new PlainAnswer(200, {}, "é😀"), "200 OK\r\ncontent-length: 6\r\n\r\né😀"],
    ["no body", new PlainAnswer(202, {}, null), "202 Accepted\r\ncontent-length: 0\r\n\r\n"],
    ["no content", new PlainAnswer(204, {}, null), "204 No Content\r\n\r\n"],
  ])("%s, on a connection that goes on", async (_, answer, expected) => {
    expect(await bytesOf([answer, last], ["GET / HTTP/1.1", LAST])).toBe(`HTTP/1.1 ${expected}${end}`);
  });

  test("of a HEAD is its head alone", async () => {
    const expected = `HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n${end}`;
    expect(await bytesOf([new PlainAnswer(200, {}, "plain"), last], ["HEAD / HTTP/1.1", LAST])).toBe(expected);
  });

  test.each([
    ["GET", 204, "204 No Content\r\n\r\n"],
    ["HEAD", 200, "200 OK\r\ncontent-length: 0\r\n\r\n"],
  ])("without a body is sent to a %s by a server that rejects writes of one (%d)", async (method, status, expected) => {
    const answers = [new PlainAnswer(status, {}, null), last];
    const options = { rejectNonStandardBodyWrites: true };
    expect(await bytesOf(answers, [`${method} / HTTP/1.1`, LAST], options)).toBe(`HTTP/1.1 ${expected}${end}`);
  });
});
