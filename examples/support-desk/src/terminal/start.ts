import { modelFromEnvironment } from "../agent/from-environment.js";
import { planner } from "../agent/planner.js";
import { chatInTerminal } from "./chat.js";

// npm run terminal -w examples/support-desk, while the desk is open. DESK_URL: the CRM at another gateway.
await chatInTerminal({
  agent: modelFromEnvironment(process.env) ?? planner,
  mcpUrl: process.env.DESK_URL ?? "http://localhost:4701/mcp/crm",
  input: process.stdin,
  output: process.stdout,
});
