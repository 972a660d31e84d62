import { describe, expect, it } from "vitest";
import { type McpCall, MODERN, REVISIONS, type Revision } from "./mcp-call.js";
import { McpError } from "./mcp-error.js";
import { type McpMessage, type McpRequest, parseMcpBody } from "./mcp-message.js";
import { callsOf, METHODS } from "./method-table.js";

const creating: McpCall = {
  server: "crm",
  revision: "2025-11-25",
  method: "tools/call",
  kind: "tool",
  name: "slow_report",
  arguments: { year: 2026 },
};

function read(
  message: object,
  revision: Revision = MODERN,
  tasks: Record<string, McpCall> = { "task-1": creating },
): readonly McpCall[] {
  const [parsed] = parseMcpBody(new TextEncoder().encode(JSON.stringify({ jsonrpc: "2.0", ...message }))).messages;
  const creatingCall = (id: string) => (Object.hasOwn(tasks, id) ? tasks[id] : undefined);
  return callsOf(parsed as Exclude<McpMessage, { type: "response" }>, { server: "crm", revision, creatingCall });
}

const request = (method: string, params?: object) => ({ id: 7, method, ...(params && { params }) });
const brief = (calls: readonly McpCall[]) =>
  calls.map(({ kind, name }) => (name === undefined ? kind : `${kind} ${name}`));

function refusal(run: () => unknown): McpError {
  try {
    run();
  } catch (error) {
    if (error instanceof McpError) return error;
    throw error;
  }
  throw new Error("was accepted");
}

