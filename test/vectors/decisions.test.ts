import { readdirSync, readFileSync } from "node:fs";
import {
  callsOf,
  clientRequestCall,
  type EvaluationInput,
  evaluate,
  type JsonObject,
  judgedCalls,
  type Liveness,
  type McpCall,
  McpError,
  MODERN,
  type Principal,
  parseChallenges,
  parseMcpBody,
  parseScope,
  type Revision,
  readCallDetails,
  type System,
} from "@sallyport/auth";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseConfig } from "../../packages/sallyport/src/config/load.js";
import { type Answer as FakeAnswer, json } from "../../packages/sallyport/src/gateway/testing/fake-upstream.js";
import { createHarness, type Harness } from "../../packages/sallyport/src/gateway/testing/harness.js";
import { type Ask, answerAsk } from "../../packages/sallyport/src/policy/ask.js";
import { entitledScopes } from "../../packages/sallyport/src/policy/entitlement.js";
import { type Explanation, explainBody } from "../../packages/sallyport/src/policy/explain.js";
import {
  checkPolicy,
  createServerPolicy,
  type ServerPolicy,
} from "../../packages/sallyport/src/policy/server-policy.js";

/*
 * What is decided, as data: each case with an answer that was reasoned by hand. Three ways to it must give that answer: the engine, a live
 * gateway over HTTP, and `explain`.
 */

interface Who {
  readonly sub: string;
  readonly roles: readonly string[];
  readonly scope: string;
  readonly client?: string;
  readonly act?: readonly string[];
  /** Single calls of the token, in the form in which they are granted but for their place. */
  readonly details?: readonly JsonObject[];
}

interface Case {
  readonly title: string;
  readonly policy: string;
  readonly who: Who;
  readonly revision: Revision;
  /** Method and params; params as JSON text where their spelling counts. */
  readonly messages: readonly (readonly [method: string, params: JsonObject | string])[];
  readonly batch?: boolean;
  /**
   * What the server asks of the client while it answers: method and params. The answer that is expected is then that of these, and the call
   * itself is allowed. `asksBy: error`: by an error that wants addresses opened, else in the way of the revision.
   */
  readonly asks?: readonly (readonly [method: string, params: JsonObject | string])[];
  readonly asksBy?: "error";
  /** The call that made a task before, by whom (default: the same) and when (default: at the same time). */
  readonly task?: {
    readonly id: string;
    readonly tool: string;
    readonly arguments: JsonObject;
    readonly by?: Who;
    readonly time?: string;
  };
  readonly time?: string;
  readonly address?: string;
  readonly expect: Answer;
  readonly why?: string;
}

interface Answer {
  readonly answer: "allow" | "unknown" | "rule" | "scope" | "invalid";
  /** Without its place in the file. */
  readonly rule?: string;
  readonly scopes?: readonly string[];
}

interface Policies {
  readonly [name: string]: { readonly file: readonly string[]; readonly tools: Readonly<Record<string, string>> };
}

const FOLDER = new URL("./decisions/", import.meta.url);
const read = (name: string) => JSON.parse(readFileSync(new URL(name, FOLDER), "utf8"));
const policies: Policies = read("policies.json");
const files = readdirSync(FOLDER).filter((name) => name !== "policies.json");
const cases = files.flatMap((name) =>
  (read(name) as Case[]).map((one) => ({ ...one, title: `${name}: ${one.title}` })),
);

const NOW = 1_800_000_000;
const secondsOf = (time: string | undefined) => (time === undefined ? NOW : Date.parse(time) / 1000);

const compiled = new Map(
  Object.entries(policies).map(([name, { file, tools }]) => {
    const options = { file: "policy.yaml", environment: {}, checks: [checkPolicy] };
    const config = parseConfig(file.join("\n"), options);
    const server = { name, config: config.servers[name]! };
    return [name, createServerPolicy(config, server, { scopeOf: (tool) => tools[tool] })] as const;
  }),
);
const policyOf = (name: string): ServerPolicy => compiled.get(name)!;

