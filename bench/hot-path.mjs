// What does the gateway cost beside a proxy that checks nothing? Run: npm run build && node bench/hot-path.mjs [rounds] [seconds] [T1,L1,C1,M1,R1]
//
// B is bare node:http in front of undici's dispatch; same upstream, same run, interleaved, medians of the rounds. Quote the ratios, not
// the rates: those belong to the machine. `B single` is B with the one optimisation that does not check less (a small answer in one write).
import { connect } from "node:net";
import { CALL, cpuSeconds, median, start } from "./hot-path/contender.mjs";
import { burst, tools } from "./hot-path/load.mjs";

const ROUNDS = Number(process.argv[2] ?? 5);
const SECONDS = Number(process.argv[3] ?? 2);
const ROWS = new Set((process.argv[4] ?? "T1,L1,C1,M1,R1").split(","));
// Compilers need some 30,000 calls before they are done; a busy machine takes longer for them.
const WARM_UP_SECONDS = 6;
const STREAMS = Number(process.env.STREAMS ?? 2_000);
const WAVES = 5;
const ratio = (one, other) => (one / other).toFixed(2);

/** The order rotates, so that what one leaves behind on the machine is not always the next one's. */
const rotated = (list, by) => [...list.slice(by % list.length), ...list.slice(0, by % list.length)];

async function compare(contenders, connections) {
  const samples = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, { port, tokens, child }] of rotated(Object.entries(contenders), round)) {
      const before = cpuSeconds(child.pid);
      const result = await burst({
        port,
        tokens,
        body: CALL,
        connections,
        seconds: round === 0 ? WARM_UP_SECONDS : SECONDS,
      });
      const micros = ((cpuSeconds(child.pid) - before) / (result.rate * SECONDS)) * 1e6;
      if (result.errors > 0) throw new Error(`${name}: ${result.errors} errors`);
      if (round > 0) samples[name].push({ ...result, micros });
    }
  }
  // Against the same round: what else the machine does then, all feel.
  const ofB = (list) => median(list.map(({ rate }, index) => rate / samples.B[index].rate));
  const row = (list) => ({
    ...Object.fromEntries(["rate", "p50", "p99", "micros"].map((key) => [key, median(list.map((one) => one[key]))])),
    ofB: ofB(list),
  });
  return Object.fromEntries(Object.entries(samples).map(([name, list]) => [name, row(list)]));
}

function print(title, rows) {
  console.log(`\n${title}`);
  for (const [name, { rate, p50, p99, micros, ofB }] of Object.entries(rows)) {
    const of = `of B ${ofB.toFixed(2)}   CPU ${ratio(micros, rows.B.micros)}   p50 ${ratio(p50, rows.B.p50)}   p99 ${ratio(p99, rows.B.p99)}`;
    console.log(
      `  ${name.padEnd(22)} ${String(Math.round(rate)).padStart(6)}/s  p50 ${p50.toFixed(2)} ms  p99 ${p99.toFixed(2)} ms  ${micros.toFixed(0)} µs CPU   ${of}`,
    );
  }
}

const ask = ({ child }, question) =>
  new Promise((resolve) => {
    child.once("message", resolve);
    child.send(question);
  });
const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until nothing of ended streams is under way any more; a busy machine takes seconds for that. */
async function settled(gateway) {
  for (let tries = 0; ; tries++) {
    await later(250);
    const said = await ask(gateway, "ended");
    if ((said.open === 0 && said.upstream.connected === 0) || tries >= 100) return said;
  }
}

/** Opens one event stream that says nothing, and waits for its head. */
function openStream({ port, tokens: [token], session }) {
  const head =
    `GET /mcp HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAccept: text/event-stream\r\nAuthorization: Bearer ${token}\r\n` +
    `Mcp-Session-Id: ${session}\r\nMCP-Protocol-Version: 2025-11-25\r\n\r\n`;
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(head));
    socket.once("data", (bytes) => (bytes.includes(" 200 ") ? resolve(socket) : reject(new Error(String(bytes)))));
    socket.once("error", reject);
  });
}