describe("callsOf", () => {
  it.each<[string, object, readonly string[]]>([
    ["server/discover", {}, ["protocol"]],
    ["tools/list", {}, ["protocol"]],
    ["tools/call", { name: "echo", arguments: { a: 1 } }, ["tool echo"]],
    ["tools/call", { name: "echo", task: { ttl: 1 } }, ["tool echo"]],
    ["tools/call", { name: "echo", inputResponses: {}, requestState: "x" }, ["tool echo"]],
    ["prompts/list", {}, ["protocol"]],
    ["prompts/get", { name: "greet" }, ["prompt greet"]],
    ["resources/list", { cursor: "x" }, ["protocol"]],
    ["resources/templates/list", {}, ["protocol"]],
    ["resources/read", { uri: "FILE:///a%62c" }, ["resource file:///abc"]],
    [
      "completion/complete",
      { ref: { type: "ref/prompt", name: "greet" }, argument: { name: "a", value: "b" } },
      ["prompt greet"],
    ],
    ["completion/complete", { ref: { type: "ref/resource", uri: "demo://R/{id}" } }, ["resource demo://r/{id}"]],
    ["subscriptions/listen", {}, ["protocol"]],
    ["subscriptions/listen", { notifications: { toolsListChanged: true } }, ["protocol"]],
    [
      "subscriptions/listen",
      { notifications: { resourceSubscriptions: ["demo://a", "demo://B"], taskIds: ["task-1"] } },
      ["protocol", "resource demo://a", "resource demo://b", "tool slow_report"],
    ],
    ["subscriptions/listen", { taskIds: ["task-1"] }, ["protocol", "tool slow_report"]],
    ["tasks/get", { taskId: "task-1" }, ["tool slow_report"]],
    ["tasks/cancel", { taskId: "task-1" }, ["tool slow_report"]],
    ["tasks/update", { taskId: "task-1" }, ["tool slow_report"]],
  ])("2026-07-28: %s with %j touches %j", (method, params, expected) => {
    expect(brief(read(request(method, params)))).toEqual(expected);
  });

  it.each<[string, object, readonly string[]]>([
    ["initialize", {}, ["protocol"]],
    ["ping", {}, ["protocol"]],
    ["logging/setLevel", { level: "debug" }, ["protocol"]],
    ["resources/subscribe", { uri: "demo://a" }, ["resource demo://a"]],
    ["resources/unsubscribe", { uri: "demo://a" }, ["resource demo://a"]],
    ["tasks/list", {}, ["protocol"]],
    ["tasks/result", { taskId: "task-1" }, ["tool slow_report"]],
  ])("2025-11-25: %s with %j touches %j", (method, params, expected) => {
    expect(brief(read(request(method, params), "2025-11-25"))).toEqual(expected);
  });

  it("hands on server, revision, method and arguments", () => {
    expect(read(request("tools/call", { name: "echo", arguments: { a: [1] } }), "2025-06-18")).toEqual([
      {
        server: "crm",
        revision: "2025-06-18",
        method: "tools/call",
        kind: "tool",
        name: "echo",
        arguments: { a: [1] },
      },
    ]);
  });

  it("R-49: judges a task as the call that created it, under the method that is asked", () => {
    expect(read(request("tasks/cancel", { taskId: "task-1" }), "2025-11-25")).toEqual([
      { ...creating, method: "tasks/cancel" },
    ]);
  });

  it("takes requests without params", () => {
    expect(brief(read({ id: 7, method: "tools/list" }))).toEqual(["protocol"]);
  });

  it.each([
    ["notifications/initialized", "2025-03-26"],
    ["notifications/cancelled", MODERN],
    ["notifications/progress", "2025-06-18"],
    ["notifications/roots/list_changed", "2025-11-25"],
    ["notifications/tasks/status", "2025-11-25"],
  ] as const)("takes the notification %s in %s", (method, revision) => {
    expect(brief(read({ method }, revision))).toEqual(["protocol"]);
  });

  it.each([
    ["initialize", MODERN],
    ["ping", MODERN],
    ["logging/setLevel", MODERN],
    ["resources/subscribe", MODERN],
    ["tasks/list", MODERN],
    ["tasks/result", MODERN],
    ["server/discover", "2025-11-25"],
    ["subscriptions/listen", "2025-11-25"],
    ["tasks/get", "2025-06-18"],
    ["tasks/update", "2025-11-25"],
    ["sampling/createMessage", "2025-11-25"],
    ["elicitation/create", "2025-11-25"],
    ["roots/list", "2025-11-25"],
    ["tools/Call", MODERN],
    ["tools/call ", MODERN],
    ["", MODERN],
    ["__proto__", MODERN],
    ["constructor", MODERN],
  ] as const)("refuses %j in %s as not found", (method, revision) => {
    expect(refusal(() => read(request(method, { taskId: "task-1", uri: "demo://a" }), revision))).toMatchObject({
      status: 404,
      code: -32601,
      message: `Method not found: ${JSON.stringify(method)}`,
      options: { id: 7 },
    });
  });

  it.each([
    ["a server's notification", { method: "notifications/message" }, 404, -32601],
    ["an unknown notification", { method: "notifications/x" }, 404, -32601],
    ["notifications/initialized in 2026-07-28", { method: "notifications/initialized" }, 404, -32601],
    ["a notification sent as a request", request("notifications/cancelled"), 404, -32601],
    [
      "a call sent as a notification, which nobody would answer",
      { method: "tools/call", params: { name: "a" } },
      400,
      -32600,
    ],
  ])("refuses %s", (_, message, status, code) => {
    expect(refusal(() => read(message))).toMatchObject({ status, code });
  });

  it.each<[string, string, object | undefined]>([
    ["a tool without name", "tools/call", {}],
    ["a tool without params", "tools/call", undefined],
    ["a tool whose name is no string", "tools/call", { name: ["a"] }],
    ["a tool with an empty name", "tools/call", { name: "" }],
    ["a prompt without name", "prompts/get", { arguments: {} }],
    ["a resource without URI", "resources/read", { name: "a" }],
    ["a resource with dot segments", "resources/read", { uri: "file:///a/../etc/passwd" }],
    ["a resource with encoded dot segments", "resources/read", { uri: "file:///a/%252e%252e/etc/passwd" }],
    ["a relative resource", "resources/read", { uri: "/etc/passwd" }],
    ["a completion without ref", "completion/complete", {}],
    ["a completion of an unknown type", "completion/complete", { ref: { type: "ref/tool", name: "a" } }],
    ["a completion of a prompt without name", "completion/complete", { ref: { type: "ref/prompt", uri: "demo://a" } }],
    ["a completion of a resource without URI", "completion/complete", { ref: { type: "ref/resource", name: "a" } }],
    [
      "subscriptions that are no array",
      "subscriptions/listen",
      { notifications: { resourceSubscriptions: "demo://a" } },
    ],
    [
      "one bad subscription among good ones",
      "subscriptions/listen",
      { notifications: { resourceSubscriptions: ["demo://a", 1] } },
    ],
    [
      "a subscription with dot segments",
      "subscriptions/listen",
      { notifications: { resourceSubscriptions: ["file:///../a"] } },
    ],
    ["task ids that are no array", "subscriptions/listen", { notifications: { taskIds: {} } }],
    ["a task without id", "tasks/get", {}],
    ["a task that does not exist", "tasks/get", { taskId: "task-2" }],
    ["an inherited name as task", "tasks/get", { taskId: "constructor" }],
    ["one foreign task among own ones", "subscriptions/listen", { notifications: { taskIds: ["task-1", "task-2"] } }],
  ])("refuses %s", (_, method, params) => {
    expect(refusal(() => read(request(method, params)))).toMatchObject({
      status: 400,
      code: -32602,
      options: { id: 7 },
    });
  });

  it("R-49: answers another's task exactly as an absent one", () => {
    const foreign = refusal(() => read(request("tasks/get", { taskId: "x" }), MODERN, {}));
    expect(foreign.message).toBe('Task not found: "x"');
  });
});