const entitledOf = ({ sub, roles }: Who, { scopes, config }: ServerPolicy) =>
  entitledScopes({
    user: { name: sub, roles, owner: false, disabled: false },
    scopes,
    access: config.access,
    allowed: [],
  });

const placed = (details: readonly JsonObject[], location: string) =>
  details.map((detail) => ({ locations: [location], ...detail }));

const clientOf = ({ client }: Who) => client ?? "app";

function bodyOf({ messages, batch, revision }: Pick<Case, "messages" | "batch" | "revision">): string {
  const meta = `{"_meta":{"io.modelcontextprotocol/protocolVersion":"${MODERN}"}`;
  const texts = messages.map(([method, params], index) => {
    const plain = typeof params === "string" ? params : JSON.stringify(params);
    const text = revision !== MODERN ? plain : plain === "{}" ? `${meta}}` : `${meta},${plain.slice(1)}`;
    return `{"jsonrpc":"2.0","id":${index + 1},"method":${JSON.stringify(method)},"params":${text}}`;
  });
  return batch ? `[${texts.join(",")}]` : (texts[0] ?? "");
}

/** The call that made the task, for whoever may see it. */
function creatorOf({ task, who, revision }: Case, server: string) {
  return (taskId: string): McpCall | undefined => {
    if (task?.id !== taskId || (task.by ?? who).sub !== who.sub) return undefined;
    return { server, revision, method: "tools/call", kind: "tool", name: task.tool, arguments: task.arguments };
  };
}

function inputOf(one: Case): Omit<EvaluationInput, "call"> {
  const { who } = one;
  const time = secondsOf(one.time);
  const [actor, ...chain] = (who.act ?? []).map((sub) => ({ sub }));
  const principal: Principal = {
    iss: "https://as.example.com",
    sub: who.sub,
    client_id: clientOf(who),
    sid: undefined,
    jti: undefined,
    scopes: parseScope(who.scope),
    ...(who.details && { details: readCallDetails(placed(who.details, "https://mcp.example.com/mcp")) }),
    kind: clientOf(who) === who.sub ? "client" : "user",
    actor,
    chain,
    cnf: undefined,
    roles: who.roles,
    exp: time + 600,
    iat: time,
  };
  const request = { method: "POST", remoteAddress: one.address ?? "127.0.0.1" } as const;
  return { principal, entitled: entitledOf(who, policyOf(one.policy)), request, now: time };
}

const withoutPlace = (rule: string) => rule.replace(/@.*$/, "");
const KINDS = ["unknown", "rule", "scope"] as const;

function callsIn(one: Case): readonly McpCall[] {
  const body = parseMcpBody(Buffer.from(bodyOf(one)));
  const context = { server: one.policy, revision: one.revision, creatingCall: creatorOf(one, one.policy) };
  const asked = body.messages.flatMap((message) => (message.type === "response" ? [] : callsOf(message, context)));
  return judgedCalls(body, asked);
}

function callOfServer(one: Case, [method, params]: readonly [string, JsonObject | string]): readonly McpCall[] {
  const body = parseMcpBody(Buffer.from(bodyOf({ messages: [[method, params]], revision: "2025-11-25" })));
  const [message] = body.messages;
  if (message === undefined || message.type === "response") return [];
  const call = clientRequestCall(message, { server: one.policy, revision: one.revision });
  return call === undefined ? [] : judgedCalls(body, [call]);
}

function byEngine(one: Case): Answer {
  const { policy } = policyOf(one.policy);
  let calls: readonly McpCall[];
  try {
    calls = one.asks === undefined ? callsIn(one) : one.asks.flatMap((asked) => callOfServer(one, asked));
  } catch (error) {
    if (error instanceof McpError) return { answer: "invalid" };
    throw error;
  }
  const decisions = calls.map((call) => evaluate(policy, { ...inputOf(one), call }));
  for (const kind of KINDS) {
    const denied = decisions
      .filter((decision) => decision.outcome === "deny")
      .filter((decision) => decision.kind === kind);
    if (denied.length === 0) continue;
    return {
      answer: kind,
      rule: withoutPlace(denied[0]!.rule),
      scopes: [...new Set(denied.flatMap(({ scopes }) => scopes))],
    };
  }
  return { answer: "allow", rule: withoutPlace(decisions[0]!.rule) };
}

