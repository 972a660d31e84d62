// One burst of load on one URL: wrk where it is installed (it takes the least of the machine), autocannon otherwise.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import autocannon from "autocannon";

const hasWrk = spawnSync("wrk", ["--version"]).error === undefined;
const hasTaskset = spawnSync("taskset", ["--version"]).error === undefined;
export const tools = `${hasWrk ? "wrk" : "autocannon"}${hasTaskset ? ", taskset" : ", processes not pinned"}`;

/** The command that runs `command` on one CPU, where that can be said. */
export const pinned = (cpu, command) => (hasTaskset ? ["taskset", "-c", String(cpu), ...command] : command);

/** @returns requests per second, p50 and p99 in ms, and answers that were not 200. */
export async function burst({ port, tokens, body, connections, seconds }) {
  const result = hasWrk
    ? byWrk({ port, tokens, body, connections, seconds })
    : await byAutocannon({ port, tokens, body, connections, seconds });
  if (result.rate === 0) throw new Error(`no answer from port ${port}`);
  return result;
}

function byWrk({ port, tokens, body, connections, seconds }) {
  const folder = mkdtempSync(join(tmpdir(), "hot-path-"));
  try {
    const script = join(folder, "call.lua");
    writeFileSync(script, lua(tokens, body));
    const command = ["wrk", "-t1", `-c${connections}`, `-d${seconds}s`, "-s", script, `http://127.0.0.1:${port}/mcp`];
    const [program, ...rest] = pinned(1, command);
    const { stdout } = spawnSync(program, rest, { encoding: "utf8" });
    const line = stdout.split("\n").find((one) => one.startsWith("RESULT "));
    if (line === undefined) throw new Error(`wrk: ${stdout}`);
    const [rate, p50, p99, errors] = line.split(" ").slice(1).map(Number);
    return { rate, p50, p99, errors };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const lua = (tokens, body) => `
local tokens = { ${tokens.map((token) => JSON.stringify(token)).join(", ")} }
local next = 0
local requests = {}
init = function()
  for index, token in ipairs(tokens) do
    requests[index] = wrk.format("POST", nil, { ["Content-Type"] = "application/json",
      ["Accept"] = "application/json, text/event-stream", ["MCP-Protocol-Version"] = "2025-11-25",
      ["Authorization"] = "Bearer " .. token, ["Host"] = wrk.headers["Host"] }, ${JSON.stringify(body)})
  end
end
request = function()
  next = next % #requests + 1
  return requests[next]
end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT %f %f %f %d\\n", summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, e.connect + e.read + e.write + e.timeout + e.status))
end
`;

async function byAutocannon({ port, tokens, body, connections, seconds }) {
  const headers = (token) => ({
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    "mcp-protocol-version": "2025-11-25",
    authorization: `Bearer ${token}`,
  });
  const requests = tokens.map((token) => ({ method: "POST", headers: headers(token), body }));
  const result = await autocannon({ url: `http://127.0.0.1:${port}/mcp`, connections, duration: seconds, requests });
  const errors = result.errors + result.timeouts + result.non2xx;
  return { rate: result.requests.average, p50: result.latency.p50, p99: result.latency.p99, errors };
}
