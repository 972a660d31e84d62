// What does reading a request body strictly cost, beside JSON.parse of the same bytes? Run: npm run build && node bench/scan.mjs
// Interleaved: every round runs every contender once, so that noise of the machine hits all alike; medians of the rounds are compared.
import { scanJson } from "../packages/auth/dist/core/json-scan.js";
import { MAX_DEPTH, parseMcpBody } from "../packages/auth/dist/core/mcp-message.js";

const ROUNDS = 41;
const ROUND_MS = 6;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const call = (args) => ({
  jsonrpc: "2.0",
  id: 1,
  method: "tools/call",
  params: { name: "update_customer", arguments: args },
});
const text = (bytes) =>
  call({ note: "The quick brown fox jumps over the lazy dog, twice; ".repeat(Math.ceil(bytes / 52)).slice(0, bytes) });
const lines = (bytes) =>
  call({
    note: 'He said "no".\nThen a line of ordinary source code follows, with a tab\t.\n'.repeat(Math.ceil(bytes / 70)),
  });
const small = (bytes) => {
  const rows = [];
  for (let size = 0; size < bytes; size += 66)
    rows.push({ id: rows.length, name: `row ${rows.length}`, active: rows.length % 2 === 0, score: rows.length / 8 });
  return call({ rows });
};
const unicode = (bytes) => call({ note: "Größe: 東京, naïve café. ".repeat(Math.ceil(bytes / 34)) });

const BODIES = [
  ["100 B", call({ id: 4711 })],
  ["1 KB text", text(1000)],
  ["1 KB small values", small(1000)],
  ["10 KB text", text(10_000)],
  ["10 KB lines", lines(10_000)],
  ["10 KB unicode", unicode(10_000)],
  ["10 KB small values", small(10_000)],
  ["100 KB small values", small(100_000)],
  ["1 MB text", text(1_000_000)],
  ["1 MB small values", small(1_000_000)],
];

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
let sink = 0;

function measure(run) {
  const started = performance.now();
  let runs = 0;
  do {
    sink += run();
    runs++;
  } while (performance.now() - started < ROUND_MS);
  return ((performance.now() - started) / runs) * 1000;
}

console.log("body                 | parse µs | scan µs | scan/parse | strict body µs | strict/parse");
for (const [name, value] of BODIES) {
  const json = JSON.stringify(value);
  const bytes = encoder.encode(json);
  const contenders = [
    () => (JSON.parse(decoder.decode(bytes)) ? 1 : 0),
    () => scanJson(bytes, json, MAX_DEPTH).fault?.length ?? 1,
    () => parseMcpBody(bytes).messages.length,
  ];
  const times = contenders.map(() => []);
  for (const run of contenders) measure(run);
  for (let round = 0; round < ROUNDS; round++)
    for (const [index, run] of contenders.entries()) times[index].push(measure(run));
  const [parse, scan, strict] = times.map(median);
  const cell = (number, width) => number.toFixed(number < 100 ? 2 : 0).padStart(width);
  console.log(
    `${name.padEnd(20)} | ${cell(parse, 8)} | ${cell(scan, 7)} | ${cell(scan / parse, 10)} | ${cell(strict, 14)} | ${cell(strict / parse, 12)}`,
  );
}
if (sink < 0) console.log(sink);