/** As the command asks, wherever one question is one request; batches are beyond its flags. */
function byExplain(one: Case): Answer {
  const policy = policyOf(one.policy);
  if (one.asks !== undefined) return explainedAsks(one, one.asks, policy);
  const explanation = one.batch
    ? explainedBatch(one, policy)
    : answerAsk(policy, askOf(one), { name: one.policy, now: NOW });
  const { outcome, rule, missingScopes } = explanation;
  return { answer: outcome, rule: withoutPlace(rule), scopes: missingScopes };
}

/** One question for each thing that the server asks; the first that is refused answers for all. */
function explainedAsks(one: Case, asks: NonNullable<Case["asks"]>, policy: ServerPolicy): Answer {
  const explanations = asks.map(([method, params]) => {
    const { method: _, ...question } = askOf({ ...one, messages: [[method, params]] });
    return answerAsk(policy, { ...question, request: method.replace(/\/.*/, "") }, { name: one.policy, now: NOW });
  });
  const { outcome, rule } = explanations.find(({ allow }) => !allow) ?? explanations[0]!;
  return { answer: outcome, rule: withoutPlace(rule) };
}

function explainedBatch(one: Case, policy: ServerPolicy): Explanation {
  const question = { ...inputOf(one), server: one.policy, revision: one.revision };
  return explainBody(policy, Buffer.from(bodyOf(one)), question);
}

function askOf(one: Case): Ask {
  const { who, revision, task } = one;
  const [method, params] = one.messages[0]!;
  const common = {
    sub: who.sub,
    client: clientOf(who),
    kind: clientOf(who) === who.sub ? ("client" as const) : ("user" as const),
    scope: who.scope,
    ...(who.details && { details: JSON.stringify(who.details) }),
    roles: who.roles,
    act: who.act ?? [],
    revision,
    time: secondsOf(one.time),
    address: one.address ?? "127.0.0.1",
  };
  const isOwnTask = task !== undefined && (task.by ?? who).sub === who.sub;
  if (isOwnTask) return { ...common, method, tool: task.tool, args: JSON.stringify(task.arguments) };
  return { ...common, method, args: typeof params === "string" ? params : JSON.stringify(params) };
}

/** A gateway whose records and clock are those of the case, and which keeps what went through. */
class Live {
  who: Who | undefined;
  now = NOW;
  /** What the server asks of the client, instead of answering at once. */
  asking: Case | undefined;
  private constructor(
    readonly harness: Harness,
    readonly policy: ServerPolicy,
  ) {}

  static async start(name: string): Promise<Live> {
    const policy = policyOf(name);
    const self: { live?: Live } = {};
    const liveness = (): Liveness => {
      const who = self.live!.who!;
      return { status: "live", roles: who.roles, entitled: entitledOf(who, policy), granted: undefined };
    };
    const system = { now: () => self.live?.now ?? NOW } as Partial<System>;
    const { createMemoryStorage, createTestSystem } = await import("@sallyport/auth/testing");
    const harness = await createHarness({
      liveness,
      resourceServer: {
        policy: policy.policy,
        server: name,
        baseline: policy.baseline,
        details: createMemoryStorage(),
        system: { ...createTestSystem(), ...system },
      },
      gateway: { trustedProxies: ["127.0.0.1"] },
      answer: (exchange) => {
        const asking = self.live?.asking;
        if (asking !== undefined) return answerWithAsks(asking)(exchange);
        const [message] = exchange.request.parsed!.messages;
        const { id, params } = message as { id: number; params?: JsonObject };
        const made = params?.test as string | undefined;
        const task =
          exchange.request.revision === MODERN ? { resultType: "task", taskId: made } : { task: { taskId: made } };
        json({ jsonrpc: "2.0", id, result: made === undefined ? { content: [] } : task })(exchange);
      },
    });
    self.live = new Live(harness, policy);
    return self.live;
  }

