// A stdio server as small as they come: one line, one message. It writes every line that it reads to the file it was given.
import { appendFileSync } from "node:fs";

const [, , file] = process.argv;
const TOOLS = [
  { name: "look", annotations: { readOnlyHint: true }, inputSchema: { type: "object" } },
  { name: "change", inputSchema: { type: "object" } },
];
const RESULTS = {
  initialize: {
    protocolVersion: "2025-11-25",
    capabilities: { tools: {} },
    serverInfo: { name: "recorder", version: "1" },
  },
  "tools/list": { tools: TOOLS },
};

let held = "";
process.stdin.setEncoding("utf8").on("data", (text) => {
  // As lenient as the most lenient: every line break that some language takes for one.
  const lines = (held + text).split(/\r\n|[\n\r\u0085\u2028\u2029]/);
  held = lines.pop() ?? "";
  for (const line of lines) if (line.trim() !== "") take(line);
});

function take(line) {
  appendFileSync(file, `${line}\n`);
  let message;
  try {
    message = JSON.parse(line);
  } catch {
    return;
  }
  const { id, method } = message;
  if (id === undefined || method === undefined) return;
  const result = RESULTS[method] ?? { content: [{ type: "text", text: `${method} was carried out` }] };
  const answer = method === "server/discover" ? { error: { code: -32601, message: "no" } } : { result };
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id, ...answer })}\n`);
}
