// How long does a replay of a long log take? Run: npm run build && node bench/replay.mjs [records]
//
// Writes a log of a million decisions with the log's own writer (200 people, 5 tokens each, 40 tools, arguments kept) and replays it with
// files that differ in what their rules read. Budget: a million in under 30 s.
import { spawnSync } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { system as realSystem } from "../packages/auth/dist/index.js";
import { ChainWriter } from "../packages/sallyport/dist/decision-log/chain-writer.js";
import { createCommitments } from "../packages/sallyport/dist/decision-log/commitment.js";
import { createRecorder } from "../packages/sallyport/dist/decision-log/recorder.js";
import { createRedactor } from "../packages/sallyport/dist/decision-log/redact.js";
import { createLogSigner } from "../packages/sallyport/dist/decision-log/signatures.js";

const records = Number(process.argv[2] ?? 1_000_000);
const folder = mkdtempSync(join(tmpdir(), "bench-replay-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const DAYS = 7;
const START = 1_800_000_000;
let time = START;
const system = { ...realSystem, now: () => time, log: () => {} };
const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const signer = createLogSigner("bench", privateKey.export({ format: "jwk" }));

async function writeLog() {
  const chain = await ChainWriter.open({ folder, signer, system, links: [] });
  const recorder = createRecorder({
    chain,
    system,
    commit: createCommitments({ redact: createRedactor(["note"]) }, { randomBytes }),
    before: () => false,
    toolScopeOf: (tool) => (tool.startsWith("get_") ? "mcp:read" : "mcp:write"),
  });
  const people = Array.from({ length: 1_000 }, (_, index) => ({
    principal: {
      ...{ iss: "https://mcp.example.com", sub: `user-${index % 200}`, client_id: `client-${index % 7}` },
      ...{ sid: `session-${index}`, jti: `token-${index}`, scopes: ["mcp:write"], kind: "user", chain: [] },
      ...{ actor: undefined, cnf: undefined, roles: [index % 3 === 0 ? "support" : "sales"], exp: 0, iat: 0 },
    },
    entitled: ["mcp:read", "mcp:write"],
    entitledBy: { names: [`user${index % 200}`], allowed: [] },
  }));
  const request = { method: "POST", remoteAddress: "192.0.2.7" };
  for (let index = 0; index < records; index++) {
    time = START + Math.floor((index / records) * DAYS * 86_400);
    const who = people[(index * 7919) % people.length];
    const name = `${index % 2 === 0 ? "get" : "update"}_${(index * 31) % 40}`;
    const call = {
      ...{ server: "crm", revision: "2025-11-25", method: "tools/call", kind: "tool", name },
      arguments: { id: index, credit_limit: (index * 37) % 20_000, note: "something", api_key: "k" },
    };
    recorder.record({
      ...{ who, judged: [{ call, decision: { outcome: "allow", rule: "scope:mcp:write" } }], request, latencyMs: 0.2 },
      body: { batch: false, messages: [{ type: "request", id: index, method: "tools/call" }], inexactNumbers: false },
      byMessage: [[call]],
    });
    if (index % 10_000 === 9_999) await chain.durable();
  }
  await chain.close();
}

/** CPU seconds of all children that ended, on Linux; what else the machine does then is not in them. */
function childSeconds() {
  const fields = readFileSync("/proc/self/stat", "utf8").split(") ")[1].split(" ");
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

const RULES = {
  "no rules": [],
  "rules that read roles": [`{ deny: tools/update_*, when: '"sales" in principal.roles' }`],
  "rules that read time": ["{ deny: tools/update_*, when: time.getHours() < 6 }"],
  "rules that read arguments": ["{ deny: tools/**, when: has(args.credit_limit) && args.credit_limit > 10000 }"],
  "rules that read redacted arguments": [`{ deny: tools/update_*, when: args.note == "x" }`],
};

const began = performance.now();
await writeLog();
console.log(
  `${records.toLocaleString("en")} records written in ${((performance.now() - began) / 1000).toFixed(1)} s, Node ${process.version}\n`,
);
for (const [title, rules] of Object.entries(RULES)) {
  const file = join(folder, "new.yaml");
  const access = "access: [{ roles: [support, sales], scopes: [mcp:read, mcp:write] }]";
  writeFileSync(
    file,
    `publicUrl: https://mcp.example.com\nservers: { crm: { upstream: "http://127.0.0.1:9/mcp", ${access}, rules: [${rules.join(", ")}] } }\n`,
  );
  const start = performance.now();
  const used = childSeconds();
  const cli = new URL("../packages/sallyport/bin/sallyport.js", import.meta.url).pathname;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [cli, "policy", "replay", file, "--folder", folder, "--json"],
    { encoding: "utf8", maxBuffer: 1 << 28 },
  );
  const seconds = (performance.now() - start) / 1000;
  if (status === 2 || status === null) throw new Error(stderr);
  const { changed, undecidable } = JSON.parse(stdout);
  console.log(
    `${title.padEnd(36)} ${seconds.toFixed(1).padStart(6)} s   ${(childSeconds() - used).toFixed(1).padStart(5)} s CPU   ${changed} would change, ${undecidable} undecidable`,
  );
}
