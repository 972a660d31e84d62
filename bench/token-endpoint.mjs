// Tokens per second of the server's CPU, beside oidc-provider on the same flows. Run: npm run build && node bench/token-endpoint.mjs [rounds] [requests]
//
// Both are one process behind node:http with a store in memory; each round redeems codes, refreshes once with what came back, gets as many
// tokens for the agent itself and exchanges the refreshed ones for tokens by which it acts for their users. Quote the ratios, not the rates: those belong to the machine.
import { fork } from "node:child_process";
import { Agent, request } from "node:http";
import { pinned } from "./hot-path/load.mjs";
import { AGENT, CALLBACK, CLIENT, EXCHANGE, RESOURCE, SCOPE } from "./token-endpoint/serve.mjs";

const ROUNDS = Number(process.argv[2] ?? 9);
const REQUESTS = Number(process.argv[3] ?? 500);
// Compilers are not done before some 10,000 requests of a kind; a server that has just started is not what is compared.
const WARM_UP_ROUNDS = 4;
const WARM_UP_REQUESTS = 2_500;
const CONNECTIONS = 8;

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
    stdio: ["ignore", "ignore", "inherit", "ipc"],
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

const form = {
  code: ({ forms }) =>
    forms.map(({ code, verifier }) => ({
      grant_type: "authorization_code",
      client_id: CLIENT,
      redirect_uri: CALLBACK,
      code,
      code_verifier: verifier,
    })),
  refresh: ({ code }) =>
    code.map(({ refresh_token }) => ({ grant_type: "refresh_token", client_id: CLIENT, refresh_token })),
  "client credentials": ({ forms }) =>
    forms.map(() => ({ grant_type: "client_credentials", ...AGENT, resource: RESOURCE, scope: SCOPE })),
  exchange: ({ refresh }) => refresh.map(({ access_token }) => exchangeOf(access_token)),
  // Of ours, a token that another process issued; oidc-provider remembers none, so that any is as good.
  "exchange of a token not seen before": ({ forms, refresh }) =>
    refresh.map(({ access_token }, index) => exchangeOf(forms[index].elsewhere ?? access_token)),
};
const exchangeOf = (subject_token) => ({
  grant_type: EXCHANGE,
  ...AGENT,
  subject_token,
  subject_token_type: "urn:ietf:params:oauth:token-type:access_token",
  resource: RESOURCE,
  scope: SCOPE,
});
const FLOWS = Object.keys(form);

/** What must be true of the answers, or the two are not doing the same work. */
function check(name, { code, refresh, exchange, "exchange of a token not seen before": unseen }) {
  const payload = ({ access_token }) => JSON.parse(Buffer.from(access_token.split(".")[1], "base64url"));
  const problem =
    (!code.every(({ access_token, refresh_token }) => access_token.split(".").length === 3 && refresh_token) &&
      "not a JWT with a refresh token") ||
    (!refresh.every(({ refresh_token }, index) => refresh_token !== code[index].refresh_token) &&
      "a refresh token was not rotated") ||
    (![...exchange, ...unseen]
      .map(payload)
      .every(({ act, sub }) => act?.sub === AGENT.client_id && sub.startsWith("person-")) &&
      "nobody acts for anybody");
  if (problem) throw new Error(`${name}: ${problem}`);
}

/** Each flow at one and at once after it at the other, so that a busy neighbour meets both; who is first changes. */
async function round(index, requests) {
  const order = index % 2 === 0 ? contenders : contenders.toReversed();
  const results = new Map();
  for (const contender of order) results.set(contender, { ...(await ask(contender, { codes: requests })), rates: {} });
  for (const flow of FLOWS) {
    for (const contender of order) {
      const result = results.get(contender);
      const { tokens, perSecond } = await burst(contender, form[flow](result));
      result[flow] = tokens;
      result.rates[flow] = perSecond;
    }
  }
  for (const [{ name }, result] of results) check(name, result);
  return contenders.map((contender) => results.get(contender).rates);
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const contenders = [await start("sallyport", "/token"), await start("oidc-provider", "/token")];
const samples = contenders.map(() => []);
for (let index = 0; index < ROUNDS + WARM_UP_ROUNDS; index++) {
  const warm = index >= WARM_UP_ROUNDS;
  const rates = await round(index, warm ? REQUESTS : WARM_UP_REQUESTS);
  if (warm) for (const [who, rate] of rates.entries()) samples[who].push(rate);
}

const cells = FLOWS.map((flow) => {
  const [ours, theirs] = samples.map((rows) => median(rows.map((row) => row[flow])));
  const ratios = samples[0].map((row, index) => row[flow] / samples[1][index][flow]);
  const spread = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
  return `| ${flow} | ${Math.round(ours)} | ${Math.round(theirs)} | ${median(ratios).toFixed(2)} | ${spread} |`;
});
process.stdout.write(
  `| grant | sallyport /CPU s | oidc-provider /CPU s | ratio | over ${ROUNDS} rounds |\n|---|---|---|---|---|\n${cells.join("\n")}\n`,
);
process.exit(0);
