import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startSdk2Server } from "../fixtures/sdk2-server.js";
import { createPerson, createStrictClient, type Program, ROOT, startProgram } from "./harness.js";

const folder = mkdtempSync(join(tmpdir(), "sallyport-telemetry-"));
const spansFile = join(folder, "spans");
const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";

let upstream: Awaited<ReturnType<typeof startSdk2Server>>;
let program: Program;

beforeAll(async () => {
  upstream = await startSdk2Server();
  program = await startProgram({
    arguments: ["--metrics", "127.0.0.1:0", "--url", upstream.url],
    environment: {
      NODE_OPTIONS: `--import ${join(ROOT, "test/fixtures/spans-to-file.mjs")}`,
      SPANS_FILE: spansFile,
    },
  });
});

afterAll(async () => {
  await program?.stop();
  await upstream?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function getMetrics(path: string): Promise<string> {
  return (await fetch(`${program.report.metricsUrl}${path}`)).text();
}

test("a real call makes spans in the operator's SDK and numbers at the address of the metrics", async () => {
  const client = await createStrictClient(program.mcpUrl);
  const { access_token } = await client.authorize(createPerson({ code: () => program.ownerCode() }));
  const meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": { name: "t", version: "1" },
    traceparent: `00-${TRACE}-00f067aa0ba902b7-01`,
  };
  const response = await fetch(program.mcpUrl, {
    method: "POST",
    headers: {
      authorization: `Bearer ${access_token}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/list",
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list", params: { _meta: meta } }),
  });
  expect(await response.text()).toContain("ask_name");
  const read = () =>
    readFileSync(spansFile, { encoding: "utf8", flag: "a+" })
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  await expect.poll(() => read().length, { timeout: 10_000 }).toBe(2);
  const [child, server] = read();
  expect(server).toMatchObject({ name: "tools/list", traceId: TRACE, parent: "00f067aa0ba902b7" });
  expect(child).toMatchObject({ kind: 2, traceId: TRACE, parent: server.spanId });
  const metrics = await getMetrics("/metrics");
  expect(metrics).toMatch(/^sallyport_decisions_total\{server="[^"]+",kind="protocol",outcome="allow"\} 1$/m);
  expect(metrics).toContain('sallyport_token_requests_total{result="issued"} 1');
  expect(metrics).toContain("sallyport_store_silent_seconds 0.");
  expect(metrics).not.toContain(access_token);
});

test("readiness is told in a word to everybody, and with its reasons beside the metrics", async () => {
  expect(await (await fetch(`${program.issuer}/readyz`)).text()).toBe("ok\n");
  expect(JSON.parse(await getMetrics("/readyz"))).toMatchObject({
    status: "ready",
    reasons: [],
    servers: { [(program.report.servers as [{ title: string }])[0].title]: { upstream: "reachable" } },
  });
});
