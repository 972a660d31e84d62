// The product: real tokens, real policy, liveness and sealing, all of it on. argv: upstream port, number of tokens, tokens to cache, and
// for a decision log: what it keeps of arguments (none, full), and `all` where each call waits for its record.
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as later } from "node:timers/promises";
import { createResourceServer, system } from "@sallyport/auth";
import { sha256Node, verifySignatureNode } from "@sallyport/auth/node";
import { createTestIssuer } from "@sallyport/auth/testing";
import { createGateway } from "../../packages/sallyport/dist/gateway/listener.js";
import { createLiveness } from "../../packages/sallyport/dist/gateway/liveness.js";
import { createDefaultPolicy } from "../../packages/sallyport/dist/policy/default-policy.js";
import { createIdSealer } from "../../packages/sallyport/dist/sealing/ids.js";
import { createSealer } from "../../packages/sallyport/dist/sealing/sealer.js";
import { createHttpUpstream } from "../../packages/sallyport/dist/upstream/http.js";

const [upstreamPort, tokens, cachedTokens] = process.argv.slice(2, 5).map(Number);
const [keep, before] = process.argv.slice(5);

const port = await new Promise((resolve) => {
  const probe = createServer().listen(0, "127.0.0.1", () => {
    const { port } = probe.address();
    probe.close(() => resolve(port));
  });
});
const publicUrl = `http://localhost:${port}`;
const resource = `${publicUrl}/mcp`;
const issuer = await createTestIssuer({ issuer: publicUrl, resource });
const record = { roles: [], entitled: ["mcp:write"], granted: ["mcp:read"] };
const liveness = createLiveness({
  feed: { since: async () => [], head: async () => 0 },
  records: { load: async () => record },
  system,
});
await liveness.start();
const upstream = createHttpUpstream({
  url: `http://127.0.0.1:${upstreamPort}/mcp`,
  system,
  limits: { connections: 4096 },
});
const resourceServer = createResourceServer({
  resource,
  issuers: [issuer],
  policy: createDefaultPolicy({ scopeOf: (tool) => (tool === "echo" ? "mcp:read" : undefined) }),
  baseline: ["mcp:read"],
  isLive: liveness.isLive(resource),
  verifySignature: verifySignatureNode,
  sha256: sha256Node,
  cachedTokens,
});
const identifiers = createIdSealer(createSealer(randomBytes(32), system));
const decisions = keep === undefined ? {} : { decisions: await openLog() };
const kinds = await credentialsOf();
let credential;
const served = {
  ...{ resourceServer, upstream, identifiers, ...decisions },
  get credentials() {
    return kinds[credential];
  },
};
const gateway = createGateway({
  publicUrl,
  servers: [served],
  web: () => new Response(null, { status: 404 }),
  listen: { port, hosts: ["127.0.0.1"] },
  system,
  standing: liveness,
});
await gateway.listen();
const owner = { iss: publicUrl, sub: "user-1", client_id: "client-1" };
const sessions = identifiers.sealId({ kind: "session", server: "" }, "session", owner);
const made = [];
for (let index = 0; index < tokens; index++) made.push(await issuer.token({ sid: "session-1" }));
process.send?.({ port, tokens: made, session: sessions });
process.on("message", async (question) => {
  if (question.credential !== undefined) {
    credential = question.credential;
    return process.send?.(question);
  }
  // V8 gives pages back some time after a collection, and on another thread: RSS is read when it had that time.
  for (let times = 0; times < 3; times++) {
    globalThis.gc?.();
    await later(150);
  }
  const { rss, heapUsed: heap, external } = process.memoryUsage();
  process.send?.({ question, rss, heap, external, open: gateway.openExchanges, upstream: upstream.stats() });
});

/** What can go on to the upstream, for `bench/exchange.mjs`, which says what does. */
async function credentialsOf() {
  const { CREDENTIALS: kinds = "", TOKEN_ENDPOINT: tokenEndpoint } = process.env;
  const named = kinds.split(" ").filter((kind) => kind !== "");
  if (named.length === 0) return {};
  const { createCredentials } = await import("../exchange/credentials.mjs");
  return Object.fromEntries(named.map((kind) => [kind, createCredentials({ kind, tokenEndpoint, system })]));
}

/** The decision log as the program composes it, in a folder that goes with this process. */
async function openLog() {
  const { createCommitments, createRecorder, openDecisionLog } = await import(
    "../../packages/sallyport/dist/decision-log/index.js"
  );
  const folder = mkdtempSync(join(tmpdir(), "decision-log-"));
  process.on("exit", () => rmSync(folder, { recursive: true }));
  process.on("SIGTERM", () => process.exit());
  const { chain } = await openDecisionLog({ folder, sealer: createSealer(randomBytes(32), system), system });
  return createRecorder({ chain, system, commit: createCommitments(keep, system), before: () => before === "all" });
}
