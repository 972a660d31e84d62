import { expect, test } from "vitest";
import { titleOf } from "./server-title.js";

test.each([
  [["npx", "-y", "@modelcontextprotocol/server-everything"], "server-everything"],
  [["npx", "-y", "@acme/notes@1.2.3", "/srv"], "notes"],
  [["node", "/srv/my-server.mjs"], "my-server"],
  [["node_modules/.bin/mcp-server-everything"], "mcp-server-everything"],
  [["uvx", "mcp-server-git", "--repository", "."], "mcp-server-git"],
  [["node"], "node"],
])("the title of %j is %s", (command, title) => {
  expect(titleOf({ command })).toBe(title);
});

test("the title of a URL is its host", () => {
  expect(titleOf({ upstream: "http://127.0.0.1:9001/mcp" })).toBe("127.0.0.1:9001");
});