/** A crowd, not a stampede: what thousands of handshakes in one turn leave behind says nothing about idle streams. Gives the way to end them all. */
async function openStreams(gateway) {
  const sockets = [];
  while (sockets.length < STREAMS) {
    sockets.push(...(await Promise.all(Array.from({ length: 50 }, () => openStream(gateway)))));
  }
  return () => sockets.forEach((socket) => void socket.destroy());
}

async function memory(gateway) {
  // What a process needs for its first streams at all is no stream's: code, caches, the buffers of both parsers.
  const endFirst = await openStreams(gateway);
  endFirst();
  const idle = await settled(gateway);
  console.log(
    `\nM1 ${STREAMS} idle event streams, ${WAVES} waves after one to warm up (KB per stream, garbage collected; target: RSS 35, flat)`,
  );
  const kilobytes = (bytes) => (bytes / 1024 / STREAMS).toFixed(1);
  for (let wave = 1; wave <= WAVES; wave++) {
    const end = await openStreams(gateway);
    await later(500);
    const now = await ask(gateway, "open");
    end();
    const after = await settled(gateway);
    const over = (base, name) => kilobytes(now[name] - base[name]);
    console.log(
      `  wave ${wave}  RSS ${over(gateway, "rss")} over a fresh process, ${over(idle, "rss")} over the process after the first; ` +
        `heap ${over(idle, "heap")}  outside the heap ${over(idle, "external")}  open ${now.open}  then ${after.open} exchanges, ${after.upstream.connected} upstream`,
    );
  }
}

/** Clients that disconnect in the middle of their question or answer. */
async function disconnects(gateway) {
  const {
    port,
    tokens: [token],
  } = gateway;
  const head = `POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nAuthorization: Bearer ${token}\r\nContent-Length: ${CALL.length}\r\n\r\n`;
  for (let batch = 0; batch < 50; batch++) {
    await Promise.all(
      Array.from(
        { length: 40 },
        (_, index) =>
          new Promise((resolve) => {
            const socket = connect(port, "127.0.0.1", () =>
              socket.write(head + CALL.slice(0, index % 2 ? CALL.length : 20), () =>
                setImmediate(() => socket.destroy()),
              ),
            );
            socket.once("error", () => {});
            socket.once("close", resolve);
          }),
      ),
    );
  }
  await later(1_000);
  const { open, upstream } = await ask(gateway, "after");
  console.log(
    `\nR1 2,000 disconnects, one second later: ${open} exchanges, ${upstream.exchanges} upstream slots (target 0)`,
  );
}

console.log(`${ROUNDS} rounds of ${SECONDS} s, Node ${process.version}, ${tools}`);
const upstream = await start(1, "upstream.mjs");
const B = await start(0, "bare.mjs", [upstream.port, "plain"]);
const single = await start(0, "bare.mjs", [upstream.port, "single"]);
const warm = await start(0, "gateway.mjs", [upstream.port, 1, 10_000]);
const contenders = { B: { ...B, tokens: warm.tokens }, "B single": { ...single, tokens: warm.tokens }, gateway: warm };
if (ROWS.has("T1")) print("T1 64 connections, warm token (target: of B ≥ 0.85)", await compare(contenders, 64));
if (ROWS.has("L1")) print("L1 1 connection", await compare(contenders, 1));
if (ROWS.has("C1")) {
  const cold = await start(0, "gateway.mjs", [upstream.port, 2_000, 1]);
  print(
    "C1 64 connections, every token new, ES256 (target: of B ≥ 0.30)",
    await compare({ B: contenders.B, gateway: cold }, 64),
  );
}
if (ROWS.has("M1")) {
  const gateway = await start(0, "gateway.mjs", [upstream.port, 1, 10_000]);
  await memory({ ...gateway, ...(await ask(gateway, "fresh")) });
}
if (ROWS.has("R1")) await disconnects(warm);
process.exit(0);
