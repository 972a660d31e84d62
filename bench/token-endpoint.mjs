// Tokens per second of the server's CPU, beside oidc-provider on the same flows. Run: npm run build && node bench/token-endpoint.mjs [rounds] [requests]
//
// Both are one process behind node:http with a store in memory; each round redeems codes and then refreshes once with what came back,
// first at one, then at the other. Quote the ratios, not the rates: those belong to the machine.
import { fork } from "node:child_process";
import { Agent, request } from "node:http";
import { pinned } from "./hot-path/load.mjs";

const ROUNDS = Number(process.argv[2] ?? 9);
const REQUESTS = Number(process.argv[3] ?? 500);
const WARM_UP_ROUNDS = 4;
const CONNECTIONS = 8;
const CLIENT = "bench";
const CALLBACK = "http://127.0.0.1:49152/callback";

const children = [];
process.on("exit", () => children.forEach((child) => void child.kill()));

const answer = (child) => new Promise((resolve) => child.once("message", resolve));

async function start(name, path) {
  const [program, ...rest] = pinned(1, [
    process.execPath,
    new URL(`./token-endpoint/${name}.mjs`, import.meta.url).pathname,
  ]);
  const child = fork(rest.at(-1), {
    execPath: program,
    execArgv: rest.slice(0, -1),
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  children.push(child);
  child.once("exit", (code) => {
    if (code !== null) throw new Error(`${name} ended with ${code}`);
  });
  const { port } = await answer(child);
  return { name, child, port, path, agent: new Agent({ keepAlive: true, maxSockets: CONNECTIONS }) };
}

async function ask({ child }, message) {
  const said = answer(child);
  child.send(message);
  return said;
}

function post({ port, path, agent }, form) {
  const body = new URLSearchParams(form).toString();
  const headers = { "content-type": "application/x-www-form-urlencoded", "content-length": Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, path, agent, method: "POST", headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => {
        if (response.statusCode === 200) resolve(JSON.parse(text));
        else reject(new Error(`${response.statusCode} ${text}`));
      });
    });
    sent.once("error", reject).end(body);
  });
}

/** All forms, so many at a time. Answers the tokens and the requests per second of the server's CPU. */
async function burst(contender, forms) {
  const before = (await ask(contender, {})).cpu;
  const tokens = [];
  let next = 0;
  const worker = async () => {
    while (next < forms.length) tokens.push(await post(contender, forms[next++]));
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  const after = (await ask(contender, {})).cpu;
  const seconds = (after.user + after.system - before.user - before.system) / 1e6;
  return { tokens, perSecond: forms.length / seconds };
}

async function round(contender) {
  const { forms } = await ask(contender, { codes: REQUESTS });
  const code = await burst(
    contender,
    forms.map(({ code, verifier }) => ({
      grant_type: "authorization_code",
      client_id: CLIENT,
      redirect_uri: CALLBACK,
      code,
      code_verifier: verifier,
    })),
  );
  if (!code.tokens.every(({ access_token, refresh_token }) => access_token.split(".").length === 3 && refresh_token)) {
    throw new Error(`${contender.name}: not a JWT with a refresh token`);
  }
  const refresh = await burst(
    contender,
    code.tokens.map(({ refresh_token }) => ({ grant_type: "refresh_token", client_id: CLIENT, refresh_token })),
  );
  const rotated = refresh.tokens.every(
    ({ refresh_token }, index) => refresh_token !== code.tokens[index].refresh_token,
  );
  if (!rotated) throw new Error(`${contender.name}: a refresh token was not rotated`);
  return { code: code.perSecond, refresh: refresh.perSecond };
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const contenders = [await start("sallyport", "/token"), await start("oidc-provider", "/token")];
const samples = contenders.map(() => []);
for (let index = 0; index < ROUNDS + WARM_UP_ROUNDS; index++) {
  for (const [who, contender] of contenders.entries()) {
    const sample = await round(contender);
    if (index >= WARM_UP_ROUNDS) samples[who].push(sample);
  }
}

const cells = ["code", "refresh"].map((flow) => {
  const [ours, theirs] = samples.map((rows) => median(rows.map((row) => row[flow])));
  const ratios = samples[0].map((row, index) => row[flow] / samples[1][index][flow]);
  const spread = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
  return `| ${flow} | ${Math.round(ours)} | ${Math.round(theirs)} | ${median(ratios).toFixed(2)} | ${spread} |`;
});
process.stdout.write(
  `| grant | sallyport /CPU s | oidc-provider /CPU s | ratio | over ${ROUNDS} rounds |\n|---|---|---|---|---|\n${cells.join("\n")}\n`,
);
process.exit(0);
