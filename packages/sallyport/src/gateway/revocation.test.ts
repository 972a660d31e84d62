import { request as httpRequest, type IncomingMessage } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import type { Standing } from "./contract.js";
import { type Answer, events } from "./testing/fake-upstream.js";
import { call, createHarness, type Harness, plainSealer } from "./testing/harness.js";

const running: Harness[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map(({ gateway }) => gateway.close()));
});

/** A gateway whose callers stand as the test says, and the way to let it look. */
async function start(answer: Answer) {
  let standing: Standing = "live";
  let look = () => {};
  const harness = await createHarness({
    answer,
    gateway: {
      standing: {
        standing: () => standing,
        onLook: (listener) => {
          look = listener;
          return () => {};
        },
      },
    },
  });
  running.push(harness);
  const become = (next: Standing) => {
    standing = next;
    look();
  };
  return { ...harness, become };
}

const silent: Answer = () => {};

async function openStream({ port, caller }: Harness, claims: Record<string, unknown> = {}): Promise<IncomingMessage> {
  const owner = { iss: `http://localhost:${port}`, sub: "user-1", client_id: "client-1" };
  const headers = {
    ...(await caller({ sid: "s-1", ...claims })),
    "mcp-session-id": plainSealer.sealId({ kind: "session", server: "" }, "raw", owner),
  };
  return new Promise((resolve, reject) => {
    httpRequest({ port, host: "127.0.0.1", path: "/mcp", headers }, resolve).once("error", reject).end();
  });
}

const ended = (response: IncomingMessage) =>
  new Promise<void>((resolve, reject) => response.resume().once("end", resolve).once("error", reject));

describe("when a session is revoked", () => {
  test("its stream ends and the upstream is told", async () => {
    const gateway = await start(events(": hi\n\n"));
    const response = await openStream(gateway);
    gateway.become("revoked");
    await ended(response);
    expect(gateway.upstream.exchanges[0]?.aborted).toBe("revoked");
    await expect.poll(() => gateway.gateway.openExchanges).toBe(0);
  });

  test("a call that waits for its answer is 401, so that the client asks again", async () => {
    const gateway = await start(silent);
    const answer = gateway.post(call("read_notes"));
    await expect.poll(() => gateway.upstream.open).toBe(1);
    gateway.become("revoked");
    expect((await answer).status).toBe(401);
    expect(gateway.upstream.open).toBe(0);
  });
});

describe("when nobody knows any more", () => {
  test("a standing stream ends, and a call under way may finish", async () => {
    const gateway = await start((exchange) => {
      if (exchange.request.method === "GET") events(": hi\n\n")(exchange);
    });
    const response = await openStream(gateway);
    const answer = gateway.post(call("read_notes"));
    await expect.poll(() => gateway.upstream.open).toBe(2);
    gateway.become("stale");
    await ended(response);
    const { handler } = gateway.upstream.exchanges[1] ?? {};
    handler?.onHead(200, { "content-type": "application/json" });
    handler?.onData(Buffer.from("{}"));
    handler?.onEnd();
    expect((await answer).status).toBe(200);
  });
});

describe("the expiry of the token a stream was opened with", () => {
  test("does not end it while its session lives", async () => {
    const gateway = await start(events(": hi\n\n"));
    const response = await openStream(gateway);
    gateway.system.advance(3_600);
    gateway.become("live");
    expect(gateway.upstream.exchanges[0]?.aborted).toBeUndefined();
    response.destroy();
  });

  test("ends it where no session says when the grant ends", async () => {
    const gateway = await start(events(": hi\n\n"));
    const response = await openStream(gateway, { sid: undefined });
    gateway.system.advance(3_600);
    gateway.become("live");
    await ended(response);
    expect(gateway.upstream.exchanges[0]?.aborted).toBe("expired");
  });
});
