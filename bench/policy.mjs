// What do rules cost? Run: npm run build && node bench/policy.mjs
// Interleaved: every round runs every contender once, so that noise of the machine hits all alike; medians of the rounds are compared.
import { evaluate } from "../packages/auth/dist/index.js";
import { parseConfig } from "../packages/sallyport/dist/config/load.js";
import { answerAsk } from "../packages/sallyport/dist/policy/ask.js";
import { checkPolicy, createServerPolicy } from "../packages/sallyport/dist/policy/server-policy.js";

const ROUNDS = 31;
const ROUND_MS = 10;
const NOW = 1_800_000_000;

/** `count` rules on other tools, half of them by glob, and one condition on the tool that is called. */
function policyWith(count) {
  const others = Array.from({ length: Math.max(0, count - 1) }, (_, index) =>
    index % 2 === 0
      ? `      - { deny: tools/other_${index}, when: args.n > ${index} }`
      : `      - { deny: tools/group_${index}_*, when: args.n > ${index} }`,
  );
  const own =
    count === 0
      ? []
      : ["      - { deny: tools/update_customer, when: has(args.credit_limit) && args.credit_limit > 10000 }"];
  const file = [
    "publicUrl: https://mcp.example.com",
    "servers:",
    "  crm:",
    "    upstream: http://127.0.0.1:9001/mcp",
    "    access: [{ roles: [support], scopes: [read, write] }]",
    "    scopes: { read: { allow: [tools/get_*] }, write: { includes: [read], allow: [tools/update_*] } }",
    "    rules:",
    ...others,
    ...own,
    ...(count === 0 ? ["      []"] : []),
  ].join("\n");
  const config = parseConfig(file, { file: "bench.yaml", environment: {}, checks: [checkPolicy] });
  return createServerPolicy(config, { name: "crm", config: config.servers.crm }, { scopeOf: () => undefined });
}

const principal = {
  ...{
    iss: "https://as.example.com",
    sub: "alice",
    client_id: "app",
    sid: "s",
    jti: "j",
    scopes: ["write"],
    kind: "user",
  },
  ...{ actor: undefined, chain: [], cnf: undefined, roles: ["support"], exp: NOW + 600, iat: NOW },
};
const call = (name, args) => ({
  server: "crm",
  revision: "2025-11-25",
  method: "tools/call",
  kind: "tool",
  name,
  arguments: args,
});
const input = (name, args) => ({
  ...{ principal, entitled: ["read", "write"], call: call(name, args), now: NOW },
  request: { method: "POST", remoteAddress: undefined },
});

const contenders = [];
for (const count of [0, 20, 200, 2000]) {
  const { policy } = policyWith(count);
  const free = input("update_name", { n: 1 });
  contenders.push({ name: `${count} rules, none on the tool`, run: () => evaluate(policy, free) });
  if (count === 0) continue;
  const asked = input("update_customer", { credit_limit: 100 });
  contenders.push({ name: `${count} rules, one condition on the tool`, run: () => evaluate(policy, asked) });
}
const explained = policyWith(200);
const ask = {
  sub: "alice",
  roles: ["support"],
  scope: "write",
  tool: "update_customer",
  args: '{"credit_limit": 100}',
};
contenders.push({ name: "explain, 200 rules", run: () => answerAsk(explained, ask, { name: "crm", now: NOW }) });

function round(run) {
  const start = process.cpuUsage();
  let runs = 0;
  let used = 0;
  do {
    for (let i = 0; i < 50; i++) run();
    runs += 50;
    const { user, system } = process.cpuUsage(start);
    used = user + system;
  } while (used < ROUND_MS * 1000);
  return (runs / used) * 1e6;
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const results = contenders.map(() => []);
for (let index = 0; index < ROUNDS; index++)
  contenders.forEach(({ run }, which) => void results[which].push(round(run)));
const [base] = results.map(median);
console.log("decisions per CPU-second, and of the first row\n");
contenders.forEach(({ name }, which) => {
  const perSecond = median(results[which]);
  console.log(
    `${name.padEnd(40)} ${Math.round(perSecond).toLocaleString("en").padStart(12)}  ${(perSecond / base).toFixed(2)}`,
  );
});
