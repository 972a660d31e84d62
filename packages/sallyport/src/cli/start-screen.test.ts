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
