import { type EvaluationInput, evaluate, type JsonObject } from "@sallyport/auth";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseConfig } from "../config/load.js";
import type { RecordedQuestion } from "./recorded.js";
import { createReplay, enforceAll, type RecordedMoment } from "./replay.js";
import { checkPolicy, createServerPolicy } from "./server-policy.js";

const HOLE = "[redacted]";

function configOf(server: string, rest = "") {
  const text = `publicUrl: https://mcp.example.com\nservers:\n  crm: { upstream: "http://127.0.0.1:9001/mcp", ${server} }\n${rest}`;
  return parseConfig(text, { file: "new.yaml", environment: {}, checks: [checkPolicy], accessOptional: true });
}

const question = (over: Partial<RecordedQuestion> = {}): RecordedQuestion => ({
  server: "crm",
  method: "tools/call",
  kind: "tool",
  name: "update_contact",
  toolScope: "mcp:write",
  revision: "2025-11-25",
  iss: "https://mcp.example.com",
  sub: "u-1",
  client: "app",
  roles: ["support"],
  names: ["alice"],
  scopes: "mcp:write",
  entitled: "mcp:read mcp:write",
  http: "POST",
  address: "192.0.2.7",
  ...over,
});

const moment = (args?: JsonObject | "lost", over: Partial<RecordedMoment> = {}): RecordedMoment => ({
  time: 1_800_000_000,
  committed: args !== undefined,
  inexact: false,
  keptArguments: () => (args === undefined || args === "lost" ? undefined : JSON.stringify(args)),
  ...over,
});

const replayOf = (server: string, rest?: string) => createReplay({ config: configOf(server, rest), redacted: HOLE });
const rule = (when: string) => `rules: [{ deny: tools/update_contact, when: ${JSON.stringify(when)} }]`;
const decided = (when: string, args: JsonObject | "lost" | undefined, over?: Partial<RecordedMoment>) =>
  replayOf(rule(when))(question(), moment(args, over)).answer;

