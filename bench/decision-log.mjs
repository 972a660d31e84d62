// What does the decision log cost? Run: npm run build && node bench/decision-log.mjs [rounds] [seconds] [connections]
//
// The gateway without a log, with grouped records (arguments not kept, and kept whole), and with every call waiting for its record.
// Same upstream, same run, interleaved, medians of the rounds. Budget P2: grouped ≥ 0.92 of without (goal 0.97). Quote the ratios.
import { CALL, cpuSeconds, median, start } from "./hot-path/contender.mjs";
import { burst, tools } from "./hot-path/load.mjs";

const [rounds = 7, seconds = 2, connections = 64] = process.argv.slice(2).map(Number);
const WARM_UP_SECONDS = 5;
const upstream = await start(1, "upstream.mjs");
const gateway = (...log) => start(0, "gateway.mjs", [upstream.port, 1, 10_000, ...log]);
const contenders = {
  without: await gateway(),
  grouped: await gateway("none"),
  "grouped, arguments kept": await gateway("full"),
  "before every call": await gateway("none", "all"),
};
const samples = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
for (let round = 0; round <= rounds; round++) {
  for (const [name, { port, tokens, child }] of Object.entries(contenders)) {
    const before = cpuSeconds(child.pid);
    const time = round === 0 ? WARM_UP_SECONDS : seconds;
    const { rate, p50, p99, errors } = await burst({ port, tokens, body: CALL, connections, seconds: time });
    if (errors > 0 && round > 0) throw new Error(`${name}: ${errors} errors`);
    if (round > 0)
      samples[name].push({ round, rate, p50, p99, micros: ((cpuSeconds(child.pid) - before) / (rate * time)) * 1e6 });
  }
}
console.log(`${rounds} rounds of ${seconds} s, ${connections} connections, Node ${process.version}, ${tools}`);
const of = (name, key) => median(samples[name].map((one) => one[key]));
for (const name of Object.keys(contenders)) {
  // Against the same round: what else the machine does then, both feel.
  const base = new Map(samples.without.map(({ round, rate }) => [round, rate]));
  const paired = median(samples[name].flatMap(({ round, rate }) => (base.has(round) ? rate / base.get(round) : [])));
  const row = `${Math.round(of(name, "rate"))}/s  p50 ${of(name, "p50").toFixed(2)} ms  p99 ${of(name, "p99").toFixed(2)} ms`;
  const micros = of(name, "micros");
  console.log(
    `  ${name.padEnd(24)} ${row}  ${micros.toFixed(0)} µs CPU   of without ${paired.toFixed(3)}   CPU ${(micros / of("without", "micros")).toFixed(3)}`,
  );
}
process.exit(0);
