import { connect, type Socket } from "node:net";
import { noteExchange } from "../fixtures/watched-program.js";

/** A request byte for byte: no client library adds, joins, sorts or corrects anything. */
export interface WireRequest {
  readonly method?: string;
  readonly path?: string;
  /** Sent in this order, repeated names included. `host` and `content-length` are added unless they are named here. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body?: string | Uint8Array;
}

export interface WireAnswer {
  readonly status: number;
  /** Lower case; repeated ones joined with a line feed, which no header holds. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** The OAuth `error` or the JSON-RPC `error.code` of the body. */
  readonly code: string | number | undefined;
}

const TIME_LIMIT_MS = 10_000;

export function formatRequest(host: string, request: WireRequest): Buffer {
  const { method = "POST", path = "/mcp", headers = [], body = "" } = request;
  const has = (name: string) => headers.some(([given]) => given.toLowerCase() === name);
  const bytes = Buffer.from(body as string);
  const lines = [
    `${method} ${path} HTTP/1.1`,
    ...(has("host") ? [] : [`host: ${host}`]),
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...(has("content-length") || has("transfer-encoding") || (bytes.length === 0 && method !== "POST")
      ? []
      : [`content-length: ${bytes.length}`]),
    ...(has("connection") ? [] : ["connection: close"]),
  ];
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), bytes]);
}

/** Opens a socket to a loopback port. */
export function openSocket(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => resolve(socket));
    socket.once("error", reject);
  });
}

/** Everything that comes until the peer closes. */
export async function exchangeBytes(port: number, bytes: Uint8Array): Promise<Buffer> {
  const socket = await openSocket(port);
  const chunks: Buffer[] = [];
  socket.setTimeout(TIME_LIMIT_MS, () => socket.destroy(new Error("nothing came for ten seconds")));
  return new Promise((resolve, reject) => {
    socket.on("data", (chunk) => chunks.push(chunk));
    // A peer that refuses a body resets the connection while that still comes; what it said before counts.
    socket.on("error", (error) => (chunks.length === 0 ? reject(error) : resolve(Buffer.concat(chunks))));
    socket.on("close", () => resolve(Buffer.concat(chunks)));
    socket.write(bytes);
  });
}

export async function send(url: string, request: WireRequest): Promise<WireAnswer> {
  const { host, port } = new URL(url);
  const [answer] = parseAnswers(await exchangeBytes(Number(port), formatRequest(host, request)));
  if (answer === undefined) throw new Error("the connection closed without an answer");
  noteExchange(url, {
    headers: headersOf(request.headers ?? []),
    answer: { headers: headersOf(entriesOf(answer)), text: () => answer.text },
  });
  return answer;
}

function entriesOf({ headers }: WireAnswer): readonly (readonly [string, string])[] {
  return Object.entries(headers).flatMap(([name, value]) => value.split("\n").map((one) => [name, one] as const));
}

/** As far as they are headers: tests send what is none. */
function headersOf(pairs: readonly (readonly [string, string])[]): Headers {
  const headers = new Headers();
  for (const [name, value] of pairs) {
    try {
      headers.append(name, value);
    } catch {
      // Nobody's secret.
    }
  }
  return headers;
}

/** The answers in the bytes of one connection, as HTTP/1.1 frames them. */
export function parseAnswers(bytes: Buffer): readonly WireAnswer[] {
  const answers: WireAnswer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf("\r\n\r\n", at);
    if (end === -1) break;
    const [first = "", ...lines] = bytes.toString("latin1", at, end).split("\r\n");
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const colon = line.indexOf(":");
      const name = line.slice(0, colon).toLowerCase();
      const value = line.slice(colon + 1).trim();
      headers[name] = headers[name] === undefined ? value : `${headers[name]}\n${value}`;
    }
    const status = Number(first.split(" ")[1]);
    const body = readBody(bytes, end + 4, headers);
    at = body.end;
    if (status >= 200) answers.push({ status, headers, text: body.text, code: codeOf(body.text) });
  }
  return answers;
}

function readBody(bytes: Buffer, from: number, headers: Readonly<Record<string, string>>) {
  if (headers["transfer-encoding"] !== "chunked") {
    const end = headers["content-length"] === undefined ? bytes.length : from + Number(headers["content-length"]);
    return { text: bytes.toString("utf8", from, end), end };
  }
  const parts: Buffer[] = [];
  let at = from;
  for (;;) {
    const line = bytes.indexOf("\r\n", at);
    const size = line === -1 ? 0 : Number.parseInt(bytes.toString("latin1", at, line), 16);
    if (size === 0) return { text: Buffer.concat(parts).toString("utf8"), end: line === -1 ? bytes.length : line + 4 };
    parts.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}

function codeOf(text: string): string | number | undefined {
  try {
    const value = JSON.parse(text);
    const { error } = Array.isArray(value) ? value[0] : value;
    return typeof error === "object" ? error?.code : error;
  } catch {
    return undefined;
  }
}
