import { describe, expect, test } from "vitest";
import { formatStartJson, formatStartScreen } from "./start-screen.js";

test.each([
  ["notes", "notes"],
  ["127.0.0.1:9001", "127-0-0-1-9001"],
  ["my server; $(rm x) '", "my-server-rm-x"],
  ["наша", "server"],
])("the lines to paste for %j name it %s, which every client and shell takes", (title, name) => {
  const mcpUrl = "http://localhost:4000/mcp";
  const screen = formatStartScreen({
    publicUrl: "http://localhost:4000",
    port: 4000,
    servers: [{ title, mcpUrl, tools: [], problem: undefined }],
    owner: undefined,
    operatorFlags: "",
    warnings: [],
    startedInMs: 1,
  });
  expect(screen).toContain(`claude mcp add --transport http ${name} ${mcpUrl}\n`);
  expect(screen).toContain(`{"name":"${name}","type":"http","url":"${mcpUrl}"}`);
});

test("a tool that changed, waits to be accepted, or holds what people cannot see, is marked", () => {
  const tool = { tool: "get", scope: "mcp:read", changed: false, quarantined: false, unseen: false };
  const tools = [
    { ...tool, tool: "plain" },
    { ...tool, tool: "odd", changed: true, unseen: true },
    { ...tool, tool: "fresh", quarantined: true },
  ];
  const screen = formatStartScreen({
    ...{
      publicUrl: "http://localhost:4000",
      port: 4000,
      owner: undefined,
      operatorFlags: "",
      warnings: [],
      startedInMs: 1,
    },
    servers: [{ title: "crm", mcpUrl: "http://localhost:4000/mcp", tools, problem: undefined }],
  });
  expect(screen).toMatch(/plain +mcp:read\n/);
  expect(screen).toMatch(
    /odd +mcp:read {2}changed since it was first seen; its definition holds characters that cannot be seen/,
  );
  expect(screen).toMatch(/fresh +– {2}in quarantine until `sallyport tools accept`/);
});

describe("a server that ended at its start", () => {
  const report = (lastLines: readonly string[]) => ({
    publicUrl: "http://localhost:4000",
    port: 4000,
    servers: [
      {
        title: "crm",
        mcpUrl: "http://localhost:4000/mcp",
        tools: undefined,
        problem: "the server ended (exit code 1)",
        lastLines,
      },
    ],
    owner: undefined,
    operatorFlags: "",
    warnings: [],
    startedInMs: 1,
  });

  test("is shown with what it said last, and with what to do", () => {
    expect(formatStartScreen(report(["Error: Cannot find module 'x'", "Node.js v20"]))).toContain(
      `! the server ended (exit code 1); it said last:
      Error: Cannot find module 'x'
      Node.js v20
    Mend that, and Sallyport starts it again at the next call; `,
    );
  });

  test("and said nothing is shown with what to do", () => {
    expect(formatStartScreen(report([]))).toMatch(/! the server ended \(exit code 1\)\n {4}Mend that, /);
  });

  test("puts no word of it into the line for machines: the log has it", () => {
    expect(formatStartJson(report(["secret"]))).not.toContain("secret");
    expect(JSON.parse(formatStartJson(report([])))).toMatchObject({
      servers: [{ title: "crm", problem: "the server ended (exit code 1)" }],
    });
  });
});
