// How long does a start take? Run: npm run build && node bench/start.mjs [rounds]
//
// From the start of the process to the first HTTP answer (a 401 at /mcp), and to the whole start screen, for `protect` before a stdio server,
// `protect` before a URL, and `serve`; beside a Node.js process that does nothing but answer. Each has started once before, so that its keys
// are there. Medians. Budget: 600 ms to the first answer.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createProbe } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as later } from "node:timers/promises";

const [rounds = 7] = process.argv.slice(2).map(Number);
const ROOT = new URL("..", import.meta.url).pathname;
const BIN = join(ROOT, "packages/sallyport/bin/sallyport.js");
const EVERYTHING = join(ROOT, "node_modules/@modelcontextprotocol/server-everything/dist/index.js");
const folder = mkdtempSync(join(tmpdir(), "sallyport-start-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const upstream = createServer((_, response) => response.writeHead(401).end()).listen(0, "127.0.0.1");
await new Promise((resolve) => upstream.once("listening", resolve));
const url = `http://127.0.0.1:${upstream.address().port}/mcp`;
const file = join(folder, "sallyport.yaml");
const port = await freePort();
writeFileSync(
  file,
  `publicUrl: http://localhost:${port}\nlisten: { port: ${port} }\nservers:\n  one: { upstream: "${url}", access: [{ roles: [staff], scopes: [mcp:read] }] }\n  two: { upstream: "${url}", access: [{ roles: [staff], scopes: [mcp:read] }] }\n`,
);
const BARE =
  "require('node:http').createServer((q, a) => a.writeHead(401).end()).listen(+process.argv[1], '127.0.0.1', () => console.log('{}'))";
const protect = (name, rest) => [
  BIN,
  "protect",
  "--data-dir",
  folder,
  "--name",
  name,
  "--port",
  port,
  "--json",
  ...rest,
];
const contenders = {
  "bare node:http": { argv: ["-e", BARE, port], path: "/mcp" },
  "protect -- server-everything": { argv: protect("stdio", ["--", process.execPath, EVERYTHING]), path: "/mcp" },
  "protect --url": { argv: protect("http", ["--url", url]), path: "/mcp" },
  "serve, two servers": { argv: [BIN, "serve", "--json", file], path: "/mcp/one" },
};

function freePort() {
  return new Promise((resolve) => {
    const probe = createProbe().listen(0, "127.0.0.1", () => {
      const { port: found } = probe.address();
      probe.close(() => resolve(found));
    });
  });
}

/** Milliseconds to the first answer and to the screen. */
async function start({ argv, path }) {
  const from = performance.now();
  const child = spawn(process.execPath, argv.map(String), { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stderr.on("data", (text) => (said += text));
  const screen = new Promise((resolve, reject) => {
    child.stdout.once("data", () => resolve(performance.now() - from));
    child.once("exit", (code) => reject(new Error(`${argv.join(" ")} ended with ${code}: ${said}`)));
  });
  let answered;
  while (answered === undefined) {
    if (performance.now() - from > 30_000) throw new Error(`no answer: ${said}`);
    const response = await fetch(`http://localhost:${port}${path}`, { method: "POST" }).catch(() => undefined);
    if (response?.status === 401) answered = performance.now() - from;
    else if (child.exitCode !== null) throw new Error(`ended: ${said}`);
    else await later(5);
  }
  const shown = await screen;
  child.removeAllListeners("exit");
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await ended;
  return { answered, shown };
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const samples = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
for (let round = 0; round <= rounds; round++) {
  for (const [name, contender] of Object.entries(contenders)) {
    const sample = await start(contender);
    if (round > 0) samples[name].push(sample);
  }
}
console.log(`${rounds} rounds, Node ${process.version}`);
for (const [name, all] of Object.entries(samples)) {
  const [answered, shown] = ["answered", "shown"].map((key) => Math.round(median(all.map((one) => one[key]))));
  console.log(
    `  ${name.padEnd(30)} first answer ${String(answered).padStart(5)} ms   start screen ${String(shown).padStart(5)} ms`,
  );
}
upstream.close();
