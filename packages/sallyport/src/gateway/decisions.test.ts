import { describe, expect, it, onTestFinished } from "vitest";
import type { Decided, DecisionRecorder } from "../decision-log/contract.js";
import { call, createHarness, type Harness } from "./testing/harness.js";

async function recording(record: DecisionRecorder["record"]): Promise<Harness> {
  const harness = await createHarness({ server: { decisions: { record } } });
  onTestFinished(() => harness.gateway.close());
  return harness;
}

describe("the gateway's decisions", () => {
  it("are recorded, allowed and refused ones, each with its call and where it came from", async () => {
    const seen: Decided[] = [];
    const { post, caller } = await recording((decided) => void seen.push(decided));
    const headers = { ...(await caller()), traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` };
    await post(call("read_notes"), headers);
    const refused = await post(call("write_note", {}, "second"), headers);
    const { error } = (await refused.json()) as { error: { data: { decisionId: string } } };
    expect(seen.map(({ judged }) => judged.map(({ call: { name }, decision }) => [name, decision.outcome]))).toEqual([
      [["read_notes", "allow"]],
      [["write_note", "deny"]],
    ]);
    expect(seen[1]).toMatchObject({
      decisionId: error.data.decisionId,
      traceparent: headers.traceparent,
      request: { method: "POST", remoteAddress: "127.0.0.1" },
      body: { messages: [{ id: "second" }] },
    });
  });

  it("are not carried out before a record that must be durable is", async () => {
    let release: () => void = () => {};
    const durable = new Promise<void>((resolve) => {
      release = resolve;
    });
    let asked: () => void = () => {};
    const recorded = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const { post, upstream } = await recording(() => {
      asked();
      return durable;
    });
    const answer = post(call("read_notes"));
    await recorded;
    expect(upstream.exchanges).toHaveLength(0);
    release();
    expect((await answer).status).toBe(200);
    expect(upstream.exchanges).toHaveLength(1);
  });

  it.each([
    ["at once", () => Promise.reject(new Error("ENOSPC"))],
    [
      "later",
      () => {
        throw new Error("ENOSPC");
      },
    ],
  ])("are refused with 503, Retry-After and the request's id when the log fails %s", async (_, record) => {
    const { post, upstream } = await recording(record);
    const answer = await post(call("read_notes", {}, 7));
    expect(answer.status).toBe(503);
    expect(answer.headers.get("retry-after")).toBe("1");
    expect(await answer.json()).toMatchObject({ id: 7, error: { code: -32603, data: { reason: "log_unavailable" } } });
    expect(upstream.exchanges).toHaveLength(0);
  });
});