describe("callsOf, with the tool's schema at hand", () => {
  const inputSchema = {
    type: "object",
    properties: {
      limit: { type: "integer" },
      Limit2: {},
      who: { properties: { taxId: {} } },
      rows: { items: { properties: { id: {} } } },
    },
  };
  const run = (args: object) => {
    const message = {
      type: "request",
      id: 7,
      method: "tools/call",
      params: { name: "t", arguments: args },
    } as McpRequest;
    const inputSchemaOf = (tool: string) => (tool === "t" ? inputSchema : undefined);
    return callsOf(message, { server: "", revision: MODERN, inputSchemaOf });
  };

  it.each([
    {},
    { limit: 1 },
    { limit: 1, Limit2: 2 },
    { other: 1, Other: 2 },
    { who: { taxId: 1 } },
    { rows: [{ id: 1 }, { other: 1 }] },
    { who: null, rows: 1 },
  ])("takes %j", (args) => {
    expect(run(args)).toHaveLength(1);
  });

  it.each([
    { Limit: 1 },
    { limit: 1, LIMIT: 2 },
    { "l\u0131mit": 1 },
    { limit2: 1 },
    { who: { taxid: 1 } },
    { rows: [{ id: 1 }, { ID: 1 }] },
  ])("refuses %j", (args) => {
    expect(refusal(() => run(args))).toMatchObject({ status: 400, code: -32602, options: { id: 7 } });
  });
});

describe("the method table", () => {
  it("knows a client's methods of every revision, and no server's", () => {
    const counts = REVISIONS.map(
      (revision) => [...METHODS.values()].filter((row) => row.revisions.includes(revision)).length,
    );
    expect(counts).toEqual([17, 17, 22, 15]);
    const fromServer = [
      "sampling/createMessage",
      "elicitation/create",
      "roots/list",
      "notifications/message",
      "notifications/resources/updated",
    ];
    expect(fromServer.filter((method) => METHODS.has(method))).toEqual([]);
  });
});
