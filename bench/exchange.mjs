// What does an exchanged token cost? Run: npm run build && node bench/exchange.mjs [rounds] [seconds] [connections] [cold calls]
//
// Warm: the gateway without a credential, with fixed headers, with an exchanged token that is held, and with one that is bound to a key (a
// signature for every call). Each process serves all of these by turns, and each is compared with the turns of none before and after it.
// Medians of the ratios. Wanted: warm ≥ 0.95 of none.
// Cold: callers whose token was never seen, one after the other, in this process: requests at the token endpoint for each, and CPU.
// Wanted: one round trip, ≤ 2 ms CPU. Quote the ratios, not the rates.
import { system } from "@sallyport/auth";
import { createCredentials } from "./exchange/credentials.mjs";
import { CALL, cpuSeconds, median, start } from "./hot-path/contender.mjs";
import { burst, tools } from "./hot-path/load.mjs";

const [rounds = 5, seconds = 2, connections = 64, cold = 2_000] = process.argv.slice(2).map(Number);
const WARM_UP_SECONDS = 3;
const STARTS = 3;
const mean = (one, other) => ({ rate: (one.rate + other.rate) / 2, micros: (one.micros + other.micros) / 2 });

const upstream = await start(1, "upstream.mjs");
const endpoint = await start(1, "../exchange/token-endpoint.mjs");
const tokenEndpoint = `http://127.0.0.1:${endpoint.port}/token`;
const countAsked = () =>
  new Promise((resolve) => {
    endpoint.child.once("message", ({ count }) => resolve(count));
    endpoint.child.send("count");
  });
/** One process serves all kinds by turns: two processes that do the very same differ by more than what is looked for here. */
const KINDS = {
  none: "none",
  "fixed headers": "static",
  "exchanged, held": "exchange",
  "exchanged, bound to a key": "dpop",
};
const CREDENTIALS = "static exchange dpop";
const gateways = [];
for (let starts = 0; starts < STARTS; starts++) {
  const env = { CREDENTIALS, TOKEN_ENDPOINT: tokenEndpoint };
  gateways.push(await start(0, "gateway.mjs", [upstream.port, 1, 10_000], env));
}
const use = ({ child }, credential) =>
  new Promise((resolve) => {
    child.once("message", resolve);
    child.send({ credential });
  });
const samples = Object.fromEntries(Object.keys(KINDS).map((name) => [name, []]));
for (const [index, gateway] of Array.from({ length: rounds + 1 }, () => gateways)
  .flat()
  .entries()) {
  const isWarmUp = index < gateways.length;
  // The one that all are compared with is measured before and after the others: what changes meanwhile changes for all.
  const ratios = {};
  for (const [name, kind] of [...Object.entries(KINDS), ["none", "none"]]) {
    await use(gateway, kind);
    const before = cpuSeconds(gateway.child.pid);
    const time = isWarmUp ? WARM_UP_SECONDS : seconds;
    const { rate, errors } = await burst({ ...gateway, body: CALL, connections, seconds: time });
    if (errors > 0 && !isWarmUp) throw new Error(`${name}: ${errors} errors`);
    const one = { rate, micros: ((cpuSeconds(gateway.child.pid) - before) / (rate * time)) * 1e6 };
    ratios[name] = ratios[name] === undefined ? one : mean(ratios[name], one);
  }
  if (isWarmUp) continue;
  const { none } = ratios;
  for (const [name, { rate, micros }] of Object.entries(ratios)) {
    samples[name].push({ rate, ofRate: rate / none.rate, ofMicros: micros / none.micros });
  }
}
console.log(
  `${rounds} rounds of ${seconds} s in ${STARTS} processes, ${connections} connections, Node ${process.version}, ${tools}`,
);
for (const name of Object.keys(KINDS)) {
  const of = (key) => median(samples[name].map((one) => one[key]));
  const ratios = samples[name].map(({ ofRate }) => ofRate);
  const spread = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
  console.log(
    `  ${name.padEnd(26)} ${String(Math.round(of("rate"))).padStart(6)}/s   of none ${of("ofRate").toFixed(2)} (${spread})   CPU ${of("ofMicros").toFixed(2)}`,
  );
}
const warm = await countAsked();
console.log(`  the token endpoint was asked ${warm} times for all of it`);

const source = createCredentials({ kind: "exchange", tokenEndpoint, system });
const principals = new Map();
const ask = (index) => {
  const made = { iss: "https://as.example", jti: `caller-${index}`, exp: system.now() + 3_600, scopes: [] };
  const principal = principals.get(index) ?? made;
  principals.set(index, principal);
  return source.credentialFor({ principal, calls: [], method: "POST", callerToken: () => `token-of-${index}` });
};
/** CPU milliseconds of this process for each of `times`. */
async function cpuOf(times, work) {
  const from = process.cpuUsage();
  for (let index = 0; index < times; index++) await work(index);
  const { user, system: kernel } = process.cpuUsage(from);
  return (user + kernel) / times / 1000;
}
const bare = () =>
  fetch(tokenEndpoint, { method: "POST", body: new URLSearchParams({ a: "b" }) }).then((answer) => answer.json());
for (let index = 0; index < 500; index++) await Promise.all([ask(`warm-up-${index}`), bare()]);
const before = await countAsked();
const cpu = await cpuOf(cold, ask);
const asked = (await countAsked()) - before;
console.log(`  cold: ${(asked / cold).toFixed(2)} requests and ${cpu.toFixed(2)} ms CPU for each`);
console.log(`  a bare fetch of the same endpoint: ${(await cpuOf(cold, bare)).toFixed(2)} ms CPU`);
await ask("held");
console.log(
  `  a credential that is held: ${((await cpuOf(200_000, () => void ask("held"))) * 1000).toFixed(2)} µs CPU`,
);
process.exit();