  async headers(one: Pick<Case, "messages" | "revision" | "batch" | "address">): Promise<Record<string, string>> {
    const who = this.who!;
    const act = [...(who.act ?? [])]
      .reverse()
      .reduce<object | undefined>((inner, sub) => ({ sub, ...(inner && { act: inner }) }), undefined);
    const claims = {
      sub: who.sub,
      client_id: clientOf(who),
      scope: who.scope,
      iat: this.now,
      exp: this.now + 600,
      ...(act && { act }),
      ...(who.details && { authorization_details: placed(who.details, `http://localhost:${this.harness.port}/mcp`) }),
    };
    const [method, params] = one.messages[0]!;
    const named = (typeof params === "string" ? JSON.parse(params) : params) as Record<string, unknown>;
    const name = method.startsWith("tasks/")
      ? named.taskId
      : method === "resources/read"
        ? named.uri
        : method === "tools/call" || method === "prompts/get"
          ? named.name
          : undefined;
    const modern = one.revision === MODERN && {
      "mcp-method": method,
      ...(typeof name === "string" && { "mcp-name": headerValue(name) }),
    };
    return {
      ...(await this.harness.caller(claims)),
      "mcp-protocol-version": one.revision,
      ...modern,
      ...(one.address !== undefined && { "x-forwarded-for": one.address }),
    };
  }

  /** Makes the task of a case, by a call that is allowed. */
  async make({ task, who, revision }: Case): Promise<void> {
    if (task === undefined) return;
    this.who = task.by ?? { ...who, scope: this.policy.scopes.join(" ") };
    this.now = secondsOf(task.time);
    const extension = {
      "io.modelcontextprotocol/clientCapabilities": { extensions: { "io.modelcontextprotocol/tasks": {} } },
    };
    const meta = { "io.modelcontextprotocol/protocolVersion": MODERN, ...extension };
    const params = {
      name: task.tool,
      arguments: task.arguments,
      test: task.id,
      ...(revision === MODERN ? { _meta: meta } : { task: {} }),
    };
    const message = { jsonrpc: "2.0", id: 1, method: "tools/call", params };
    const answer = await this.harness.post(
      message,
      await this.headers({ messages: [["tools/call", params]], revision }),
    );
    expect(answer.status).toBe(200);
    await answer.text();
  }

  async ask(one: Case): Promise<Answer> {
    await this.make(one);
    this.who = one.who;
    this.now = secondsOf(one.time);
    this.asking = one.asks && one;
    const before = this.harness.upstream.exchanges.length;
    const answer = await this.harness.post(bodyOf(one), await this.headers(one));
    const text = await answer.text();
    const forwarded = this.harness.upstream.exchanges.length - before;
    if (one.asks !== undefined) return seenByClient(text, one);
    const seen = answerOf(answer, text, one.revision);
    // Whatever is refused is not heard of behind the gateway, and whatever is allowed is: the very bytes.
    expect(forwarded).toBe(seen.answer === "allow" ? 1 : 0);
    return seen;
  }
}

/** The server asks in the way of its revision: by a request of its own in the stream, by an answer that wants input, or by an error. */
function answerWithAsks({ asks = [], asksBy, revision }: Case): FakeAnswer {
  const inputs = asks.map(([method, params]) => {
    const text = typeof params === "string" ? params : JSON.stringify(params);
    return `"method":${JSON.stringify(method)},"params":${text}`;
  });
  if (asksBy === "error") {
    const elicitations = asks.map(([, params]) => params);
    return json({
      jsonrpc: "2.0",
      id: 1,
      error: { code: -32042, message: "Open these first.", data: { elicitations } },
    });
  }
  return ({ handler }) => {
    const done = '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}';
    const requests = inputs.map((input, index) => `{"jsonrpc":"2.0","id":"ask-${index}",${input}}`);
    const wanted = inputs.map((input, index) => `"ask-${index}":{${input}}`);
    const answers =
      revision === MODERN
        ? [`{"jsonrpc":"2.0","id":1,"result":{"resultType":"input_required","inputRequests":{${wanted.join(",")}}}}`]
        : [...requests, done];
    handler.onHead(200, { "content-type": "text/event-stream" });
    handler.onData(Buffer.from(answers.map((answer) => `data: ${answer}\n\n`).join("")));
    handler.onEnd();
  };
}

