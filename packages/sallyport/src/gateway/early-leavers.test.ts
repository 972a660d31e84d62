import { once } from "node:events";
import { connect } from "node:net";
import { verifySignatureNode } from "@sallyport/auth/node";
import { expect, test } from "vitest";
import { call, createHarness } from "./testing/harness.js";

test("a client that leaves while its token is looked at leaves no exchange behind", async () => {
  let asked: () => void = () => {};
  let goOn: () => void = () => {};
  const looking = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const gone = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  let verdict: Promise<unknown> = Promise.resolve();
  const harness = await createHarness({
    resourceServer: {
      verifySignature: (...args) => {
        asked();
        const answer = gone.then(() => verifySignatureNode(...args));
        verdict = answer;
        return answer;
      },
    },
  });
  const { authorization } = await harness.caller();
  const body = JSON.stringify(call("read_notes"));
  const head = `POST /mcp HTTP/1.1\r\nHost: localhost:${harness.port}\r\nAuthorization: ${authorization}\r\n`;
  const socket = connect(harness.port, "127.0.0.1");
  // The body never comes whole: nothing but the end of the connection could end the wait for it.
  socket.write(`${head}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 9)}`);
  await looking;
  socket.destroy();
  await once(socket, "close");
  // A round trip on another connection: by then the listener has heard of the end of the first.
  await fetch(harness.url, { method: "HEAD" });
  goOn();
  await verdict;
  await fetch(harness.url, { method: "HEAD" });
  expect(harness.gateway.openExchanges).toBe(0);
  expect(harness.upstream.exchanges).toEqual([]);
  await harness.gateway.close();
});