describe("arguments that were not kept whole", () => {
  const answers: readonly (readonly [when: string, args: JsonObject | "lost" | undefined, answer: string])[] = [
    ["args.n > 5", { n: 6 }, "rule"],
    ["args.n > 5", { n: 4, secret: HOLE }, "allow"],
    ["args.n > 5", "lost", "undecidable"],
    ["has(args.n) && args.n > 5", undefined, "allow"],
    ["args.secret == 'x'", { secret: HOLE }, "undecidable"],
    ["args.n > 5 && args.secret == 'x'", { n: 4, secret: HOLE }, "allow"],
    ["args.secret == 'x' && args.n > 5", { n: 4, secret: HOLE }, "allow"],
    ["args.secret == 'x' || args.n > 5", { n: 6, secret: HOLE }, "rule"],
    ["args.secret == 'x' || args.n > 5", { n: 4, secret: HOLE }, "undecidable"],
    ["has(args.secret)", { secret: HOLE }, "rule"],
    ["has(args.other)", { secret: HOLE }, "allow"],
    ["'secret' in args", { secret: HOLE }, "rule"],
    ["args == {'secret': 'x'}", { secret: HOLE }, "undecidable"],
    ["{'secret': 'x'} == args", { secret: HOLE }, "undecidable"],
    ["args.o == {'a': 1.0}", { o: { a: 1 }, secret: HOLE }, "rule"],
    ["args.o == {'a': 'x'}", { o: { a: HOLE } }, "undecidable"],
    ["args.o != {'a': 'x'}", { o: { a: HOLE } }, "undecidable"],
    ["'x' in args.l", { l: ["y", HOLE] }, "undecidable"],
    ["size(args.l) == 2", { l: ["y", "z"] }, "rule"],
    ["args.l.exists(i, i.n == 1)", { l: [{ n: 1, secret: HOLE }] }, "rule"],
    ["args.l.exists(i, i.secret == 'x')", { l: [{ n: 1, secret: HOLE }] }, "undecidable"],
    ["{'n': 1, 'secret': 'x'} in args.l", { l: [{ n: 1, secret: HOLE }] }, "undecidable"],
    ["args.exists(k, k == 'secret')", { secret: HOLE }, "rule"],
    ["args.n.size() > 5", { n: 6, secret: HOLE }, "rule"],
    ["principal.sub == 'u-1' || args.n > 5", "lost", "rule"],
    ["principal.sub == 'u-2' && args.n > 5", "lost", "allow"],
    ["args.n > 5 ? true : true", "lost", "undecidable"],
    ["request.remoteAddress == '192.0.2.7'", "lost", "rule"],
    ["time.getFullYear() == 2027", "lost", "rule"],
  ];
  test.each(answers)("%s of %j: %s", (when, args, answer) => expect(decided(when, args)).toBe(answer));

  test("that held a number which nobody could read deny again, and are asked only by conditions that read them", () => {
    expect(decided("args.n > 5", { n: 4 }, { inexact: true })).toBe("rule");
    expect(decided("principal.sub == 'u-2' && args.n > 5", { n: 4 }, { inexact: true })).toBe("allow");
  });

  const conditions = [
    "args.a == 1",
    "has(args.a) && args.a > 2",
    "args.a == args.b",
    "has(args.o) && args.o.x == 's'",
    "args.o == {'x': 's'}",
    "has(args.l) && args.l.all(i, i == 1)",
    "'s' in args.l",
    "args.l == ['s', 1]",
    "has(args.l) && args.l[0] == 's' || has(args.a) && args.a == 1",
    "size(args) == 1",
    "args.m.exists(i, i.x == 's')",
    "{'x': 's'} in args.m",
    "type(args.a) == string ? args.a == 's' : args.b == 1",
  ];
  const leaf = fc.constantFrom(1, 3, "s", true, null);
  const object = fc.record(
    {
      a: leaf,
      b: leaf,
      o: fc.record({ x: leaf, y: leaf }, { requiredKeys: [] }),
      l: fc.array(leaf, { maxLength: 3 }),
      m: fc.array(fc.record({ x: leaf, y: leaf }, { requiredKeys: ["x"] }), { maxLength: 2 }),
    },
    { requiredKeys: [] },
  );
  const replays = conditions.map((when) => replayOf(rule(when)));

  test("never lead to a guess: whatever is taken out, the answer is the true one or none", () => {
    let open = 0;
    fc.assert(
      fc.property(object, fc.nat(conditions.length - 1), fc.infiniteStream(fc.boolean()), (args, which, hides) => {
        const hide = (value: unknown): unknown => {
          if (hides.next().value) return HOLE;
          if (Array.isArray(value)) return value.map(hide);
          if (typeof value !== "object" || value === null) return value;
          return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, hide(member)]));
        };
        const kept = Object.fromEntries(Object.entries(args).map(([name, value]) => [name, hide(value)]));
        const replay = replays[which];
        const truth = replay?.(question(), moment(args as JsonObject)).answer;
        const answer = replay?.(question(), moment(kept as JsonObject)).answer;
        if (answer === "undecidable") open++;
        else expect(answer).toBe(truth);
      }),
      { numRuns: 3_000 },
    );
    expect(open).toBeGreaterThan(100);
  });
});

describe("what else was not recorded whole", () => {
  const resource = (name: string): Partial<RecordedQuestion> => ({ kind: "resource", method: "resources/read", name });
  const scopes = "scopes: { 'mcp:read': { allow: ['resources/https://a.example/**', 'resources/file:///x?v=1'] } }";
  const cases: readonly (readonly [name: string, answer: string])[] = [
    ["https://a.example/list?…", "allow"],
    ["https://b.example/list?…", "unknown"],
    ["file:///x?…", "undecidable"],
    ["file:///y?…", "unknown"],
    [`https://a.example/${"x".repeat(237)}…`, "allow"],
  ];
  test.each(cases)("the resource %s: %s", (name, answer) => {
    expect(replayOf(scopes)(question({ ...resource(name), scopes: "mcp:read" }), moment()).answer).toBe(answer);
  });

  test("a condition that reads a cut name cannot tell", () => {
    const rules = `rules: [{ deny: resources/**, when: 'call.name.endsWith("v=1")' }, { deny: tools/** }]`;
    expect(replayOf(rules)(question(resource("file:///x?…")), moment()).answer).toBe("undecidable");
    expect(replayOf(rules)(question(resource("file:///x")), moment()).answer).toBe("allow");
  });
});

