import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { call, createHarness, type Harness } from "../../packages/sallyport/src/gateway/testing/harness.js";
import { titled } from "./ground.js";
import { parseAnswers } from "./wire.js";

/* Slowloris: callers that hold a connection by saying next to nothing. The bounds are short here; the defaults are 10 s and 30 s. */
let harness: Harness;
let authorization: string;

beforeAll(async () => {
  harness = await createHarness({ gateway: { limits: { headersTimeoutMs: 200, requestTimeoutMs: 400 } } });
  authorization = (await harness.caller()).authorization ?? "";
});
afterAll(() => harness.gateway.close());

/** Sends what it has, a piece every 20 ms, until the gateway has enough of it. */
function drip(first: string, piece: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(harness.port, "127.0.0.1");
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
    });
    socket.on("error", () => {});
    socket.write(first);
    const timer = setInterval(() => socket.write(piece), 20);
    socket.on("close", () => {
      clearInterval(timer);
      resolve(text);
    });
  });
}

const ROWS: readonly { readonly title: string; readonly first: () => string; readonly piece: string }[] = [
  { title: "a header a time", first: () => "POST /mcp HTTP/1.1\r\n", piece: "X-A: b\r\n" },
  { title: "a letter of a header a time", first: () => "POST /mcp HTTP/1.1\r\nX-A: ", piece: "b" },
  {
    title: "a letter of a body a time, with a good token",
    first: () =>
      `POST /mcp HTTP/1.1\r\nHost: localhost:${harness.port}\r\nAuthorization: ${authorization}\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n`,
    piece: " ",
  },
  {
    title: "a chunk of a body a time, with a good token",
    first: () =>
      `POST /mcp HTTP/1.1\r\nHost: localhost:${harness.port}\r\nAuthorization: ${authorization}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
    piece: "1\r\n \r\n",
  },
];

describe("slowloris: a caller that says next to nothing is let go of", () => {
  test.each(titled(ROWS))("%s", async (_, { first, piece }) => {
    const callers = Array.from({ length: 20 }, () => drip(first(), piece));
    expect((await harness.post(call("read_notes"))).status).toBe(200);
    const statuses = (await Promise.all(callers)).map((text) => parseAnswers(Buffer.from(text, "latin1"))[0]?.status);
    expect(new Set(statuses)).toEqual(new Set([408]));
    await expect.poll(() => harness.gateway.openExchanges).toBe(0);
  });
});