/** Whatever is refused is not seen by the client, in no form, and whatever is allowed is. */
function seenByClient(text: string, { asks = [], asksBy, revision }: Case): Answer {
  const isInError = asksBy === "error";
  const messages = isInError
    ? [JSON.parse(text)]
    : [...text.matchAll(/^data: (.+)$/gm)].map(([, data = ""]) => JSON.parse(data));
  const asked = messages.flatMap(({ method, result, error }) => [
    ...(method === undefined ? [] : [method]),
    ...Object.values<{ method: string }>(result?.inputRequests ?? {}).map((one) => one.method),
    ...(error?.data?.elicitations ?? []).map(() => "elicitation/create"),
  ]);
  const refused = messages.some(({ error }) => error?.data?.reason === "denied_by_rule");
  if (asked.length === 0) {
    // The client hears of a refusal where the answer itself asked, and else gets the answer alone.
    expect(refused).toBe(revision === MODERN || isInError);
    return { answer: "rule" };
  }
  expect(asked).toEqual(asks.map(([method]) => method));
  expect(refused).toBe(false);
  return { answer: "allow" };
}

function headerValue(name: string): string {
  return /^[\x21-\x7e]+$/.test(name) ? name : `=?base64?${Buffer.from(name).toString("base64")}?=`;
}

/** The kind of an answer, told by what a client sees. */
function answerOf(answer: Response, text: string, revision: Revision): Answer {
  const body = text === "" ? {} : JSON.parse(text);
  const { error } = Array.isArray(body) ? body[0] : body;
  if (answer.status === 403 && answer.headers.has("www-authenticate")) {
    const [challenge] = parseChallenges(answer.headers.get("www-authenticate")!);
    expect(challenge!.parameters.error).toBe("insufficient_scope");
    return { answer: "scope", scopes: parseScope(challenge!.parameters.scope!) };
  }
  if (answer.status === 403) return { answer: error.data.reason === "denied_by_rule" ? "rule" : "unknown" };
  if (error === undefined) return { answer: "allow" };
  const hidden = /^Unknown (?:tool|prompt|resource): /.test(error.message);
  if (hidden) expect(answer.status).toBe(revision === MODERN ? 400 : 200);
  return { answer: hidden ? "unknown" : "invalid" };
}

const lives = new Map<string, Live>();
beforeAll(async () => {
  for (const name of Object.keys(policies)) lives.set(name, await Live.start(name));
});
afterAll(async () => {
  for (const live of lives.values()) await live.harness.gateway.close();
});

describe("a decision", () => {
  test("has at least 150 cases of all kinds, with titles of their own", () => {
    expect(cases.length).toBeGreaterThanOrEqual(150);
    expect(new Set(cases.map(({ title }) => title)).size).toBe(cases.length);
  });

  test.each(cases)("$title", async (one) => {
    const { answer, rule, scopes = [] } = one.expect;
    const full = { answer, ...(rule !== undefined && { rule }), ...(answer === "scope" && { scopes }) };
    expect.soft(byEngine(one), "engine").toMatchObject(full);
    expect.soft(byExplain(one), "explain").toMatchObject(full);
    const live = await lives.get(one.policy)!.ask(one);
    expect.soft(live.answer, "gateway").toBe(answer);
    if (answer !== "scope") return;
    // clients up to 2025-11-25 ask for exactly what a challenge names, so it repeats what they hold.
    const held = one.revision === MODERN ? [] : parseScope(one.who.scope);
    expect.soft(new Set(live.scopes), "challenge").toEqual(new Set([...held, ...scopes]));
  });
});
