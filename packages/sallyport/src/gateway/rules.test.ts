import { afterEach, describe, expect, test } from "vitest";
import { parseConfig } from "../config/load.js";
import { PolicyHolder } from "../policy/policy-holder.js";
import { checkPolicy, createServerPolicy } from "../policy/server-policy.js";
import { call, createHarness, type Harness, TOOLS } from "./testing/harness.js";

const FILE = `
rules:
  - deny: tools/write_note
    when: '"blocked" in principal.roles'
    because: You were blocked.
servers:
  notes:
    upstream: http://127.0.0.1:9/mcp
    access: [{ roles: [staff], scopes: [mcp:read, mcp:write] }]
    rules:
      - deny: tools/write_note
        when: has(args.size) && args.size > 100
        because: Notes over 100 lines are written by hand.
      - deny: tools/read_notes
        when: args.all == true
        mode: record
`;

const config = parseConfig(FILE, { file: "/etc/sallyport.yaml", environment: {}, checks: [checkPolicy] });
const server = { name: "notes", config: config.servers.notes! };
const { policy } = createServerPolicy(config, server, { scopeOf: (tool) => TOOLS[tool] });

describe("a gateway with rules", () => {
  let harness: Harness;
  afterEach(() => harness.gateway.close());

  test("answers a denied call with 403, the sentence and no challenge, and forwards nothing (design §5.5)", async () => {
    harness = await createHarness({ resourceServer: { policy } });
    const answer = await harness.post(call("write_note", { size: 101 }, 7));
    expect(answer.status).toBe(403);
    expect(answer.headers.get("www-authenticate")).toBeNull();
    const because = "Notes over 100 lines are written by hand.";
    const data = { reason: "denied_by_rule", because, decisionId: expect.any(String) };
    expect(await answer.json()).toMatchObject({ id: 7, error: { code: -32000, message: because, data } });
    expect(harness.upstream.exchanges).toHaveLength(0);
  });

  test("lets a call pass that no rule denies", async () => {
    harness = await createHarness({ resourceServer: { policy } });
    const answer = await harness.post(call("write_note", { size: 100 }), await harness.caller({ scope: "mcp:write" }));
    expect(answer.status).toBe(200);
    expect(harness.upstream.exchanges).toHaveLength(1);
  });

  test("denies when a condition fails: here a number that a double cannot hold", async () => {
    harness = await createHarness({ resourceServer: { policy } });
    const exact = JSON.stringify(call("write_note", { size: 1 }));
    const answer = await harness.post(exact.replace('"size":1', '"size":9007199254740993'));
    expect(answer.status).toBe(403);
  });

  test("answers 200 with isError for `denials: result`, in both eras, and 403 for a batch", async () => {
    harness = await createHarness({ resourceServer: { policy, denials: "result" } });
    const denied = call("write_note", { size: 101 }, "a");
    const legacy = await harness.post(denied);
    expect(legacy.status).toBe(200);
    expect(await legacy.json()).toMatchObject({
      id: "a",
      result: { isError: true, content: [{ type: "text", text: "Notes over 100 lines are written by hand." }] },
    });
    const batch = await harness.post([denied]);
    expect(batch.status).toBe(403);
    expect(harness.upstream.exchanges).toHaveLength(0);
  });

  test("judges the rule before the scope, so that nobody is sent to consent in vain", async () => {
    harness = await createHarness({ resourceServer: { policy } });
    const poor = await harness.caller({ scope: "mcp:read" });
    expect((await harness.post(call("write_note", { size: 101 }), poor)).headers.get("www-authenticate")).toBeNull();
    const short = await harness.post(call("write_note", { size: 1 }), poor);
    expect(short.headers.get("www-authenticate")).toContain('error="insufficient_scope"');
  });

  test("lets a rule in record mode change nothing", async () => {
    harness = await createHarness({ resourceServer: { policy } });
    expect((await harness.post(call("read_notes", { all: true }))).status).toBe(200);
  });

  test("sees one policy or the other while they are swapped, and drops no request", async () => {
    const denying = (tool: string) => {
      const text = FILE.replace(/ {4}rules:[\s\S]*/, `    rules: [{ deny: tools/${tool} }]\n`);
      const changed = parseConfig(text, { file: "x.yaml", environment: {} });
      return createServerPolicy(
        changed,
        { name: "notes", config: changed.servers.notes! },
        { scopeOf: (name) => TOOLS[name] },
      );
    };
    // Each refuses the batch for another of its calls: only a request judged by half of both would be let through.
    const policies = [denying("read_notes"), denying("write_note")];
    const holder = new PolicyHolder(policies[0]!);
    harness = await createHarness({ resourceServer: { policy: holder } });
    const caller = await harness.caller({ scope: "mcp:write" });
    const batch = [call("read_notes", {}, 1), call("write_note", {}, 2)];
    const seen = new Set<string>();
    let swaps = 0;
    const swapping = setInterval(() => holder.swap(policies[++swaps % 2]!), 0);
    while (swaps < 50) {
      const answers = await Promise.all(Array.from({ length: 10 }, () => harness.post(batch, caller)));
      for (const answer of answers) seen.add(`${answer.status}`);
    }
    clearInterval(swapping);
    expect([...seen]).toEqual(["403"]);
    expect(harness.upstream.exchanges).toHaveLength(0);
  });
});
