import { expect, test } from "vitest";
import { formatStartScreen } from "./start-screen.js";

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
