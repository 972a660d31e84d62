import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createHttpUpstream, type HttpUpstream } from "../upstream/http.js";
import { call, createHarness, type Harness, plainSealer } from "./testing/harness.js";

const CLIENTS = 5_000;
const AT_ONCE = 100;

let behind: Server;
let upstream: HttpUpstream;
let harness: Harness;

/** Big answers that no client takes whole, and streams that never end. */
beforeAll(async () => {
  const piece = Buffer.alloc(32_768, "0");
  behind = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { "content-type": request.method === "GET" ? "text/event-stream" : "text/plain" });
    response.write(piece);
    if (request.method !== "GET") for (let count = 0; count < 10; count++) response.write(piece);
  });
  await new Promise<void>((resolve) => behind.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(behind.address() as AddressInfo).port}/mcp`;
  harness = await createHarness();
  upstream = createHttpUpstream({ url, system: harness.system });
  await harness.gateway.close();
  harness = await createHarness({ server: { upstream } });
});
afterAll(async () => {
  await harness.gateway.close();
  await upstream.close();
  behind.closeAllConnections();
  behind.close();
});

/** Sends a part or the whole of a request, and leaves: at once, or when the first byte of the answer is there. */
function visit(bytes: Buffer, leave: "at once" | "in the answer"): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(harness.port, "127.0.0.1", () => {
      socket.write(bytes);
      if (leave === "at once") setImmediate(() => socket.destroy());
    });
    socket.once("data", () => socket.destroy());
    socket.once("error", () => {});
    socket.once("close", () => resolve());
  });
}

/** What the process holds, by kind: sockets, timers. */
function held(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
  return { sockets: counts.TCPSocketWrap ?? 0, timers: counts.Timeout ?? 0 };
}

test("5,000 clients that leave in the middle leave nothing behind: no exchange, slot, socket or timer", {
  timeout: 120_000,
}, async () => {
  const { authorization = "" } = await harness.caller();
  const owner = { iss: `http://localhost:${harness.port}`, sub: "user-1", client_id: "client-1" };
  const session = plainSealer.sealId({ kind: "session", server: "" }, "raw", owner);
  const head = `Host: localhost:${harness.port}\r\nAuthorization: ${authorization}\r\n`;
  const body = JSON.stringify(call("read_notes"));
  const post = `POST /mcp HTTP/1.1\r\n${head}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const get = `GET /mcp HTTP/1.1\r\n${head}Mcp-Session-Id: ${session}\r\n\r\n`;
  const visits: readonly (() => Promise<void>)[] = [
    () => visit(Buffer.from(post.slice(0, 30)), "at once"),
    () => visit(Buffer.from(post.slice(0, -10)), "at once"),
    () => visit(Buffer.from(post), "at once"),
    () => visit(Buffer.from(post), "in the answer"),
    () => visit(Buffer.from(get), "in the answer"),
  ];
  const before = held();
  let answered = 0;
  for (let count = 0; count < CLIENTS; count += AT_ONCE) {
    const batch = Array.from({ length: AT_ONCE }, (_, index) => visits[index % visits.length]?.());
    await Promise.all(batch);
    answered = Math.max(answered, upstream.stats().connected);
  }
  expect(answered).toBeGreaterThan(0);
  await expect.poll(() => harness.gateway.openExchanges, { timeout: 10_000 }).toBe(0);
  await expect.poll(() => upstream.stats(), { timeout: 10_000 }).toMatchObject({ exchanges: 0, running: 0 });
  // Idle keep-alive connections to the upstream may stay; nothing grows with the number of clients.
  await expect.poll(() => held().sockets, { timeout: 10_000 }).toBeLessThan((before.sockets ?? 0) + 2 * AT_ONCE);
  expect(held().timers).toBeLessThan((before.timers ?? 0) + 10);
  const sane = await harness.post(call("read_notes"));
  expect(sane.status).toBe(200);
  await sane.body?.cancel();
});