describe("entitlements and tools are those of then", () => {
  const cases: readonly (readonly [access: string, over: Partial<RecordedQuestion>, answer: string])[] = [
    ["[{ roles: [support], scopes: [mcp:write] }]", {}, "allow"],
    ["[{ roles: [sales], scopes: [mcp:write] }]", {}, "unknown"],
    ["[{ users: [alice], scopes: [mcp:write] }]", {}, "allow"],
    ["[{ users: [bob], scopes: [mcp:write] }]", {}, "unknown"],
    ["[{ users: [bob], scopes: [mcp:write] }]", { allowed: "mcp:write" }, "allow"],
    ["[{ users: [bob], scopes: [mcp:write] }]", { names: ["alice", "bob"] }, "allow"],
    [
      "[{ users: ['https://i.example|7'], scopes: [mcp:write] }]",
      { iss: "https://i.example", sub: "7", names: [] },
      "allow",
    ],
    ["[{ clients: [robot], scopes: [mcp:write] }]", { asClient: true, sub: "robot" }, "allow"],
    ["[{ roles: [support], scopes: [mcp:write] }]", { asClient: true, sub: "robot" }, "unknown"],
    ["[{ roles: [support], scopes: [mcp:write] }]", { toolScope: "mcp:read", scopes: "mcp:read" }, "allow"],
    ["[{ roles: [support], scopes: [mcp:write] }]", { scopes: "mcp:read" }, "scope"],
  ];
  test.each(cases)("access %s for %j: %s", (access, over, answer) => {
    const clients = "clients: { robot: { name: Robot, secret: { env: ROBOT_SECRET } } }";
    expect(replayOf(`access: ${access}`, clients)(question(over), moment()).answer).toBe(answer);
  });

  test("a tool that the catalogue did not know, and a server that the file does not have, are as if missing", () => {
    const { toolScope: _, ...unknown } = question();
    expect(replayOf("")(unknown, moment()).answer).toBe("unknown");
    expect(replayOf("")(question({ server: "gone" }), moment())).toMatchObject({ answer: "unknown", rule: "default" });
  });
});

describe("rules in record mode", () => {
  const config = configOf("rules: [{ deny: tools/update_*, mode: record }, { deny: tools/x, mode: record }]");
  test("change no answer, and are told of", () => {
    const replay = createReplay({ config, redacted: HOLE });
    expect(replay(question(), moment())).toMatchObject({ answer: "allow", recorded: ["crm.rules[0]@new.yaml:3"] });
  });

  test("`mode: enforce` is what a rule without one is in, and counts more than the mode of its server", () => {
    const rules = (mode: string) => `rules: [{ deny: tools/update_*${mode} }]`;
    for (const server of [rules(""), rules(", mode: enforce"), `mode: record, ${rules(", mode: enforce")}`]) {
      const replay = createReplay({ config: configOf(server), redacted: HOLE });
      expect(replay(question(), moment())).toMatchObject({ answer: "rule", recorded: [] });
    }
    const recording = createReplay({ config: configOf(`mode: record, ${rules("")}`), redacted: HOLE });
    expect(recording(question(), moment())).toMatchObject({ answer: "allow", recorded: ["crm.rules[0]@new.yaml:3"] });
  });

  test("deny when all rules are enforced, those of a whole server in record mode too", () => {
    for (const one of [config, configOf("mode: record, rules: [{ deny: tools/update_* }]")]) {
      const replay = createReplay({ config: enforceAll(one), redacted: HOLE });
      expect(replay(question(), moment())).toMatchObject({ answer: "rule", recorded: [] });
    }
  });

  test("that cannot tell are told of apart", () => {
    const replay = replayOf("rules: [{ deny: tools/**, when: args.n > 5, mode: record }]");
    expect(replay(question(), moment("lost"))).toMatchObject({
      answer: "allow",
      recorded: [],
      unsure: [expect.any(String)],
    });
  });
});

test("a token with single calls that nobody kept is decided only where it made no difference", () => {
  const answer = (over: Partial<RecordedQuestion>) => replayOf("rules: []")(question(over), moment()).answer;
  expect(answer({ scopes: "mcp:read", details: ["d1"] })).toBe("undecidable");
  expect(answer({ scopes: "mcp:write", details: ["d1"] })).toBe("allow");
  expect(answer({ scopes: "mcp:read" })).toBe("scope");
  expect(replayOf("rules: [{ deny: tools/* }]")(question({ scopes: "", details: ["d1"] }), moment()).answer).toBe(
    "rule",
  );
});

test("the same policy decides again as it decided, for random callers, calls and rules", () => {
  const roles = fc.subarray(["support", "sales", "finance"]);
  const scopes = fc.subarray(["mcp:read", "mcp:write"]);
  const when = fc.constantFrom(
    ...["args.n > 2", '"sales" in principal.roles', '"mcp:write" in principal.scopes', "args.missing == 1"],
    ...['call.name == "a"', "time.getSeconds() % 2 == 0", 'has(principal.actor) && principal.actor.sub == "agent"'],
  );
  const rules = fc.array(
    fc.record({
      effect: fc.constantFrom("deny", "allow"),
      glob: fc.constantFrom("tools/a", "tools/*", "tools/b*"),
      when,
    }),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(rules, roles, scopes, fc.constantFrom("a", "b", "bc"), fc.nat(5), (listed, has, token, name, n) => {
      const text = listed.map((one) => `{ ${one.effect}: ${one.glob}, when: ${JSON.stringify(one.when)} }`).join(", ");
      const config = configOf(`access: [{ roles: [support, sales], scopes: [mcp:write] }], rules: [${text}]`);
      const asked = question({
        name,
        roles: has,
        scopes: token.join(" "),
        ...(n === 0 && { actors: [{ sub: "agent" }] }),
      });
      const server = config.servers.crm ?? expect.unreachable();
      const { policy } = createServerPolicy(config, { name: "crm", config: server }, { scopeOf: () => "mcp:write" });
      const entitled = has.includes("support") || has.includes("sales") ? ["mcp:write"] : [];
      const input: EvaluationInput = {
        principal: {
          ...{ iss: asked.iss, sub: asked.sub, client_id: "app", sid: undefined, jti: undefined, kind: "user" },
          ...{ scopes: token, actor: asked.actors?.[0], chain: [], cnf: undefined, roles: has, exp: 0, iat: 0 },
        },
        entitled,
        call: {
          ...{ server: "crm", revision: "2025-11-25", method: "tools/call", kind: "tool", name },
          arguments: { n },
        },
        request: { method: "POST", remoteAddress: "192.0.2.7" },
        now: 1_800_000_000 + n,
      };
      const then = evaluate(policy, input);
      const now = createReplay({ config, redacted: HOLE })(asked, moment({ n }, { time: 1_800_000_000 + n }));
      expect(now.answer).toBe(then.outcome === "allow" ? "allow" : then.kind);
      expect(now.rule).toBe(then.rule);
    }),
    { numRuns: 300 },
  );
});

describe("what servers ask of clients", () => {
  const asked = (over: Partial<RecordedQuestion> = {}) => {
    const { toolScope: _, ...rest } = question({ kind: "request", method: "sampling/createMessage", name: "sampling" });
    return { ...rest, scopes: "", ...over };
  };

  test("is decided by the rules that name it, and needs no scope", () => {
    expect(replayOf("")(asked(), moment()).answer).toBe("allow");
    expect(replayOf("rules: [{ deny: requests/sampling }]")(asked(), moment()).answer).toBe("rule");
  });

  test("stays refused where nobody could read it", () => {
    expect(replayOf("")(asked({ rule: "protocol" }), moment())).toMatchObject({ answer: "rule", rule: "protocol" });
  });
});
